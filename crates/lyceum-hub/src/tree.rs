//! Listing the files of a revision.

use std::collections::HashMap;

use lyceum_core::limits::{MAX_PAGE_ENTRIES, MAX_REVISION_FILES, TREE_PAGE_ENTRIES};
use lyceum_core::{Oid, RepoPath, Revision, Sha256, XetHash};
use lyceum_git::{Commit, Listed, Mode, Objects as _, Pointer};

use crate::objects::RepoObjects;
use crate::{CommitInfo, Error, ErrorKind, Hub, Repo, Result};

/// No pointer is larger; the LFS specification asks readers to look no further.
const MAX_POINTER_BYTES: u64 = 1024;

/// Whether an entry is a file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular or large file, or a symbolic link.
    File,
    /// A folder.
    Folder,
}

/// One file or folder.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Whole path from the root.
    pub path: String,
    /// File or folder.
    pub kind: EntryKind,
    /// Git object id: of the tree, the blob, or the pointer of a large file.
    pub oid: Oid,
    /// Size in bytes: of the content for large files, 0 for folders.
    pub size: u64,
    /// Set for large files.
    pub lfs: Option<LfsEntry>,
    /// Xet hash of a large file that is stored here.
    pub xet_hash: Option<XetHash>,
    /// The commit that last changed it, when asked for.
    pub last_commit: Option<CommitInfo>,
}

/// What the pointer of a large file says.
#[derive(Debug, Clone, Copy)]
pub struct LfsEntry {
    /// Digest of the content.
    pub sha256: Sha256,
    /// Size of the content in bytes.
    pub size: u64,
    /// Size of the pointer in bytes.
    pub pointer_size: u64,
}

/// How to list.
#[derive(Debug, Clone, Default)]
pub struct TreeOptions {
    /// Go into folders.
    pub recursive: bool,
    /// Tell the last commit of each entry.
    pub expand: bool,
    /// Cursor of the previous page: its [`TreePage::next`].
    pub after: Option<String>,
    /// Entries per page; `None` is the default page.
    pub limit: Option<usize>,
}

/// One page of a listing.
#[derive(Debug, Clone)]
pub struct TreePage {
    /// Commit that was listed.
    pub commit: Oid,
    /// Entries in git's order, folders before what they hold.
    pub entries: Vec<Entry>,
    /// Cursor of the next page, if there is one.
    pub next: Option<String>,
}

impl Hub {
    /// Lists a folder, or everything below it.
    pub async fn tree(
        &self,
        repo: &Repo,
        revision: &Revision,
        folder: Option<&RepoPath>,
        options: TreeOptions,
    ) -> Result<TreePage> {
        let commit = self.resolve(repo, revision).await?;
        let limit = options.limit.unwrap_or(TREE_PAGE_ENTRIES).clamp(1, MAX_PAGE_ENTRIES);
        let tree = self.tree_of(repo, commit).await?;
        let after = options.after.as_deref();
        let objects = self.objects(repo).session();
        // One more than the page tells whether there is a next one.
        let listed = lyceum_git::list(&objects, tree, folder, options.recursive, after, limit + 1)
            .await
            .map_err(Error::internal)?;
        let Some(mut listed) = listed else {
            return Err(self.entry_not_found(repo, revision, commit, folder.map_or("", RepoPath::as_str)));
        };
        let more = listed.len() > limit;
        listed.truncate(limit);
        let next = more.then(|| listed.last().map(|last| last.path.clone())).flatten();
        let entries = self.describe(repo, commit, listed, options.expand).await?;
        Ok(TreePage { commit, entries, next })
    }

    /// Describes the given paths; those that do not exist are left out.
    pub async fn paths_info(
        &self,
        repo: &Repo,
        revision: &Revision,
        paths: &[String],
        expand: bool,
    ) -> Result<TreePage> {
        let commit = self.resolve(repo, revision).await?;
        let tree = self.tree_of(repo, commit).await?;
        let objects = self.objects(repo);
        let mut listed = Vec::new();
        for path in paths.iter().filter_map(|path| RepoPath::parse(path).ok()) {
            if let Some(entry) = lyceum_git::find(&objects, tree, &path).await.map_err(Error::internal)? {
                listed.push(Listed { path: path.as_str().to_owned(), mode: entry.mode, oid: entry.oid });
            }
        }
        let entries = self.describe(repo, commit, listed, expand).await?;
        Ok(TreePage { commit, entries, next: None })
    }

    /// Lists every file of a commit, without folders and without a page limit; fails if there are more files than a push
    /// may bring.
    pub(crate) async fn all_files(&self, repo: &Repo, commit: Oid) -> Result<Vec<Entry>> {
        let tree = self.tree_of(repo, commit).await?;
        // Of folders there are no more than of files, but for those that are empty.
        let limit = usize::try_from(2 * MAX_REVISION_FILES).map_err(Error::internal)?;
        let listed = lyceum_git::list(&self.objects(repo).session(), tree, None, true, None, limit)
            .await
            .map_err(Error::internal)?;
        if listed.as_ref().is_some_and(|listed| listed.len() == limit) {
            let message = format!("commit {commit} has too many files to list at once");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let files =
            listed.unwrap_or_default().into_iter().filter(|listed| listed.mode != Mode::Folder).collect();
        self.describe(repo, commit, files, false).await
    }

    pub(crate) async fn tree_of(&self, repo: &Repo, commit: Oid) -> Result<Oid> {
        let object = self.objects(repo).read(commit).await.map_err(Error::internal)?;
        Ok(Commit::parse(&object.data).map_err(Error::internal)?.tree)
    }

    pub(crate) fn entry_not_found(&self, repo: &Repo, revision: &Revision, commit: Oid, path: &str) -> Error {
        let message = format!(
            "Entry not found: `{path}` does not exist in {} `{}` at `{revision}`",
            repo.kind(),
            repo.id()
        );
        Error::new(ErrorKind::EntryNotFound, message).at_commit(commit)
    }

    /// Adds sizes, large files and last commits to what was listed, with one query for all large files.
    pub(crate) async fn describe(
        &self,
        repo: &Repo,
        commit: Oid,
        listed: Vec<Listed>,
        expand: bool,
    ) -> Result<Vec<Entry>> {
        let objects = self.objects(repo).session();
        let mut entries = Vec::with_capacity(listed.len());
        for listed in listed {
            let folder = matches!(listed.mode, Mode::Folder | Mode::Submodule);
            let blob_size = if folder { 0 } else { objects.size(listed.oid).await? };
            let lfs = if folder || blob_size > MAX_POINTER_BYTES {
                None
            } else {
                pointer(&objects, listed.oid).await?
            };
            entries.push(Entry {
                path: listed.path,
                kind: if folder { EntryKind::Folder } else { EntryKind::File },
                oid: listed.oid,
                size: lfs.map_or(blob_size, |lfs| lfs.size),
                lfs,
                xet_hash: None,
                last_commit: None,
            });
        }
        self.add_xet_hashes(repo, &mut entries).await?;
        if expand {
            let paths: Vec<String> = entries.iter().map(|entry| entry.path.clone()).collect();
            let last = lyceum_git::last_commits(&objects, commit, &paths).await.map_err(Error::internal)?;
            for entry in &mut entries {
                entry.last_commit = last.get(&entry.path).map(|(oid, commit)| CommitInfo::new(*oid, commit));
            }
        }
        Ok(entries)
    }

    async fn add_xet_hashes(&self, repo: &Repo, entries: &mut [Entry]) -> Result<()> {
        let wanted: Vec<Sha256> = entries.iter().filter_map(|entry| Some(entry.lfs?.sha256)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let stored = self.inner.db.read().await?.repo_files(repo.record.id, &wanted).await?;
        let hashes: HashMap<Sha256, XetHash> =
            stored.into_iter().map(|file| (file.sha256, file.xet_hash)).collect();
        for entry in entries {
            entry.xet_hash = entry.lfs.and_then(|lfs| hashes.get(&lfs.sha256).copied());
        }
        Ok(())
    }
}

async fn pointer(objects: &RepoObjects, blob: Oid) -> Result<Option<LfsEntry>> {
    let object = objects.read(blob).await.map_err(Error::internal)?;
    let pointer = Pointer::parse(&object.data);
    Ok(pointer.map(|pointer| LfsEntry {
        sha256: pointer.oid,
        size: pointer.size,
        pointer_size: object.data.len() as u64,
    }))
}
