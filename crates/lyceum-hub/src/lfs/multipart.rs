//! Uploads in parts: parts wait in the store until the client joins them.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use lyceum_db::UploadPart;
use lyceum_store::BlobKey;

use super::{GRANT_SECONDS, LfsAction, LfsObject, LfsOperation, UPLOAD, UploadGrant};
use crate::{Caller, Error, ErrorKind, Hub, Repo, Result};

/// Size of every part but the last, unless the object would need too many.
const PART_BYTES: u64 = 64 << 20;
/// Size of every part that a browser sends but the last: little is lost when the connection breaks.
const SMALL_PART_BYTES: u64 = 16 << 20;
/// Most parts of an upload.
const MAX_PARTS: u64 = 10_000;

/// An upload in parts that may have been interrupted.
#[derive(Debug, Clone)]
pub struct PartedUpload {
    /// Signed, expiring; names the upload.
    pub grant: String,
    /// Bytes of every part but the last.
    pub chunk_bytes: u64,
    /// Number of parts, from 1.
    pub parts: u32,
    /// Numbers of those that are stored.
    pub stored: Vec<u32>,
}

impl Hub {
    /// Begins an upload in parts to a repo opened for writing or proposing, or goes on with one of the same content by
    /// the same user; `None` if the content is stored.
    pub async fn resume_upload(
        &self,
        caller: &Caller,
        repo: &Repo,
        object: LfsObject,
    ) -> Result<Option<PartedUpload>> {
        let answers = self.lfs_batch(caller, repo, LfsOperation::Upload, &[object], false).await?;
        match answers.into_iter().next().map(|answer| answer.action) {
            Some(LfsAction::Nothing) => return Ok(None),
            Some(LfsAction::Basic { .. }) => {}
            Some(LfsAction::Error { message, .. }) => {
                return Err(Error::new(ErrorKind::Unprocessable, message));
            }
            _ => return Err(Error::internal("an upload was answered by something else")),
        }
        let (user_id, now) = (caller.signed_in()?.user_id, self.inner.clock.now());
        let chunk_bytes = SMALL_PART_BYTES.max(object.size.div_ceil(MAX_PARTS));
        let mut db = self.inner.db.read().await?;
        let found = db.upload_of(repo.record.id, user_id, &object.sha256, chunk_bytes, now).await?;
        let found = found.filter(|found| found.size == object.size);
        let (grant, stored) = match found {
            Some(upload) => {
                let stored = db.parts(&upload.id).await?.into_iter().map(|part| part.number).collect();
                (self.sign_lfs(UPLOAD, caller, repo, &object, Some(upload.id)), stored)
            }
            None => {
                drop(db);
                let id = self.insert_upload(caller, repo, &object, chunk_bytes).await?;
                (self.sign_lfs(UPLOAD, caller, repo, &object, Some(id)), Vec::new())
            }
        };
        let parts = u32::try_from(object.size.div_ceil(chunk_bytes)).map_err(Error::internal)?;
        Ok(Some(PartedUpload { grant, chunk_bytes, parts, stored }))
    }

    /// Joins the parts of an upload that [`resume_upload`](Self::resume_upload) began. If they do not make what was
    /// announced they are dropped, so that the next attempt begins anew.
    pub async fn finish_upload(&self, grant: &str) -> Result<()> {
        let upload = self.upload(&self.check_lfs(UPLOAD, grant).await?).await?;
        let stored = self.inner.db.read().await?.parts(&upload.id).await?;
        let parts: Vec<_> = stored.into_iter().map(|part| (part.number, part.etag)).collect();
        match self.lfs_complete(grant, &parts).await {
            Err(error) if error.kind() == ErrorKind::Unprocessable => {
                self.drop_upload(&upload.id).await?;
                Err(error)
            }
            finished => finished,
        }
    }

    pub(super) async fn start_parts(
        &self,
        caller: &Caller,
        repo: &Repo,
        object: &LfsObject,
    ) -> Result<LfsAction> {
        let chunk_bytes = PART_BYTES.max(object.size.div_ceil(MAX_PARTS));
        let id = self.insert_upload(caller, repo, object, chunk_bytes).await?;
        let parts = u32::try_from(object.size.div_ceil(chunk_bytes)).map_err(Error::internal)?;
        Ok(LfsAction::Multipart {
            grant: self.sign_lfs(UPLOAD, caller, repo, object, Some(id)),
            chunk_bytes,
            parts,
        })
    }

    /// Records an upload without parts, and returns its name.
    async fn insert_upload(
        &self,
        caller: &Caller,
        repo: &Repo,
        object: &LfsObject,
        chunk_bytes: u64,
    ) -> Result<String> {
        let now = self.inner.clock.now();
        let id = self.inner.entropy.id();
        let row = lyceum_db::Upload {
            id: id.clone(),
            repo_id: repo.record.id,
            user_id: caller.signed_in()?.user_id,
            sha256: object.sha256,
            size: object.size,
            chunk_bytes,
            created_at: now,
            expires_at: now.plus_seconds(GRANT_SECONDS),
        };
        self.inner
            .db
            .write(move |tx| Box::pin(async move { Ok::<_, Error>(tx.insert_upload(&row).await?) }))
            .await?;
        Ok(id)
    }

    /// Stores one part and returns its entity tag, without quotes.
    pub async fn lfs_put_part<S, E>(&self, grant: &str, number: u32, body: S) -> Result<String>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let upload = self.upload(&self.check_lfs(UPLOAD, grant).await?).await?;
        let parts = upload.size.div_ceil(upload.chunk_bytes);
        if number == 0 || u64::from(number) > parts {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("part {number} does not exist: there are parts 1 to {parts}"),
            ));
        }
        let expected = upload.chunk_bytes.min(upload.size - upload.chunk_bytes * u64::from(number - 1));
        // A name of its own for each attempt: blobs never change, and the tag of the last attempt is the one that counts.
        let etag = self.inner.entropy.id();
        let key = part_key(&upload.id, number, &etag)?;
        let size = self.inner.store.put_blob_stream(&key, body, expected).await?;
        if size != expected {
            self.inner.store.delete_blob(&key).await?;
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("part {number} has {size} bytes, not {expected}"),
            ));
        }
        let part = UploadPart { number, etag: etag.clone(), size };
        self.inner
            .db
            .write(move |tx| Box::pin(async move { Ok::<_, Error>(tx.put_part(&upload.id, &part).await?) }))
            .await?;
        Ok(etag)
    }

    /// Joins the parts, given as (number, entity tag).
    pub async fn lfs_complete(&self, grant: &str, parts: &[(u32, String)]) -> Result<()> {
        let grant = self.check_lfs(UPLOAD, grant).await?;
        let upload = self.upload(&grant).await?;
        let stored: BTreeMap<u32, String> = self
            .inner
            .db
            .read()
            .await?
            .parts(&upload.id)
            .await?
            .into_iter()
            .map(|part| (part.number, part.etag))
            .collect();
        let total = upload.size.div_ceil(upload.chunk_bytes);
        for number in 1..=u32::try_from(total).map_err(Error::internal)? {
            let named =
                parts.iter().find(|(named, _)| *named == number).map(|(_, etag)| etag.trim_matches('"'));
            if named.is_none() || named != stored.get(&number).map(String::as_str) {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("part {number} is missing or differs from what was uploaded"),
                ));
            }
        }
        let store = self.inner.store.clone();
        let keys: Vec<BlobKey> =
            stored.iter().map(|(number, etag)| part_key(&upload.id, *number, etag)).collect::<Result<_>>()?;
        let body = futures_util::stream::iter(keys)
            .then(move |key| {
                let store = store.clone();
                async move { store.stream_blob(&key, None).await }
            })
            .try_flatten()
            // Without a name for its type, the compiler cannot tell callers that this future is `Send`.
            .boxed();
        self.ingest(&grant, body).await?;
        self.drop_upload(&upload.id).await
    }

    /// Forgets an upload and deletes its parts.
    pub(crate) async fn drop_upload(&self, id: &str) -> Result<()> {
        let parts = self.inner.db.read().await?.parts(id).await?;
        for part in parts {
            self.inner.store.delete_blob(&part_key(id, part.number, &part.etag)?).await?;
        }
        let id = id.to_owned();
        self.inner
            .db
            .write(move |tx| Box::pin(async move { Ok::<_, Error>(tx.delete_upload(&id).await?) }))
            .await?;
        Ok(())
    }

    async fn upload(&self, grant: &UploadGrant) -> Result<lyceum_db::Upload> {
        let id = grant
            .upload
            .as_deref()
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "this upload is not in parts"))?;
        let upload = self.inner.db.read().await?.upload(id).await?;
        upload.ok_or_else(|| Error::new(ErrorKind::NotFound, "this upload is finished or expired"))
    }
}

fn part_key(upload: &str, number: u32, etag: &str) -> Result<BlobKey> {
    Ok(BlobKey::upload(&format!("{upload}/{number}-{etag}"))?)
}
