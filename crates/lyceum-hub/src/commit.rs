//! Commits through the API.

use std::collections::HashSet;

use bytes::Bytes;
use lyceum_core::limits::{MAX_COMMIT_OPERATIONS, MAX_MESSAGE_BYTES, MAX_REGULAR_FILE_BYTES};
use lyceum_core::{AccountName, Oid, RefName, RepoPath, Revision, Sha256, Timestamp};
use lyceum_git::{Edit, EditError, Mode, ObjectKind, Pointer, SegmentWriter, Signature};

use crate::access::Identity;
use crate::{Action, Caller, Error, ErrorKind, Hub, Repo, Result};

mod land;
mod stream;

pub(crate) use land::{Landed, Landing, RefMove, insert_segment, name_large};

/// How often a commit without an expected parent is replayed on a head that moved meanwhile.
const MAX_REPLAYS: usize = 64;
/// Content up to this size is hashed and deflated in place; more goes to a thread for blocking work.
const INLINE_WORK_BYTES: usize = 32 * 1024;

/// One line of a commit.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Message and expected parent; must come first.
    Header {
        /// First line of the message.
        summary: String,
        /// Rest of the message.
        description: String,
        /// Commit id, or its first digits, that the head must still be.
        parent: Option<String>,
    },
    /// A regular file with its content.
    File {
        /// Where.
        path: RepoPath,
        /// Content.
        content: Bytes,
    },
    /// A large file that was uploaded to this repo, or is in it already.
    LfsFile {
        /// Where.
        path: RepoPath,
        /// Digest of its content.
        sha256: Sha256,
        /// Its size, if the client says it; checked against what is stored.
        size: Option<u64>,
    },
    /// A file, or a folder, to delete.
    DeletedFile(RepoPath),
    /// A folder to delete.
    DeletedFolder(RepoPath),
}

/// A commit that landed.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Its id.
    pub oid: Oid,
    /// Number of the pull request that was opened.
    pub pull_request: Option<i64>,
}

/// A commit being received: operations are taken one by one, so that memory does not grow with their content.
pub struct CommitBuilder {
    hub: Hub,
    repo: Repo,
    author: Identity,
    /// The branch, or the base of the pull request to open.
    target: RefName,
    create_pr: bool,
    header: Option<Header>,
    /// Taken while a blocking thread works with it.
    segment: Option<SegmentWriter>,
    operations: usize,
    edits: Vec<Edit>,
    large: Vec<LargeFile>,
    /// Large files that were found, with their paths.
    named: Vec<(Sha256, String)>,
}

struct Header {
    summary: String,
    message: String,
    parent: Option<String>,
}

struct LargeFile {
    path: RepoPath,
    sha256: Sha256,
    size: Option<u64>,
}

impl Hub {
    /// Starts a commit onto a branch, or onto a new pull request based on it. Needs a repo opened with
    /// [`Action::Write`], or [`Action::Propose`] when `create_pr` or when the branch is the caller's own pull request.
    pub async fn start_commit(
        &self,
        caller: &Caller,
        repo: &Repo,
        revision: &Revision,
        create_pr: bool,
    ) -> Result<CommitBuilder> {
        let author = caller.signed_in()?.clone();
        let target = self.commit_target(repo, revision, create_pr).await?;
        self.check_target(repo, &author, &target, create_pr).await?;
        Ok(CommitBuilder {
            hub: self.clone(),
            repo: repo.clone(),
            author,
            target,
            create_pr,
            header: None,
            segment: Some(SegmentWriter::new(self.inner.store.spool_dir())),
            operations: 0,
            edits: Vec::new(),
            large: Vec::new(),
            named: Vec::new(),
        })
    }

    /// Finds the reference that a commit moves: it must exist, and be a branch unless it is named in full.
    async fn commit_target(&self, repo: &Repo, revision: &Revision, create_pr: bool) -> Result<RefName> {
        let missing = || crate::reference::revision_not_found(repo, revision);
        let name = match RefName::parse(revision.as_str()) {
            Ok(name) if create_pr && !name.as_str().starts_with("refs/heads/") => return Err(missing()),
            Ok(name) if name.as_str().starts_with("refs/tags/") => return Err(missing()),
            Ok(name) => name,
            Err(_) => RefName::branch(revision.as_str())?,
        };
        let found = self.inner.db.read().await?.ref_get(repo.record.id, name.as_str()).await?;
        found.map(|_| name).ok_or_else(missing)
    }

    /// Refuses a commit to a pull request that is closed, and from who may only propose to anything but his own.
    async fn check_target(
        &self,
        repo: &Repo,
        author: &Identity,
        target: &RefName,
        create_pr: bool,
    ) -> Result<()> {
        let mut own = false;
        if let Some(number) = target.pull_request_number() {
            let discussion = self.inner.db.read().await?.discussion(repo.record.id, number).await?;
            own = discussion.as_ref().is_some_and(|found| found.author_id == Some(author.user_id));
            if own || repo.action >= Action::Write {
                discussion.as_ref().map(crate::discussion::may_take_commits).transpose()?;
            }
        }
        if own || create_pr || repo.action >= Action::Write {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Forbidden,
            format!("you have no write access to `{target}` of {} `{}`", repo.kind(), repo.id()),
        ))
    }
}

impl CommitBuilder {
    /// Takes the next operation.
    pub async fn push(&mut self, operation: Operation) -> Result<()> {
        if let Operation::Header { summary, description, parent } = operation {
            return self.set_header(summary, &description, parent);
        }
        if self.header.is_none() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the first line of a commit must have the key `header`",
            ));
        }
        self.operations += 1;
        if self.operations > MAX_COMMIT_OPERATIONS {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("a commit may have at most {MAX_COMMIT_OPERATIONS} operations"),
            ));
        }
        match operation {
            Operation::Header { .. } => {}
            Operation::File { path, content } => {
                if content.len() as u64 > MAX_REGULAR_FILE_BYTES {
                    let limit = MAX_REGULAR_FILE_BYTES >> 20;
                    return Err(Error::new(
                        ErrorKind::TooLarge,
                        format!("file `{path}` is over {limit} MiB: upload it as a large file (LFS or Xet)"),
                    ));
                }
                let oid = self.add_blob(content).await?;
                self.edits.push(Edit::Upsert { path, mode: Mode::File, oid });
            }
            Operation::LfsFile { path, sha256, size } => self.large.push(LargeFile { path, sha256, size }),
            Operation::DeletedFile(path) => self.edits.push(Edit::Remove(path)),
            Operation::DeletedFolder(path) => self.edits.push(Edit::RemoveFolder(path)),
        }
        Ok(())
    }

    fn set_header(&mut self, summary: String, description: &str, parent: Option<String>) -> Result<()> {
        if self.header.is_some() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a commit may have only one line with the key `header`",
            ));
        }
        if summary.trim().is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the commit `summary` must not be empty"));
        }
        if summary.len() + description.len() > MAX_MESSAGE_BYTES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("a commit message may have at most {MAX_MESSAGE_BYTES} bytes"),
            ));
        }
        if let Some(parent) = &parent
            && !((5..=40).contains(&parent.len()) && parent.bytes().all(|digit| digit.is_ascii_hexdigit()))
        {
            return Err(Error::new(ErrorKind::Invalid, "`parentCommit` must be 5 to 40 hexadecimal digits"));
        }
        // A NUL would end the message early for every git client.
        let message = if description.trim().is_empty() {
            summary.clone()
        } else {
            format!("{summary}\n\n{description}")
        };
        let message = message.replace('\0', "\u{fffd}");
        self.header =
            Some(Header { summary, message, parent: parent.map(|parent| parent.to_ascii_lowercase()) });
        Ok(())
    }

    async fn add_blob(&mut self, content: Bytes) -> Result<Oid> {
        self.with_segment(content.len(), move |segment| segment.add(ObjectKind::Blob, &content)).await
    }

    /// Works on the segment, on another thread when there is much to hash and deflate.
    async fn with_segment<T: Send + 'static>(
        &mut self,
        work_bytes: usize,
        work: impl FnOnce(&mut SegmentWriter) -> Result<T, lyceum_git::Error> + Send + 'static,
    ) -> Result<T> {
        let mut segment = self.segment.take().ok_or_else(|| Error::internal("the commit failed before"))?;
        let (segment, result) = if work_bytes <= INLINE_WORK_BYTES {
            let result = work(&mut segment);
            (segment, result)
        } else {
            tokio::task::spawn_blocking(move || {
                let result = work(&mut segment);
                (segment, result)
            })
            .await
            .map_err(Error::internal)?
        };
        self.segment = Some(segment);
        result.map_err(Error::internal)
    }

    /// Replaces large files by pointers, after checking that each is stored for this repo.
    async fn add_pointers(&mut self) -> Result<()> {
        let large = std::mem::take(&mut self.large);
        if large.is_empty() {
            return Ok(());
        }
        let wanted: Vec<Sha256> =
            large.iter().map(|file| file.sha256).collect::<HashSet<_>>().into_iter().collect();
        let stored = self.hub.inner.db.read().await?.repo_files(self.repo.record.id, &wanted).await?;
        for file in stored.iter().filter(|file| !file.verified && file.pusher_id != self.author.user_id) {
            self.hub.verify_claim(file).await?;
        }
        let sizes: std::collections::HashMap<_, _> =
            stored.iter().map(|file| (file.sha256, file.size)).collect();
        for file in large {
            let Some(&size) = sizes.get(&file.sha256) else {
                let message = format!(
                    "large file `{}` (sha256 {}) was not uploaded to this repo",
                    file.path, file.sha256
                );
                return Err(Error::new(ErrorKind::Unprocessable, message));
            };
            if file.size.is_some_and(|claimed| claimed != size) {
                let message = format!(
                    "large file `{}` (sha256 {}) has {size} bytes, not those of the commit",
                    file.path, file.sha256
                );
                return Err(Error::new(ErrorKind::Unprocessable, message));
            }
            let pointer = Pointer { oid: file.sha256, size }.encode();
            let oid = self.add_blob(pointer.into()).await?;
            self.named.push((file.sha256, file.path.as_str().to_owned()));
            self.edits.push(Edit::Upsert { path: file.path, mode: Mode::File, oid });
        }
        Ok(())
    }
}

/// The person a commit is by.
pub(crate) fn signature(identity: &Identity, now: Timestamp) -> Signature {
    Signature {
        email: address(&identity.name),
        name: identity.name.to_string(),
        seconds: now.seconds(),
        offset_minutes: 0,
    }
}

/// The address of an author, which tells nothing and leads nowhere (RFC 2606).
pub(crate) fn address(name: &AccountName) -> String {
    format!("{name}@users.noreply.invalid")
}

pub(crate) fn edit_error(error: EditError, commit: Option<Oid>) -> Error {
    let error = match error {
        EditError::Missing(path) => {
            Error::new(ErrorKind::EntryNotFound, format!("A file with this name doesn't exist: `{path}`"))
        }
        EditError::Source(source) => Error::internal(source),
        other => Error::new(ErrorKind::Unprocessable, other.to_string()),
    };
    match commit {
        Some(commit) => error.at_commit(commit),
        None => error,
    }
}
