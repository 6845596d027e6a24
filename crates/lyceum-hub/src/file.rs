//! Reading one file of a revision.

use bytes::Bytes;
use lyceum_core::{ByteRange, Oid, RepoId, RepoKind, RepoPath, Revision};
use lyceum_git::{Listed, Objects as _};
use lyceum_store::ByteStream;

use crate::{Action, Caller, Entry, EntryKind, Error, ErrorKind, Hub, Repo, Result};

/// A file that was found, ready to be read.
#[derive(Debug, Clone)]
pub struct FileHandle {
    /// The repo that was opened for reading.
    pub repo: Repo,
    /// Commit in which it was found.
    pub commit: Oid,
    /// What it is; never a folder.
    pub entry: Entry,
}

impl FileHandle {
    /// Returns the entity tag without quotes: sha256 of a large file, else git blob id.
    pub fn etag(&self) -> String {
        self.entry.lfs.map_or_else(|| self.entry.oid.to_string(), |lfs| lfs.sha256.to_string())
    }

    /// Returns the file as git has it: of a large one the pointer.
    #[must_use]
    pub fn raw(mut self) -> Self {
        if let Some(lfs) = self.entry.lfs.take() {
            self.entry.size = lfs.pointer_size;
            self.entry.xet_hash = None;
        }
        self
    }
}

impl Hub {
    /// Opens a repo for reading and finds a file in it, in as few queries as possible.
    pub async fn open_file(
        &self,
        caller: &Caller,
        kind: RepoKind,
        id: &RepoId,
        revision: &Revision,
        path: &RepoPath,
    ) -> Result<FileHandle> {
        let (repo, commit) = self.open_at(caller, kind, id, revision, Action::Read).await?;
        self.file_at(repo, revision, commit, path).await
    }

    /// Finds a file in an opened repo.
    pub async fn file(&self, repo: &Repo, revision: &Revision, path: &RepoPath) -> Result<FileHandle> {
        let commit = self.resolve(repo, revision).await?;
        self.file_at(repo.clone(), revision, commit, path).await
    }

    async fn file_at(
        &self,
        repo: Repo,
        revision: &Revision,
        commit: Oid,
        path: &RepoPath,
    ) -> Result<FileHandle> {
        let tree = self.tree_of(&repo, commit).await?;
        let found = lyceum_git::find(&self.objects(&repo), tree, path).await.map_err(Error::internal)?;
        let missing = || self.entry_not_found(&repo, revision, commit, path.as_str());
        let found = found.ok_or_else(missing)?;
        let listed = Listed { path: path.as_str().to_owned(), mode: found.mode, oid: found.oid };
        let entry = self.describe(&repo, commit, vec![listed], false).await?.pop().ok_or_else(missing)?;
        if entry.kind == EntryKind::Folder {
            return Err(missing());
        }
        Ok(FileHandle { repo, commit, entry })
    }

    /// Streams bytes of a file. A large file that a mirror lacks is fetched, and streamed as it arrives.
    pub async fn read_file(&self, file: &FileHandle, range: ByteRange) -> Result<ByteStream> {
        match file.entry.lfs {
            Some(lfs) if file.repo.record.mirror => {
                self.check_beginning(file, lfs, range)?;
                match file.entry.xet_hash {
                    None => self.read_fill(file, lfs, range).await,
                    Some(_) => self.read_stored(file, range).await,
                }
            }
            _ => self.read_stored(file, range).await,
        }
    }

    /// Streams bytes of a file that is stored.
    pub(crate) async fn read_stored(&self, file: &FileHandle, range: ByteRange) -> Result<ByteStream> {
        let Some(lfs) = file.entry.lfs else {
            let content = self.read_regular(&file.repo, file.entry.oid).await?;
            let (start, end) = (range.start.min(content.len() as u64), range.end.min(content.len() as u64));
            let bytes = content.slice(start as usize..end as usize);
            return Ok(Box::pin(futures_util::stream::once(async move { Ok(bytes) })));
        };
        let Some(hash) = file.entry.xet_hash else {
            let message =
                format!("large file `{}` (sha256 {}) is not stored here", file.entry.path, lfs.sha256);
            return Err(Error::new(ErrorKind::EntryNotFound, message).at_commit(file.commit));
        };
        let terms = self
            .terms(hash)
            .await?
            .ok_or_else(|| Error::internal(format!("file {hash} is recorded but unknown")))?;
        Ok(self.inner.store.read_file(terms, range).await?)
    }

    /// Reads a whole regular file, which is bounded by the limit of regular files.
    pub(crate) async fn read_regular(&self, repo: &Repo, blob: Oid) -> Result<Bytes> {
        Ok(self.objects(repo).read(blob).await.map_err(Error::internal)?.data.clone())
    }

    /// Reads a small file at a commit: `None` if it is missing, large, or over `limit` bytes.
    pub(crate) async fn small_file(
        &self,
        repo: &Repo,
        commit: Oid,
        path: &str,
        limit: usize,
    ) -> Result<Option<Bytes>> {
        let tree = self.tree_of(repo, commit).await?;
        self.small_file_in(repo, tree, path, limit).await
    }

    /// Reads a small regular file of a folder; `None` if there is none, if it is a link, or if it is above the limit.
    pub(crate) async fn small_file_in(
        &self,
        repo: &Repo,
        tree: Oid,
        path: &str,
        limit: usize,
    ) -> Result<Option<Bytes>> {
        let path = RepoPath::parse(path)?;
        let found = lyceum_git::find(&self.objects(repo), tree, &path).await.map_err(Error::internal)?;
        let Some(entry) =
            found.filter(|entry| matches!(entry.mode, lyceum_git::Mode::File | lyceum_git::Mode::Executable))
        else {
            return Ok(None);
        };
        if self.objects(repo).size(entry.oid).await? > limit as u64 {
            return Ok(None);
        }
        let content = self.read_regular(repo, entry.oid).await?;
        Ok(lyceum_git::Pointer::parse(&content).is_none().then_some(content))
    }
}
