//! Buckets: mutable sets of files without history, over the same store as repos.
//!
//! A bucket is a [`Repo`] of the kind [`RepoKind::Bucket`], so that names, moves, visibility and the access check are
//! those of all repos; it has no branches, and what it holds is a table of paths.

use lyceum_core::limits::{MAX_BATCH_FILES, MAX_PAGE_ENTRIES, TREE_PAGE_ENTRIES};
use lyceum_core::{AccountName, ByteRange, RepoId, RepoKind, RepoPath, Timestamp};
use lyceum_db::ListQuery;
use lyceum_store::ByteStream;

use crate::account::append_event;
use crate::{Action, Caller, Error, ErrorKind, Gated, Hub, Repo, Result, Visibility};

mod batch;
mod follow;
mod purge;

pub use batch::{BucketBatch, BucketOperation};
pub(crate) use follow::Followers;
pub use follow::{BucketFeed, BucketFollower, BucketResume};
pub use lyceum_db::{BucketChange, BucketEvent, BucketFile};
pub(crate) use purge::{PURGE, enqueue_purge};

/// Most words of a search.
const MAX_SEARCH_WORDS: usize = 16;

/// What is known of a bucket.
#[derive(Debug, Clone)]
pub struct BucketInfo {
    /// The bucket, as it was opened or listed.
    pub repo: Repo,
    /// Who may see it.
    pub visibility: Visibility,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its files last changed.
    pub updated_at: Timestamp,
    /// Number of its files.
    pub files: u64,
    /// Their bytes together.
    pub bytes: u64,
}

/// One page of buckets.
#[derive(Debug, Clone)]
pub struct BucketPage {
    /// The buckets, the last changed first.
    pub buckets: Vec<BucketInfo>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// A file, or a folder that some path implies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketEntry {
    /// A file.
    File(BucketFile),
    /// A folder.
    Folder {
        /// Where.
        path: String,
        /// When the first of the files below it was put there: to find the last would take reading them all.
        uploaded_at: Timestamp,
    },
}

/// One page of a listing.
#[derive(Debug, Clone)]
pub struct BucketTreePage {
    /// Entries in order of path.
    pub entries: Vec<BucketEntry>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Hub {
    /// Creates an empty bucket; `AlreadyExists` if the id is taken. Without a visibility it gets the owner's default.
    pub async fn create_bucket(
        &self,
        caller: &Caller,
        namespace: &AccountName,
        name: &str,
        visibility: Option<Visibility>,
    ) -> Result<RepoId> {
        let owner = self.namespace_for(caller, RepoKind::Bucket, namespace, None).await?;
        let id = RepoId::new(owner.name.clone(), name)?;
        if visibility == Some(Visibility::Protected) {
            return Err(Error::new(ErrorKind::Invalid, "a bucket is either public or private"));
        }
        let private = if owner.private_by_default { Visibility::Private } else { Visibility::Public };
        let new = lyceum_db::NewRepo {
            kind: RepoKind::Bucket,
            owner_id: owner.id,
            creator_id: caller.signed_in()?.user_id,
            name: id.clone(),
            visibility: visibility.unwrap_or(private),
            gated: Gated::No,
            sdk: None,
            resource_group_id: None,
            created_at: self.inner.clock.now(),
        };
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let taken = || Error::new(ErrorKind::AlreadyExists, "You already created this bucket");
                    let id = tx.insert_repo(&new).await?.ok_or_else(taken)?;
                    tx.insert_bucket(id).await?;
                    let detail = serde_json::json!({ "kind": new.kind.singular(), "id": new.name.to_string(), "visibility": new.visibility.as_str() });
                    append_event(tx, Some(id), Some(new.creator_id), "create-repo", &detail, new.created_at).await
                })
            })
            .await?;
        Ok(id)
    }

    /// Describes a bucket.
    pub async fn bucket_info(&self, bucket: &Repo) -> Result<BucketInfo> {
        let totals = self.inner.db.read().await?.bucket(bucket.record.id).await?;
        let totals = totals.ok_or_else(crate::access::not_found)?;
        Ok(BucketInfo::new(bucket.record.clone(), bucket.action, totals.files, totals.bytes))
    }

    /// Lists the buckets of an account that the caller may see; every word must be part of the name.
    pub async fn list_buckets(
        &self,
        caller: &Caller,
        namespace: &AccountName,
        search: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<BucketPage> {
        let words: Vec<String> = search.split_whitespace().map(str::to_ascii_lowercase).collect();
        if words.len() > MAX_SEARCH_WORDS {
            let message = format!("at most {MAX_SEARCH_WORDS} search words are allowed");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let after = after.map(parse_cursor).transpose()?;
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let mut db = self.inner.db.read().await?;
        if db.account_by_name(namespace).await?.is_none() {
            let message = format!("no user or organisation is called `{namespace}`");
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        let query = ListQuery {
            viewer: caller.user_id(),
            viewer_admin: caller.hub_admin(),
            viewer_scope: caller.viewer().scope.cloned(),
            author: Some(namespace.clone()),
            search: words.clone(),
            after,
            limit: limit as u32,
            ..ListQuery::new(RepoKind::Bucket)
        };
        let listed: Vec<lyceum_db::Repo> =
            db.list_repos(&query).await?.into_iter().map(|(record, _)| record).collect();
        let next = listed.last().filter(|_| listed.len() == limit);
        let next = next.map(|last| format!("{}.{}", query.sort.value(last), last.id));
        let ids: Vec<i64> = listed.iter().map(|record| record.id).collect();
        let totals = if ids.is_empty() { Vec::new() } else { db.buckets(&ids).await? };
        let described = |record: lyceum_db::Repo| {
            let totals = totals.iter().find(|totals| totals.repo_id == record.id)?;
            // The query looks at the namespace as well, which says nothing here.
            let name = record.name.name().to_ascii_lowercase();
            let found = words.iter().all(|word| name.contains(word));
            found.then(|| BucketInfo::new(record, Action::Discover, totals.files, totals.bytes))
        };
        Ok(BucketPage { buckets: listed.into_iter().filter_map(described).collect(), next })
    }

    /// Lists the file called `folder`, if there is one, and what is below the folder of that name: every file, or one
    /// level with its folders.
    pub async fn bucket_tree(
        &self,
        bucket: &Repo,
        folder: Option<&RepoPath>,
        recursive: bool,
        after: Option<&str>,
        limit: Option<usize>,
    ) -> Result<BucketTreePage> {
        self.readable(bucket)?;
        let limit = limit.unwrap_or(TREE_PAGE_ENTRIES).clamp(1, MAX_PAGE_ENTRIES);
        let parent = folder.map(|folder| format!("{folder}/")).unwrap_or_default();
        // The next character after the slash: no path below the folder comes after it.
        let end = folder.map(|folder| format!("{folder}0"));
        let from = after.map_or(parent.as_str(), |after| after.max(parent.as_str()));
        let (id, rows) = (bucket.record.id, limit as u32 + 1);
        let mut db = self.inner.db.read().await?;
        let mut files = Vec::new();
        if let (Some(folder), None) = (folder, after) {
            files.extend(db.bucket_file(id, folder.as_str()).await?);
        }
        if recursive {
            files.extend(db.bucket_tree(id, from, end.as_deref(), rows).await?);
        } else {
            let chars = u32::try_from(parent.chars().count()).expect("the length of a path is bounded");
            files.extend(db.bucket_level(id, chars, from, end.as_deref(), rows).await?);
        }
        let next = files.get(limit).map(|file| file.path.clone());
        files.truncate(limit);
        let entry = |file: BucketFile| {
            let below = file.path.strip_prefix(&parent).and_then(|rest| rest.split_once('/'));
            match below {
                Some((name, _)) if !recursive => {
                    BucketEntry::Folder { path: format!("{parent}{name}"), uploaded_at: file.uploaded_at }
                }
                _ => BucketEntry::File(file),
            }
        };
        Ok(BucketTreePage { entries: files.into_iter().map(entry).collect(), next })
    }

    /// Describes the files that have the given paths; those that do not exist are left out.
    pub async fn bucket_paths_info(&self, bucket: &Repo, paths: &[String]) -> Result<Vec<BucketFile>> {
        self.readable(bucket)?;
        if paths.len() > MAX_BATCH_FILES {
            let message = format!("{} paths are more than the {MAX_BATCH_FILES} of one call", paths.len());
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let mut wanted: Vec<String> =
            paths.iter().filter_map(|path| Some(RepoPath::parse(path).ok()?.as_str().to_owned())).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut files = self.inner.db.read().await?.bucket_files(bucket.record.id, &wanted).await?;
        files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(files)
    }

    /// Finds a file of a bucket.
    pub async fn bucket_file(&self, bucket: &Repo, path: &RepoPath) -> Result<BucketFile> {
        self.readable(bucket)?;
        let found = self.inner.db.read().await?.bucket_file(bucket.record.id, path.as_str()).await?;
        found.ok_or_else(|| {
            let message = format!("Entry not found: `{path}` does not exist in bucket `{}`", bucket.id());
            Error::new(ErrorKind::EntryNotFound, message)
        })
    }

    /// Streams bytes of a file that [`bucket_file`](Self::bucket_file) found.
    pub async fn read_bucket_file(&self, file: &BucketFile, range: ByteRange) -> Result<ByteStream> {
        let terms = self.terms(file.xet_hash).await?;
        let terms =
            terms.ok_or_else(|| Error::internal(format!("file {} is named but unknown", file.xet_hash)))?;
        Ok(self.inner.store.read_file(terms, range).await?)
    }

    /// Refuses a handle that was not opened to read content.
    fn readable(&self, bucket: &Repo) -> Result<()> {
        if bucket.action >= Action::Read {
            return Ok(());
        }
        Err(Error::internal("a bucket was to be read that was opened only to know of it"))
    }
}

impl BucketInfo {
    fn new(record: lyceum_db::Repo, action: Action, files: u64, bytes: u64) -> Self {
        Self {
            visibility: record.visibility,
            created_at: record.created_at,
            updated_at: record.head_at,
            repo: Repo { record, action },
            files,
            bytes,
        }
    }
}

fn parse_cursor(cursor: &str) -> Result<(i64, i64)> {
    let parsed = cursor.split_once('.').and_then(|(value, id)| Some((value.parse().ok()?, id.parse().ok()?)));
    parsed.ok_or_else(|| Error::new(ErrorKind::Invalid, "invalid `cursor`"))
}
