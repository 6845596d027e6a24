//! Turning the received operations into a commit, in one transaction.

use std::sync::Arc;

use lyceum_core::{Oid, RefName, Sha256, Timestamp};
use lyceum_git::{Commit, ObjectKind, Objects as _, Segment, SegmentData, SegmentWriter, edit_tree};

use super::{CommitBuilder, Committed, MAX_REPLAYS, edit_error, signature};
use crate::account::append_event;
use crate::discussion::{NewDiscussion, PullChange, PullCommit, note_merge, title_of};
use crate::{Error, ErrorKind, Hub, Result};

/// A commit whose objects are durable, waiting for the transaction that makes it true.
pub(crate) struct Landing {
    pub(crate) repo_id: i64,
    pub(crate) actor_id: i64,
    pub(crate) reference: RefName,
    /// What the reference must still be; `None` creates it.
    pub(crate) expected: Option<Oid>,
    pub(crate) commit: Oid,
    /// Everything new that the commit reaches.
    pub(crate) segments: Vec<lyceum_db::NewSegment>,
    pub(crate) action: &'static str,
    /// Large files that the commit names, with their paths.
    pub(crate) large: Vec<(Sha256, String)>,
    /// What it means to a pull request.
    pub(crate) pull_request: PullChange,
}

/// How a landing ended.
pub(crate) enum Landed {
    /// In the history; with the number of the pull request if one was opened.
    Yes(Option<i64>),
    /// The reference had moved; nothing was written.
    Moved,
}

impl CommitBuilder {
    /// Makes the commit in one transaction.
    pub async fn finish(mut self) -> Result<Committed> {
        if self.header.is_none() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the commit is empty: its first line must have the key `header`",
            ));
        }
        self.add_pointers().await?;
        // The first attempt's segment holds the files; later ones add only the trees of the newer head.
        let mut segments = Vec::new();
        for _ in 0..MAX_REPLAYS {
            segments.truncate(1);
            if let Some(committed) = self.try_on_head(&mut segments).await? {
                return Ok(committed);
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("`{}` is changing too fast; please try again", self.target),
        ))
    }

    /// Builds the commit on the current head and lands it; `None` if the head moved and the commit may follow it.
    async fn try_on_head(&mut self, segments: &mut Vec<lyceum_db::NewSegment>) -> Result<Option<Committed>> {
        let header = self.header.as_ref().ok_or_else(|| Error::internal("the commit has no header"))?;
        let stale = || {
            Error::new(
                ErrorKind::Stale,
                "The branch was updated since you opened this page. Please refresh and try again.",
            )
        };
        let head = self.hub.inner.db.read().await?.ref_get(self.repo.record.id, self.target.as_str()).await?;
        let head = head.ok_or_else(stale)?.target;
        let bound = header.parent.is_some();
        if header.parent.as_ref().is_some_and(|parent| !head.to_string().starts_with(parent)) {
            return Err(stale());
        }
        let (title, message) = (header.summary.clone(), header.message.clone());

        let mut segment =
            self.segment.take().unwrap_or_else(|| SegmentWriter::new(self.hub.inner.store.spool_dir()));
        let commit = self.build(head, message, &mut segment).await?;
        let pull_request = self.pull_change(&title, head, commit);
        segments.push(self.hub.keep_segment(self.repo.record.id, segment, "commit").await?);
        let landing = Landing {
            repo_id: self.repo.record.id,
            actor_id: self.author.user_id,
            reference: self.target.clone(),
            expected: Some(head),
            commit,
            segments: segments.clone(),
            action: "commit",
            large: self.named.clone(),
            pull_request,
        };
        match self.hub.land(landing).await? {
            Landed::Yes(pull_request) => Ok(Some(Committed { oid: commit, pull_request })),
            Landed::Moved if bound => Err(stale()),
            Landed::Moved => Ok(None),
        }
    }

    fn pull_change(&self, summary: &str, head: Oid, commit: Oid) -> PullChange {
        let id = || self.hub.inner.entropy.id();
        if self.create_pr {
            return PullChange::Open(NewDiscussion {
                title: title_of(summary),
                description: String::new(),
                base: Some((self.target.clone(), head)),
                status: lyceum_db::DiscussionStatus::Open,
                commit: Some(commit),
                event_ids: [id(), id()],
            });
        }
        match self.target.pull_request_number() {
            Some(_) => PullChange::Commit(PullCommit { event_id: id(), subject: title_of(summary) }),
            None => PullChange::Nothing,
        }
    }

    async fn build(&self, head: Oid, message: String, segment: &mut SegmentWriter) -> Result<Oid> {
        let objects = self.hub.objects(&self.repo);
        let parent = Commit::parse(&objects.read(head).await.map_err(Error::internal)?.data)
            .map_err(Error::internal)?;
        let tree = edit_tree(&objects, Some(parent.tree), self.edits.clone(), segment)
            .await
            .map_err(|error| edit_error(error, Some(head)))?;
        let author = signature(&self.author, self.hub.inner.clock.now());
        let commit = Commit { tree, parents: vec![head], committer: author.clone(), author, message };
        segment.add(ObjectKind::Commit, &commit.encode()).map_err(Error::internal)
    }
}

impl Hub {
    /// Makes a segment durable: inside the row to insert if it is small, else in the store under its own name.
    pub(crate) async fn keep_segment(
        &self,
        repo_id: i64,
        writer: SegmentWriter,
        source: &str,
    ) -> Result<lyceum_db::NewSegment> {
        let segment = tokio::task::spawn_blocking(move || writer.finish()).await.map_err(Error::internal)?;
        self.keep_finished_segment(repo_id, segment.map_err(Error::internal)?, source).await
    }

    pub(crate) async fn keep_finished_segment(
        &self,
        repo_id: i64,
        segment: Segment,
        source: &str,
    ) -> Result<lyceum_db::NewSegment> {
        let Segment { index, data } = segment;
        let bytes = data.bytes();
        let data = match data {
            SegmentData::Inline(data) => lyceum_db::SegmentData::Inline(data),
            SegmentData::Spooled { file, .. } => {
                let key = lyceum_store::BlobKey::segment(&format!("{repo_id}/{}", self.inner.entropy.id()))?;
                self.inner.store.put_blob_file(&key, file.path()).await?;
                lyceum_db::SegmentData::Blob(key.as_str().to_owned())
            }
        };
        Ok(lyceum_db::NewSegment {
            repo_id,
            seq: 0,
            objects: index.len() as u64,
            bytes,
            idx: index.encode(),
            data,
            source: source.to_owned(),
            created_at: self.inner.clock.now(),
        })
    }

    /// Makes a commit true: segment, reference, jobs and audit event in one transaction.
    pub(crate) async fn land(&self, landing: Landing) -> Result<Landed> {
        let now = self.inner.clock.now();
        let landing = Arc::new(landing);
        let landed =
            self.inner.db.write(move |tx| Box::pin(async move { write(tx, &landing, now).await })).await;
        match landed {
            Ok(landed) => {
                self.inner.job_added.notify_one();
                Ok(landed)
            }
            Err(error) if error.kind() == ErrorKind::Stale => Ok(Landed::Moved),
            Err(error) => Err(error),
        }
    }
}

async fn write(tx: &mut lyceum_db::Queries, landing: &Landing, now: Timestamp) -> Result<Landed> {
    let repo_id = landing.repo_id;
    // The segments first: taking their numbers locks the repo's row.
    let mut last_segment = 0;
    for segment in &landing.segments {
        last_segment = insert_segment(tx, repo_id, segment).await?;
    }
    let (reference, expected, number) = match &landing.pull_request {
        PullChange::Nothing | PullChange::Commit(_) | PullChange::Merge(_) => {
            (landing.reference.clone(), landing.expected, None)
        }
        PullChange::Open(request) => {
            let number = crate::discussion::insert(tx, repo_id, landing.actor_id, request, now).await?;
            (RefName::pull_request(number), None, Some(number))
        }
    };
    if !tx.cas_ref(repo_id, reference.as_str(), expected, Some((landing.commit, landing.commit)), now).await?
    {
        // The error rolls back the segments, and the pull request if there was one.
        return Err(Error::new(ErrorKind::Stale, "the reference moved"));
    }
    match (&landing.pull_request, reference.pull_request_number()) {
        (PullChange::Commit(commit), Some(number)) => {
            commit.add(tx, (repo_id, number), landing.actor_id, landing.commit, now).await?;
        }
        (PullChange::Merge(merge), _) => {
            note_merge(tx, repo_id, merge, (landing.actor_id, landing.commit), now).await?;
        }
        _ => {}
    }
    let files = check_claims(tx, landing).await?;
    if reference.as_str().starts_with("refs/heads/") {
        crate::quota::charge_landed(tx, repo_id, &files, now).await?;
    }
    for (sha256, path) in &landing.large {
        tx.name_repo_file(repo_id, sha256, path, reference.as_str()).await?;
    }
    tx.touch_repo(repo_id, now, Some(now)).await?;
    if reference.as_str().starts_with("refs/heads/") {
        crate::derive::enqueue(tx, repo_id, now).await?;
    }
    crate::jobs::enqueue_merge(tx, repo_id, last_segment, now).await?;
    let mut detail = serde_json::json!({ "ref": reference.as_str(), "commit": landing.commit.to_string() });
    if let Some(old) = expected {
        detail["old"] = old.to_string().into();
    }
    let merged = match &landing.pull_request {
        PullChange::Merge(merge) => Some(merge.number()),
        _ => None,
    };
    if let Some(number) = number.or(merged) {
        detail["number"] = number.into();
    }
    append_event(tx, Some(repo_id), Some(landing.actor_id), landing.action, &detail, now).await?;
    Ok(Landed::Yes(number))
}

/// Refuses large files that were verified before and are by now what another user only claims; returns them all.
async fn check_claims(tx: &mut lyceum_db::Queries, landing: &Landing) -> Result<Vec<lyceum_db::RepoFile>> {
    let named: Vec<Sha256> = landing.large.iter().map(|(sha256, _)| *sha256).collect();
    let files = tx.repo_files(landing.repo_id, &named).await?;
    match files.iter().find(|file| !file.verified && file.pusher_id != landing.actor_id) {
        None => Ok(files),
        Some(file) => Err(Error::new(
            ErrorKind::Conflict,
            format!("large file `{}` was uploaded at the same time; please try again", file.sha256),
        )),
    }
}

/// Inserts a segment under the repo's next number and returns the number.
pub(crate) async fn insert_segment(
    tx: &mut lyceum_db::Queries,
    repo_id: i64,
    segment: &lyceum_db::NewSegment,
) -> Result<i64> {
    let gone = || Error::new(ErrorKind::RepoNotFound, "the repository was deleted meanwhile");
    let seq = tx.take_segment_number(repo_id).await?.ok_or_else(gone)?;
    let row = lyceum_db::NewSegment { repo_id, seq, ..segment.clone() };
    if !tx.insert_segment(&row).await? {
        return Err(Error::internal(format!("segment {seq} of repo {repo_id} exists already")));
    }
    Ok(seq)
}
