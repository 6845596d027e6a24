//! Git LFS: batch, basic and multipart upload, verify, locks.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use lyceum_core::limits::MAX_FILE_BYTES;
use lyceum_core::{ByteRange, RepoPath, Revision, Sha256, XetHash};
use lyceum_store::{ByteStream, Ingested};
use lyceum_xet::{Term, encode_terms};
use serde::{Deserialize, Serialize};

use crate::access::grant::Bearer;
use crate::hub::Inner;
use crate::signature::GrantError;
use crate::xet::NewFile;
use crate::{Action, Caller, Error, ErrorKind, FileHandle, Hub, Repo, Result};

pub(crate) mod lock;
pub(crate) mod multipart;

const UPLOAD: &str = "lfs-upload";
const DOWNLOAD: &str = "lfs-download";
/// Lifetime of upload and download addresses in seconds: long enough for the largest file on a slow line.
const GRANT_SECONDS: i64 = 24 * 3600;
/// Objects above this size are sent in parts by clients that can.
const MULTIPART_ABOVE_BYTES: u64 = 1 << 30;

/// What a batch asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LfsOperation {
    /// Read objects.
    Download,
    /// Store objects.
    Upload,
}

/// An object by digest and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LfsObject {
    /// Digest of its content.
    pub sha256: Sha256,
    /// Size in bytes.
    pub size: u64,
}

/// What a client has to do for an object.
#[derive(Debug, Clone)]
pub enum LfsAction {
    /// Nothing: it is stored.
    Nothing,
    /// Send it whole to an address that carries this signed grant.
    Basic {
        /// Signed, expiring; authorises the upload by itself.
        grant: String,
    },
    /// Send it in parts, then complete the upload.
    Multipart {
        /// Signed, expiring; authorises parts and completion by itself.
        grant: String,
        /// Bytes of every part but the last.
        chunk_bytes: u64,
        /// Number of parts, from 1.
        parts: u32,
    },
    /// Read it from an address that carries this signed grant.
    Download {
        /// Signed, expiring; authorises the download by itself.
        grant: String,
    },
    /// It cannot be had: HTTP-like status and reason.
    Error {
        /// 404 or 422.
        code: u16,
        /// Reason.
        message: String,
    },
}

/// The answer for one object, in the order asked.
#[derive(Debug, Clone)]
pub struct LfsAnswer {
    /// The object.
    pub object: LfsObject,
    /// What to do.
    pub action: LfsAction,
}

/// The content of an object that was opened for reading.
#[derive(Debug, Clone)]
pub struct LfsContent(Content);

#[derive(Debug, Clone)]
enum Content {
    Stored(Arc<[Term]>),
    /// A file of a mirror that is fetched when it is read.
    Mirrored(Arc<FileHandle>),
}

/// What an upload or download address allows.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct UploadGrant {
    repo_id: i64,
    bearer: Bearer,
    sha256: String,
    size: u64,
    /// Set for uploads in parts.
    upload: Option<String>,
    /// Set for downloads of what a mirror lacks: a commit and a path where it is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mirrored: Option<(String, String)>,
}

impl Hub {
    /// Answers a batch. Uploads need a repo opened for writing or proposing, downloads one opened for reading.
    pub async fn lfs_batch(
        &self,
        caller: &Caller,
        repo: &Repo,
        operation: LfsOperation,
        objects: &[LfsObject],
        multipart: bool,
    ) -> Result<Vec<LfsAnswer>> {
        let needed = match operation {
            LfsOperation::Download => Action::Read,
            LfsOperation::Upload => Action::Propose,
        };
        if repo.action < needed {
            return Err(Error::internal(format!(
                "an LFS {operation:?} was asked for a repo opened to {:?}",
                repo.action
            )));
        }
        let digests: Vec<Sha256> = objects.iter().map(|object| object.sha256).collect();
        let mut stored = self.inner.db.read().await?.repo_files(repo.record.id, &digests).await?;
        if operation == LfsOperation::Upload {
            // What somebody else claims is no reason to skip an upload.
            stored.retain(|file| file.verified || Some(file.pusher_id) == caller.user_id());
        }
        if operation == LfsOperation::Upload {
            let missing = objects.iter().filter(|object| !stored.iter().any(|f| f.sha256 == object.sha256));
            let bytes = missing.fold(0_u64, |sum, object| sum.saturating_add(object.size));
            if bytes > 0 {
                let user_id = caller.user_id().unwrap_or_default();
                self.check_quota(repo.record.id, user_id, bytes).await?;
            }
        }
        let sizes: HashMap<Sha256, u64> = stored.iter().map(|file| (file.sha256, file.size)).collect();
        let mut mirrored = HashMap::new();
        if operation == LfsOperation::Download && repo.record.mirror && sizes.len() < objects.len() {
            let missing = objects.iter().filter(|object| !sizes.contains_key(&object.sha256));
            mirrored = self.find_missing(repo, missing.copied().collect()).await?;
        }
        let mut answers = Vec::with_capacity(objects.len());
        for object in objects {
            let action = match (sizes.get(&object.sha256), operation) {
                (Some(size), _) if *size != object.size => LfsAction::Error {
                    code: 422,
                    message: format!("object `{}` has {size} bytes, not {}", object.sha256, object.size),
                },
                (Some(_), LfsOperation::Upload) => LfsAction::Nothing,
                (Some(_), LfsOperation::Download) => {
                    LfsAction::Download { grant: self.sign_lfs(DOWNLOAD, caller, repo, object, None) }
                }
                (None, LfsOperation::Download) if mirrored.contains_key(object) => {
                    let place = mirrored.get(object).cloned();
                    LfsAction::Download { grant: self.sign_place(caller, repo, object, place) }
                }
                (None, LfsOperation::Download) => {
                    LfsAction::Error { code: 404, message: format!("object `{}` not found", object.sha256) }
                }
                (None, LfsOperation::Upload) if object.size > MAX_FILE_BYTES => LfsAction::Error {
                    code: 422,
                    message: format!("object `{}` is over {} GiB", object.sha256, MAX_FILE_BYTES >> 30),
                },
                (None, LfsOperation::Upload) if multipart && object.size > MULTIPART_ABOVE_BYTES => {
                    self.start_parts(caller, repo, object).await?
                }
                (None, LfsOperation::Upload) => {
                    LfsAction::Basic { grant: self.sign_lfs(UPLOAD, caller, repo, object, None) }
                }
            };
            answers.push(LfsAnswer { object: *object, action });
        }
        Ok(answers)
    }

    /// Stores a whole object.
    pub async fn lfs_put<S, E>(&self, grant: &str, body: S) -> Result<()>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let grant = self.check_lfs(UPLOAD, grant).await?;
        self.ingest(&grant, body).await
    }

    /// Reports whether the repo has the object with this size; `NotFound` otherwise.
    pub async fn lfs_verify(&self, repo: &Repo, object: LfsObject) -> Result<()> {
        let stored = self.inner.db.read().await?.repo_file(repo.record.id, &object.sha256).await?;
        match stored {
            Some(file) if file.size == object.size => Ok(()),
            Some(file) => Err(Error::new(
                ErrorKind::Unprocessable,
                format!("object `{}` has {} bytes, not {}", object.sha256, file.size, object.size),
            )),
            None => Err(Error::new(ErrorKind::NotFound, format!("object `{}` not found", object.sha256))),
        }
    }

    /// Opens an object for reading by its download grant: its size and a way to read it.
    pub async fn lfs_open(&self, grant: &str) -> Result<(LfsObject, LfsContent)> {
        let grant = self.check_lfs(DOWNLOAD, grant).await?;
        let sha256 = grant.sha256()?;
        let missing = || Error::new(ErrorKind::NotFound, format!("object `{sha256}` not found"));
        let mut db = self.inner.db.read().await?;
        if let Some(file) = db.repo_file(grant.repo_id, &sha256).await? {
            drop(db);
            let terms = self.terms(file.xet_hash).await?.ok_or_else(missing)?;
            return Ok((LfsObject { sha256, size: file.size }, LfsContent(Content::Stored(terms))));
        }
        let record = db.repo(grant.repo_id).await?;
        drop(db);
        let (record, (commit, path)) = record.zip(grant.mirrored).ok_or_else(missing)?;
        // The grant was checked: its user may read the repo.
        let repo = Repo { record, action: Action::Read };
        let file = self.file(&repo, &Revision::parse(&commit)?, &RepoPath::parse(&path)?).await?;
        let size = file.entry.size;
        if file.entry.lfs.is_none_or(|lfs| lfs.sha256 != sha256) {
            return Err(missing());
        }
        Ok((LfsObject { sha256, size }, LfsContent(Content::Mirrored(Arc::new(file)))))
    }

    /// Streams bytes of an object opened by [`lfs_open`](Self::lfs_open).
    pub async fn lfs_read(&self, content: LfsContent, range: ByteRange) -> Result<ByteStream> {
        match content.0 {
            Content::Stored(terms) => Ok(self.inner.store.read_file(terms, range).await?),
            Content::Mirrored(file) => self.read_file(&file, range).await,
        }
    }

    /// Chunks and stores a stream, and records it as a file of the repo if it is what was announced.
    async fn ingest<S, E>(&self, grant: &UploadGrant, body: S) -> Result<()>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let announced = LfsObject { sha256: grant.sha256()?, size: grant.size };
        self.keep_large(grant.repo_id, grant.bearer.user_id, Some(announced), MAX_FILE_BYTES, body).await?;
        Ok(())
    }

    /// Chunks and stores a stream of at most `most` bytes, and records it as a file of a repo, if it is what was
    /// announced; returns its digest and size.
    pub(crate) async fn keep_large<S, E>(
        &self,
        repo_id: i64,
        user_id: i64,
        announced: Option<LfsObject>,
        most: u64,
        body: S,
    ) -> Result<(Sha256, u64)>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        let size = announced.map(|object| object.size);
        self.check_quota(repo_id, user_id, size.unwrap_or(most)).await?;
        let ingested = self.inner.store.ingest(body, size, most, &KnownChunks(self.inner.clone())).await?;
        let Ingested { hash, sha256, size, terms, xorbs } = ingested;
        // Whatever they turn out to be, they are there.
        let stored = xorbs.iter().map(|index| index.stored_bytes()).sum();
        self.record_xorbs(repo_id, user_id, xorbs.clone(), stored).await?;
        if let Some(expected) = announced.map(|object| object.sha256).filter(|expected| *expected != sha256) {
            return Err(Error::new(
                ErrorKind::Unprocessable,
                format!("the content has the sha256 `{sha256}`, not `{expected}`"),
            ));
        }
        let first_chunk = self.first_chunk(&terms).await?;
        let file = NewFile {
            hash,
            size,
            terms: encode_terms(&terms),
            sha256: Some(sha256),
            verified: true,
            first_chunk,
        };
        self.record(repo_id, user_id, vec![file], &xorbs, hash).await?;
        Ok((sha256, size))
    }

    /// Returns the first chunk of a file and the xorb that holds it.
    pub(crate) async fn first_chunk(&self, terms: &[Term]) -> Result<Option<(XetHash, XetHash)>> {
        let Some(term) = terms.first() else {
            return Ok(None);
        };
        let index = self.inner.store.xorb_index(term.xorb).await?;
        let chunk =
            index.and_then(|index| index.chunks.get(term.chunks.start as usize).map(|chunk| chunk.hash));
        Ok(chunk.map(|chunk| (chunk, term.xorb)))
    }

    fn sign_lfs(
        &self,
        purpose: &str,
        caller: &Caller,
        repo: &Repo,
        object: &LfsObject,
        upload: Option<String>,
    ) -> String {
        let expires_at = self.inner.clock.now().plus_seconds(GRANT_SECONDS);
        let grant = UploadGrant { upload, ..UploadGrant::new(caller, repo, object) };
        self.inner.signer.sign(purpose, expires_at, &grant)
    }

    /// Signs the download of what a mirror lacks.
    fn sign_place(
        &self,
        caller: &Caller,
        repo: &Repo,
        object: &LfsObject,
        mirrored: Option<(String, String)>,
    ) -> String {
        let expires_at = self.inner.clock.now().plus_seconds(GRANT_SECONDS);
        let grant = UploadGrant { mirrored, ..UploadGrant::new(caller, repo, object) };
        self.inner.signer.sign(DOWNLOAD, expires_at, &grant)
    }

    /// Checks the grant of an address, and that its user may still do what it is for.
    async fn check_lfs(&self, purpose: &str, grant: &str) -> Result<UploadGrant> {
        let checked = self.inner.signer.check(purpose, self.inner.clock.now(), grant);
        let grant: UploadGrant = checked.map_err(|error| match error {
            GrantError::Forged => Error::new(ErrorKind::Forbidden, "this address is not valid"),
            GrantError::Expired => {
                Error::new(ErrorKind::Forbidden, "this address is expired; ask for a new one")
            }
        })?;
        let action = if purpose == UPLOAD { Action::Propose } else { Action::Read };
        if self.still_allowed(grant.repo_id, grant.bearer, action).await? {
            return Ok(grant);
        }
        Err(Error::new(ErrorKind::Forbidden, "this address is no longer valid; ask for a new one"))
    }
}

impl UploadGrant {
    fn new(caller: &Caller, repo: &Repo, object: &LfsObject) -> Self {
        Self {
            repo_id: repo.record.id,
            bearer: Bearer::of(caller),
            sha256: object.sha256.to_string(),
            size: object.size,
            upload: None,
            mirrored: None,
        }
    }

    fn sha256(&self) -> Result<Sha256> {
        self.sha256.parse().map_err(Error::internal)
    }
}

/// The chunks that the hub already has, for ingest to leave out.
pub(crate) struct KnownChunks(pub(crate) Arc<Inner>);

impl lyceum_store::Dedup for KnownChunks {
    async fn lookup(&self, chunk: XetHash) -> Option<XetHash> {
        // Storing a chunk twice is waste, not an error.
        self.0.db.read().await.ok()?.xorb_of_chunk(&chunk).await.ok()?
    }
}
