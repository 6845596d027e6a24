//! Images, videos and sounds that people show in comments.
//!
//! An attachment is uploaded before the comment that shows it is written. Until then it is its uploader's alone. From
//! then on it belongs to the repo of that comment: whoever may see the repo may see it, wherever else it is shown.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use lyceum_core::ByteRange;
use lyceum_core::limits::MAX_ATTACHMENT_BYTES;
use lyceum_store::{BlobKey, ByteStream};

use crate::access::{Permission, check};
use crate::{Action, Caller, Error, ErrorKind, Hub, Result};

/// Most bytes that one user may attach in a day.
const MAX_BYTES_A_DAY: u64 = 1024 * 1024 * 1024;
const DAY_SECONDS: i64 = 24 * 3600;
/// Most attachments that one text shows; what it names beyond is not looked at.
const MAX_SHOWN: usize = 100;
/// What comes before the name in an address.
const ADDRESS: &str = "/uploads/";
/// Bytes by which a file is recognised.
const PROBE_BYTES: usize = 16;

/// A file that is shown in comments.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// The last part of its address.
    pub name: String,
    /// What its bytes were found to be: an image, a video or a sound.
    pub media_type: String,
    /// Its length.
    pub bytes: u64,
}

impl Hub {
    /// Stores a file to be shown in comments. What it is decides itself by its first bytes, whatever the client says.
    pub async fn attach<S, E>(&self, caller: &Caller, mut body: S) -> Result<Attachment>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let identity = caller.signed_in()?;
        if !identity.limits().is_some_and(|scopes| scopes.everywhere().any(&[Permission::Discuss])) {
            identity.may(&[Permission::Discuss], identity.user_id)?;
        }
        let (user_id, now) = (identity.user_id, self.inner.clock.now());
        let since = now.plus_seconds(-DAY_SECONDS);
        check_day(self.inner.db.read().await?.attached_bytes(user_id, since).await?, 0)?;

        let (mut first, mut probe) = (Vec::new(), Vec::new());
        while probe.len() < PROBE_BYTES {
            let Some(frame) = body.next().await else {
                break;
            };
            if let Ok(bytes) = &frame {
                probe.extend(bytes.iter().take(PROBE_BYTES - probe.len()));
            }
            let broken = frame.is_err();
            first.push(frame);
            if broken {
                break;
            }
        }
        let (media_type, ending) = recognise(&probe).ok_or_else(|| {
            let message = "only images (PNG, JPEG, GIF, WebP, AVIF), videos (MP4, QuickTime, WebM) and sounds (MP3, WAV, \
                           FLAC, Ogg) can be attached";
            Error::new(ErrorKind::Invalid, message)
        })?;
        let row = lyceum_db::Attachment {
            name: format!("{}.{ending}", self.inner.entropy.id()),
            user_id: Some(user_id),
            repo_id: None,
            media_type: media_type.to_owned(),
            bytes: 0,
            created_at: now,
        };
        let (hub, body) = (self.clone(), stream::iter(first).chain(body));
        // On a task of its own: a request that is dropped must not leave a file without a record.
        tokio::spawn(async move { hub.keep_attachment(user_id, row, body).await })
            .await
            .map_err(Error::internal)?
    }

    async fn keep_attachment<S, E>(
        &self,
        user_id: i64,
        row: lyceum_db::Attachment,
        body: S,
    ) -> Result<Attachment>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        let (key, since) = (key(&row.name)?, row.created_at.plus_seconds(-DAY_SECONDS));
        let bytes = self.inner.store.put_blob_stream(&key, body, MAX_ATTACHMENT_BYTES).await?;
        let row = lyceum_db::Attachment { bytes, ..row };
        let made = Attachment { name: row.name.clone(), media_type: row.media_type.clone(), bytes };
        let kept = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    check_day(tx.attached_bytes(user_id, since).await?, bytes)?;
                    Ok::<_, Error>(tx.insert_attachment(&row).await?)
                })
            })
            .await;
        match kept {
            Ok(_) => Ok(made),
            Err(error) => {
                self.inner.store.delete_blob(&key).await?;
                Err(error)
            }
        }
    }

    /// Finds an attachment that the caller may see; others are answered as missing.
    pub async fn attachment(&self, caller: &Caller, name: &str) -> Result<Attachment> {
        let missing = || Error::new(ErrorKind::NotFound, "there is no such attachment");
        let mut db = self.inner.db.read().await?;
        let found = db.attachment(name).await?.ok_or_else(missing)?;
        let own = found.user_id.is_some() && found.user_id == caller.user_id();
        if !own {
            let repo_id = found.repo_id.ok_or_else(missing)?;
            let access = db.repo_access_by_id(repo_id, caller.user_id().unwrap_or_default()).await?;
            let access = access.ok_or_else(missing)?;
            let now = self.inner.clock.now();
            check(caller, &access.repo, &access.standing, Action::Discover, now).map_err(|_| missing())?;
        }
        Ok(Attachment { name: found.name, media_type: found.media_type, bytes: found.bytes })
    }

    /// Streams bytes of an attachment.
    pub async fn read_attachment(&self, attachment: &Attachment, range: ByteRange) -> Result<ByteStream> {
        Ok(self.inner.store.stream_blob(&key(&attachment.name)?, Some(range)).await?)
    }
}

/// Gives the attachments that a text shows to the repo it is said in, as far as they are the speaker's and nobody's yet.
pub(crate) async fn bind(tx: &mut lyceum_db::Queries, user_id: i64, text: &str, repo_id: i64) -> Result<()> {
    let names = shown(text);
    if names.is_empty() { Ok(()) } else { Ok(tx.bind_attachments(user_id, &names, repo_id).await?) }
}

/// Returns the names of the attachments that a text may show.
fn shown(text: &str) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for rest in text.split(ADDRESS).skip(1) {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
        // A full stop after an address is not part of it.
        let name = rest[..end].trim_end_matches('.');
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
        if names.len() == MAX_SHOWN {
            break;
        }
    }
    names
}

fn check_day(attached: u64, more: u64) -> Result<()> {
    if attached + more > MAX_BYTES_A_DAY {
        let limit = MAX_BYTES_A_DAY >> 20;
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("you may attach at most {limit} MiB a day; please try again tomorrow"),
        ));
    }
    Ok(())
}

/// Returns where an attachment is stored.
pub(crate) fn key(name: &str) -> Result<BlobKey> {
    let folder = name.get(..2).unwrap_or_default();
    Ok(BlobKey::attachment(&format!("{folder}/{name}"))?)
}

/// Returns the media type and the usual ending of a file that browsers show without running anything in it.
fn recognise(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let at = |offset: usize, bytes: &[u8]| start.get(offset..).is_some_and(|rest| rest.starts_with(bytes));
    let brand = |brand: &[u8]| at(4, b"ftyp") && at(8, brand);
    Some(match start {
        _ if at(0, b"\x89PNG\r\n\x1a\n") => ("image/png", "png"),
        _ if at(0, b"\xff\xd8\xff") => ("image/jpeg", "jpeg"),
        _ if at(0, b"GIF87a") || at(0, b"GIF89a") => ("image/gif", "gif"),
        _ if at(0, b"RIFF") && at(8, b"WEBP") => ("image/webp", "webp"),
        _ if brand(b"avif") || brand(b"avis") => ("image/avif", "avif"),
        _ if brand(b"qt  ") => ("video/quicktime", "mov"),
        _ if brand(b"M4A ") => ("audio/mp4", "m4a"),
        _ if at(4, b"ftyp") => ("video/mp4", "mp4"),
        _ if at(0, b"\x1a\x45\xdf\xa3") => ("video/webm", "webm"),
        _ if at(0, b"RIFF") && at(8, b"WAVE") => ("audio/wav", "wav"),
        _ if at(0, b"fLaC") => ("audio/flac", "flac"),
        _ if at(0, b"OggS") => ("audio/ogg", "ogg"),
        _ if at(0, b"ID3") => ("audio/mpeg", "mp3"),
        // A frame of MPEG audio: eleven set bits, a version that exists, layer III.
        [0xff, second, ..] if second & 0xe6 == 0xe2 && second & 0x18 != 0x08 => ("audio/mpeg", "mp3"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
