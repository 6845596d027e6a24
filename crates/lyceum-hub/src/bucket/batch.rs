//! Changing the files of a bucket: many at once, in one transaction.

use std::collections::{BTreeMap, HashMap};

use lyceum_core::limits::{MAX_BUCKET_EVENTS, MAX_BUCKET_OPERATIONS};
use lyceum_core::{RepoId, RepoKind, RepoPath, Timestamp, XetHash};
use lyceum_db::{BucketChange, BucketEvent, BucketFile};

use crate::account::append_event;
use crate::{Action, Caller, Error, ErrorKind, Hub, Repo, Result, quota};

/// Most repos and buckets that one batch copies from.
const MAX_SOURCES: usize = 64;
/// How long a bucket may read what was uploaded to it and has no path, in seconds: a batch follows its upload.
const UNNAMED_SECONDS: i64 = 24 * 3600;

/// One line of a batch.
#[derive(Debug, Clone)]
pub enum BucketOperation {
    /// Puts a file that was uploaded to this bucket, or is in it already.
    Add {
        /// Where; not yet checked.
        path: String,
        /// Its content.
        xet_hash: XetHash,
        /// When it last changed, as the client says.
        mtime: Option<Timestamp>,
    },
    /// Puts a file of another repo or bucket that the caller may read.
    Copy {
        /// Where; not yet checked.
        path: String,
        /// Its content.
        xet_hash: XetHash,
        /// When it last changed, as the client says.
        mtime: Option<Timestamp>,
        /// What it is copied from.
        kind: RepoKind,
        /// What it is copied from.
        source: RepoId,
    },
    /// Takes a file away; to take away what is not there is no failure, so that a batch may be sent again.
    Delete {
        /// Where; not yet checked.
        path: String,
    },
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketBatch {
    /// Lines that took effect.
    pub succeeded: usize,
    /// Path and reason of each line that did not.
    pub failed: Vec<(String, String)>,
}

/// What the lines of a batch say together, ready to be written.
#[derive(Clone)]
struct Plan {
    repo_id: i64,
    owner_id: i64,
    actor_id: i64,
    /// What shall be at each path: nothing, or a file.
    paths: BTreeMap<String, Option<BucketFile>>,
    at: Timestamp,
}

/// What a source gives: sizes of the files that may be copied, or why none may.
type Readable = Result<HashMap<XetHash, u64>, String>;

impl Hub {
    /// Applies operations in their order, as one change: others see all that succeeded, or none. Needs a bucket opened
    /// with [`Action::Write`].
    pub async fn change_bucket_files(
        &self,
        caller: &Caller,
        bucket: &Repo,
        operations: Vec<BucketOperation>,
    ) -> Result<BucketBatch> {
        let actor_id = caller.signed_in()?.user_id;
        if bucket.action < Action::Write {
            return Err(Error::internal("a bucket was to be changed that was not opened for it"));
        }
        if operations.len() > MAX_BUCKET_OPERATIONS {
            let message = format!("a batch may have at most {MAX_BUCKET_OPERATIONS} operations");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let readable = self.readable_sources(caller, bucket, &operations).await?;
        let at = self.inner.clock.now();
        let mut plan = Plan {
            repo_id: bucket.record.id,
            owner_id: bucket.record.owner_id,
            actor_id,
            paths: BTreeMap::new(),
            at,
        };
        let mut outcome = BucketBatch::default();
        for operation in operations {
            let path = operation.path().to_owned();
            match plan.add(operation, bucket, &readable) {
                Ok(()) => outcome.succeeded += 1,
                Err(reason) => outcome.failed.push((path, reason)),
            }
        }
        if !plan.paths.is_empty() {
            let written = self.inner.db.write(move |tx| Box::pin(async move { plan.write(tx).await })).await;
            self.with_quota(bucket.record.id, actor_id, written).await?;
            self.inner.followers.tell(bucket.record.id);
        }
        Ok(outcome)
    }

    /// Finds what the operations may put, with one access check and one lookup per source.
    async fn readable_sources(
        &self,
        caller: &Caller,
        bucket: &Repo,
        operations: &[BucketOperation],
    ) -> Result<HashMap<(RepoKind, String), Readable>> {
        let mut wanted: HashMap<(RepoKind, String), (RepoId, Vec<XetHash>)> = HashMap::new();
        for operation in operations {
            let (kind, source, hash) = match operation {
                BucketOperation::Add { xet_hash, .. } => (RepoKind::Bucket, bucket.id(), *xet_hash),
                BucketOperation::Copy { xet_hash, kind, source, .. } => (*kind, source, *xet_hash),
                BucketOperation::Delete { .. } => continue,
            };
            let new = || (source.clone(), Vec::new());
            wanted.entry((kind, source.key())).or_insert_with(new).1.push(hash);
        }
        if wanted.len() > MAX_SOURCES {
            let message = format!("a batch may copy from at most {MAX_SOURCES} repos and buckets");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let mut readable = HashMap::with_capacity(wanted.len());
        for ((kind, key), (source, mut hashes)) in wanted {
            let opened = if (kind, &key) == (RepoKind::Bucket, &bucket.id().key()) {
                Ok(bucket.clone())
            } else {
                self.open(caller, kind, &source, Action::Read).await
            };
            let found = match opened {
                Ok(repo) => {
                    hashes.sort_unstable();
                    hashes.dedup();
                    let files =
                        self.inner.db.read().await?.readable_xet_files(repo.record.id, &hashes).await?;
                    Ok(files.into_iter().collect())
                }
                Err(error) => Err(refusal(kind, &source, error)?),
            };
            readable.insert((kind, key), found);
        }
        Ok(readable)
    }
}

/// Turns the failure to open a source into the reason of its lines; what is the hub's fault fails the batch.
fn refusal(kind: RepoKind, source: &RepoId, error: Error) -> Result<String> {
    match error.kind() {
        ErrorKind::RepoNotFound => Ok(format!("{kind} `{source}` not found")),
        ErrorKind::Gated | ErrorKind::Disabled | ErrorKind::Forbidden => Ok(error.message().to_owned()),
        _ => Err(error),
    }
}

impl BucketOperation {
    /// Returns the path that it changes.
    pub fn path(&self) -> &str {
        match self {
            Self::Add { path, .. } | Self::Copy { path, .. } | Self::Delete { path } => path,
        }
    }
}

impl Plan {
    /// Takes up an operation; the error is the reason why it cannot be done.
    fn add(
        &mut self,
        operation: BucketOperation,
        bucket: &Repo,
        readable: &HashMap<(RepoKind, String), Readable>,
    ) -> Result<(), String> {
        let path = RepoPath::parse(operation.path()).map_err(|error| error.to_string())?;
        let (kind, source, xet_hash, mtime) = match &operation {
            BucketOperation::Add { xet_hash, mtime, .. } => {
                (RepoKind::Bucket, bucket.id(), *xet_hash, *mtime)
            }
            BucketOperation::Copy { xet_hash, mtime, kind, source, .. } => (*kind, source, *xet_hash, *mtime),
            BucketOperation::Delete { .. } => {
                self.paths.insert(path.as_str().to_owned(), None);
                return Ok(());
            }
        };
        let missing = || match operation {
            BucketOperation::Add { .. } => format!("content `{xet_hash}` was not uploaded to this bucket"),
            _ => format!("content `{xet_hash}` not found in {kind} `{source}`"),
        };
        let files =
            readable.get(&(kind, source.key())).ok_or_else(missing)?.as_ref().map_err(Clone::clone)?;
        let size = *files.get(&xet_hash).ok_or_else(missing)?;
        let path = path.as_str().to_owned();
        let file = BucketFile { path: path.clone(), size, xet_hash, mtime, uploaded_at: self.at };
        self.paths.insert(path, Some(file));
        Ok(())
    }

    async fn write(self, tx: &mut lyceum_db::Queries) -> Result<()> {
        let Self { repo_id, owner_id, actor_id, paths, at } = self;
        // First of all, because it locks the repo's row: batches of one bucket happen one after another.
        tx.touch_repo(repo_id, at, Some(at)).await?;
        let names: Vec<String> = paths.keys().cloned().collect();
        let before = tx.bucket_files(repo_id, &names).await?;
        let mut before: HashMap<String, BucketFile> =
            before.into_iter().map(|file| (file.path.clone(), file)).collect();

        let (mut files, mut bytes) = (0_i64, 0_i64);
        let (mut put, mut deleted, mut unnamed, mut events) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (path, after) in paths {
            let old = before.remove(&path);
            let change = match (&old, &after) {
                (None, None) => continue,
                (None, Some(_)) => BucketChange::Add,
                (Some(_), Some(_)) => BucketChange::Update,
                (Some(_), None) => BucketChange::Delete,
            };
            files += i64::from(after.is_some()) - i64::from(old.is_some());
            bytes += size(after.as_ref()) - size(old.as_ref());
            events.push(BucketEvent {
                seq: 0,
                change,
                path: path.clone(),
                size: after.as_ref().map(|file| file.size),
                xet_hash: after.as_ref().map(|file| file.xet_hash),
                mtime: after.as_ref().and_then(|file| file.mtime),
                at,
            });
            unnamed.extend(old.map(|file| file.xet_hash));
            match after {
                Some(file) => put.push(file),
                None => deleted.push(path),
            }
        }
        tx.put_bucket_files(repo_id, &put).await?;
        tx.delete_bucket_files(repo_id, &deleted).await?;
        let gone = || Error::new(ErrorKind::RepoNotFound, "the bucket was deleted meanwhile");
        if bytes != 0 {
            let payer = quota::payer(tx, owner_id, actor_id).await?;
            quota::charge(tx, payer, bytes, 0).await?;
        }
        let count = events.len() as u64;
        let totals = tx.change_bucket(repo_id, files, bytes, count).await?.ok_or_else(gone)?;
        for (event, seq) in events.iter_mut().zip(totals.last_event - count + 1..) {
            event.seq = seq;
        }
        tx.insert_bucket_events(repo_id, &events).await?;
        tx.forget_bucket_events(repo_id, totals.last_event.saturating_sub(MAX_BUCKET_EVENTS)).await?;
        unnamed.sort_unstable();
        unnamed.dedup();
        tx.unlink_bucket_xet_files(repo_id, &unnamed, at.plus_seconds(-UNNAMED_SECONDS)).await?;
        let detail =
            serde_json::json!({ "put": put.len(), "deleted": deleted.len(), "last": totals.last_event });
        append_event(tx, Some(repo_id), Some(actor_id), "change-bucket", &detail, at).await
    }
}

fn size(file: Option<&BucketFile>) -> i64 {
    file.map_or(0, |file| i64::try_from(file.size).expect("sizes of files are bounded"))
}
