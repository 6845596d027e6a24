//! Turning the received operations into a commit, in one transaction.

use std::sync::{Arc, Mutex, PoisonError};

use lyceum_core::{Oid, RefName, Sha256, Timestamp};
use lyceum_git::{Commit, ObjectKind, Objects as _, Segment, SegmentData, SegmentWriter, edit_tree};

use super::{CommitBuilder, Committed, MAX_REPLAYS, edit_error, signature};
use crate::account::append_event;
use crate::discussion::{NewDiscussion, PullChange, PullCommit, note_merge, title_of};
use crate::{Error, ErrorKind, Hub, Result};

/// References that are to move to objects that are durable, waiting for the transaction that makes it true.
pub(crate) struct Landing {
    pub(crate) repo_id: i64,
    pub(crate) actor_id: i64,
    /// At least one.
    pub(crate) moves: Vec<RefMove>,
    /// Whether either all references move, or none.
    pub(crate) atomic: bool,
    /// Everything new that the references lead to.
    pub(crate) segments: Vec<lyceum_db::NewSegment>,
    pub(crate) action: &'static str,
    /// Large files that are named there and were found in the repo, with their paths.
    pub(crate) large: Vec<(Sha256, String)>,
}

/// One reference that is to move.
pub(crate) struct RefMove {
    pub(crate) reference: RefName,
    /// What the reference must still be; `None` creates it.
    pub(crate) expected: Option<Oid>,
    /// What it becomes, and the commit that this leads to; `None` deletes it.
    pub(crate) target: Option<(Oid, Oid)>,
    /// What it means to a pull request.
    pub(crate) pull_request: PullChange,
}

impl RefMove {
    /// Returns a move of a reference to a commit.
    pub(crate) fn to_commit(
        reference: RefName,
        expected: Oid,
        commit: Oid,
        pull_request: PullChange,
    ) -> Self {
        Self { reference, expected: Some(expected), target: Some((commit, commit)), pull_request }
    }
}

/// How a landing ended for one reference.
#[derive(Debug, Clone)]
pub(crate) enum Landed {
    /// In the history; with the number of the pull request if one was opened.
    Yes(Option<i64>),
    /// The reference had moved; nothing was written.
    Moved,
    /// A reference of this name leaves no room for it; nothing was written.
    Blocked(String),
    /// It could have moved, but another of the same change could not.
    Undone,
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
            moves: vec![RefMove::to_commit(self.target.clone(), head, commit, pull_request)],
            atomic: true,
            segments: segments.clone(),
            action: "commit",
            large: self.named.clone(),
        };
        match self.hub.land(landing).await? {
            Landed::Yes(pull_request) => Ok(Some(Committed { oid: commit, pull_request })),
            _ if bound => Err(stale()),
            _ => Ok(None),
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
            Some(_) => PullChange::Commits(vec![PullCommit {
                event_id: id(),
                subject: title_of(summary),
                oid: commit,
            }]),
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
        let landed = self.land_all(landing).await?;
        landed.into_iter().next().ok_or_else(|| Error::internal("nothing was to land"))
    }

    /// Makes a change of references true, in one transaction, and returns how it ended for each; if for none, nothing
    /// at all was written.
    pub(crate) async fn land_all(&self, landing: Landing) -> Result<Vec<Landed>> {
        let now = self.inner.clock.now();
        let landing = Arc::new(landing);
        // Outlives a transaction that is rolled back.
        let landed = Arc::new(Mutex::new(Vec::new()));
        let (moves, found) = (landing.moves.len(), landed.clone());
        let written = self
            .inner
            .db
            .write(move |tx| Box::pin(async move { write(tx, &landing, &found, now).await }))
            .await;
        let landed = std::mem::take(&mut *landed.lock().unwrap_or_else(PoisonError::into_inner));
        match written {
            Ok(()) => {
                self.inner.job_added.notify_one();
                Ok(landed)
            }
            Err(error) if error.kind() == ErrorKind::Stale => {
                let undo = |landed| if matches!(landed, Landed::Yes(_)) { Landed::Undone } else { landed };
                let mut landed: Vec<Landed> = landed.into_iter().map(undo).collect();
                landed.resize(moves, Landed::Moved);
                Ok(landed)
            }
            Err(error) => Err(error),
        }
    }
}

async fn write(
    tx: &mut lyceum_db::Queries,
    landing: &Landing,
    landed: &Mutex<Vec<Landed>>,
    now: Timestamp,
) -> Result<()> {
    let repo_id = landing.repo_id;
    // The repo first: its row is locked before any other, whoever writes.
    tx.touch_repo(repo_id, now, Some(now)).await?;
    let mut last_segment = None;
    for segment in &landing.segments {
        last_segment = Some(insert_segment(tx, repo_id, segment).await?);
    }
    let mut outcomes = Vec::with_capacity(landing.moves.len());
    for step in &landing.moves {
        outcomes.push(move_reference(tx, landing, step, now).await?);
    }
    let moved: Vec<(&RefMove, Option<i64>)> = landing
        .moves
        .iter()
        .zip(&outcomes)
        .filter_map(|(step, outcome)| match outcome {
            Landed::Yes(number) => Some((step, *number)),
            _ => None,
        })
        .collect();
    *landed.lock().unwrap_or_else(PoisonError::into_inner) = outcomes.clone();
    if moved.is_empty() || (landing.atomic && moved.len() < landing.moves.len()) {
        // The error rolls back the segments, and the pull request if there was one.
        return Err(Error::new(ErrorKind::Stale, "the reference moved"));
    }
    let names =
        moved.iter().map(|(step, number)| number.map_or(step.reference.clone(), RefName::pull_request));
    let names: Vec<RefName> = names.collect();
    let branch = names.iter().find(|name| name.as_str().starts_with("refs/heads/"));
    if branch.is_some() {
        crate::derive::enqueue(tx, repo_id, now).await?;
    }
    if let Some(name) = branch.or(names.first()) {
        name_large(tx, (repo_id, landing.actor_id), &landing.large, name, now).await?;
    }
    if let Some(last_segment) = last_segment {
        crate::jobs::merge::enqueue(tx, repo_id, last_segment, now).await?;
    }
    append_event(tx, Some(repo_id), Some(landing.actor_id), landing.action, &detail(&moved), now).await
}

/// Moves one reference and notes what that means to a pull request.
async fn move_reference(
    tx: &mut lyceum_db::Queries,
    landing: &Landing,
    step: &RefMove,
    now: Timestamp,
) -> Result<Landed> {
    let repo_id = landing.repo_id;
    let (reference, expected, number) = match &step.pull_request {
        PullChange::Nothing | PullChange::Commits(_) | PullChange::Merge(_) => {
            (step.reference.clone(), step.expected, None)
        }
        PullChange::Open(request) => {
            let number = crate::discussion::insert(tx, repo_id, landing.actor_id, request, now).await?;
            (RefName::pull_request(number), None, Some(number))
        }
    };
    if expected.is_none()
        && step.target.is_some()
        && let Some(other) = tx.ref_conflict(repo_id, reference.as_str()).await?
    {
        return Ok(Landed::Blocked(other));
    }
    if !tx.cas_ref(repo_id, reference.as_str(), expected, step.target, now).await? {
        return Ok(Landed::Moved);
    }
    match (&step.pull_request, reference.pull_request_number(), step.target) {
        (PullChange::Commits(commits), Some(number), _) => {
            for commit in commits {
                commit.add(tx, (repo_id, number), landing.actor_id, now).await?;
            }
        }
        (PullChange::Merge(merge), _, Some((_, commit))) => {
            note_merge(tx, repo_id, merge, (landing.actor_id, commit), now).await?;
        }
        _ => {}
    }
    Ok(Landed::Yes(number))
}

/// Writes the audit event: of one reference by itself, of several as a list.
fn detail(moved: &[(&RefMove, Option<i64>)]) -> serde_json::Value {
    let one = |(step, number): &(&RefMove, Option<i64>)| {
        let reference = number.map_or_else(|| step.reference.clone(), RefName::pull_request);
        let mut detail = serde_json::json!({ "ref": reference.as_str() });
        if let Some((_, commit)) = step.target {
            detail["commit"] = commit.to_string().into();
        }
        if let Some(old) = step.expected.filter(|_| number.is_none()) {
            detail["old"] = old.to_string().into();
        }
        let merged = match &step.pull_request {
            PullChange::Merge(merge) => Some(merge.number()),
            _ => None,
        };
        if let Some(number) = number.or(merged) {
            detail["number"] = number.into();
        }
        detail
    };
    match moved {
        [single] => one(single),
        several => serde_json::json!({ "refs": several.iter().map(one).collect::<Vec<_>>() }),
    }
}

/// Notes that a reference names large files, which were found and verified before; those that come to a branch are charged
/// for. Refuses what another user only claims by now, and what is gone.
pub(crate) async fn name_large(
    tx: &mut lyceum_db::Queries,
    (repo_id, actor_id): (i64, i64),
    large: &[(Sha256, String)],
    reference: &RefName,
    now: Timestamp,
) -> Result<()> {
    let named: Vec<Sha256> = large.iter().map(|(sha256, _)| *sha256).collect();
    let files = tx.repo_files(repo_id, &named).await?;
    if let Some(file) = files.iter().find(|file| !file.verified && file.pusher_id != actor_id) {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("large file `{}` was uploaded at the same time; please try again", file.sha256),
        ));
    }
    if reference.as_str().starts_with("refs/heads/") {
        crate::quota::charge_landed(tx, repo_id, &files, now).await?;
    }
    for (sha256, path) in large {
        if !tx.name_repo_file(repo_id, sha256, path, reference.as_str()).await? {
            let message = format!("large file `{path}` was deleted at the same time; please upload it again");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
    }
    Ok(())
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
