//! Deleting what nothing names any more: claims that no commit took up, files of deleted repos, xorbs, segments.
//!
//! What may be needed is found by walking, never by counting. How a collection and an upload that run at once keep out
//! of each other's way is said in `lyceum-db/src/garbage.rs`. What is damaged keeps what it may need, and ends no round.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use lyceum_core::{Oid, Sha256, Timestamp, XetHash};
use lyceum_db::Queries;
use lyceum_git::limits::MAX_POINTER_BYTES;
use lyceum_git::{ObjectKind, Pointer, check_reachable};

use crate::reference::default_branch;
use crate::xet::{NewFile, xorb_row};
use crate::{Error, ErrorKind, Hub, Result, quota};

pub(crate) mod lease;
mod unshown;

use lease::Lease;

/// How long what nothing names is kept, in days: clients remember for three weeks which chunks are stored.
pub const GARBAGE_GRACE_DAYS: u32 = 28;

/// Rows read or changed by one query.
const PAGE: u32 = 256;
/// Claims of one repo looked at in one round, after which each is named or gone; the next one takes the rest.
const MAX_CLAIMS: u32 = 10_000;
/// Xorbs looked for among all files at once: 32 MiB of memory.
const MAX_SUSPECTS: usize = 500_000;
/// Between the two looks at a file that nothing names: longer than any transaction.
const SECOND_LOOK_SECONDS: i64 = 3600;
/// A xorb that was seen within this time need not be marked as seen again.
const HELD_SECONDS: i64 = 24 * 3600;
/// How often the server looks whether a round is due, and how often one is.
const CHECK_EVERY: Duration = Duration::from_secs(900);
const ROUND_SECONDS: i64 = 24 * 3600;
/// When the last round of any replica began.
const ROUND: &str = "garbage_round";

/// What a round deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GarbageReport {
    /// Uploaded files that no commit ever named.
    pub claims: u64,
    /// Files that no repo or bucket names.
    pub files: u64,
    /// Xorbs that no file is made of.
    pub xorbs: u64,
    /// Their bytes on the disk.
    pub xorb_bytes: u64,
    /// Git segments that no repo has.
    pub segments: u64,
    /// Their bytes on the disk.
    pub segment_bytes: u64,
    /// Attachments that no comment of a repo shows.
    pub attachments: u64,
    /// Sessions, tokens and logins from devices that ended.
    pub logins: u64,
}

impl Hub {
    /// Deletes what nothing has named for `grace_days`, at least one. `progress` gets a line of text now and then.
    ///
    /// What a round finds to be unused, the next one deletes, if it is an hour later. `Conflict` if a round is under way
    /// in this process or another.
    pub async fn collect_garbage(
        &self,
        grace_days: u32,
        progress: impl FnMut(&str) + Send,
    ) -> Result<GarbageReport> {
        let (lease, now) = (Lease::new(&self.inner.entropy), self.inner.clock.now());
        let taken = lease.clone();
        self.inner.db.write(move |tx| Box::pin(async move { taken.hold(tx, now).await })).await?;
        let collected = self.collect(&lease, grace_days, progress).await;
        self.inner.db.write(move |tx| Box::pin(async move { lease.end(tx).await })).await?;
        collected
    }

    async fn collect(
        &self,
        lease: &Lease,
        grace_days: u32,
        mut progress: impl FnMut(&str) + Send,
    ) -> Result<GarbageReport> {
        let before = self.inner.clock.now().plus_seconds(-86_400 * i64::from(grace_days.max(1)));
        let mut report = GarbageReport::default();
        self.delete_unnamed(before, &mut report).await?;
        progress(&format!("{} uploads that no commit named", report.claims));
        self.delete_files(before, &mut report).await?;
        progress(&format!("{} files that nothing names", report.files));
        self.adopt_xorbs().await?;
        self.delete_xorbs(lease, before, &mut report).await?;
        progress(&format!("{} xorbs, {} MiB", report.xorbs, report.xorb_bytes >> 20));
        self.delete_segments(before, &mut report).await?;
        progress(&format!("{} segments, {} MiB", report.segments, report.segment_bytes >> 20));
        self.delete_attachments(before, &mut report).await?;
        progress(&format!("{} attachments", report.attachments));
        self.delete_logins(before, &mut report).await?;
        progress(&format!("{} logins that ended", report.logins));
        Ok(report)
    }

    /// Collects once a day, in one replica, until `stop` resolves.
    pub(crate) async fn run_collections(&self, stop: impl Future<Output = ()> + Send) {
        let rounds = async {
            loop {
                tokio::time::sleep(CHECK_EVERY).await;
                let collected = async {
                    if !self.begin_round().await? {
                        return Ok(());
                    }
                    let report = self.collect_garbage(GARBAGE_GRACE_DAYS, |_| {}).await?;
                    tracing::info!(?report, "garbage was collected");
                    Ok::<_, Error>(())
                };
                if let Err(error) = collected.await {
                    tracing::error!(error = &error as &dyn std::error::Error, "cannot collect garbage");
                }
            }
        };
        tokio::select! {
            () = stop => {}
            () = rounds => {}
        }
    }

    /// Reports whether a round is due, and that it begins. The first is due a day after the hub was made.
    async fn begin_round(&self) -> Result<bool> {
        let now = self.inner.clock.now();
        let due = move |last: &[u8]| {
            let last = std::str::from_utf8(last).ok().and_then(|last| last.parse().ok());
            last.is_none_or(|last: i64| last <= now.plus_seconds(-ROUND_SECONDS).0)
        };
        if self.inner.db.read().await?.setting(ROUND).await?.is_some_and(|last| !due(&last)) {
            return Ok(false);
        }
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let value = now.0.to_string().into_bytes();
                    let due = due(&tx.put_setting_if_absent(ROUND, &value).await?);
                    if due {
                        tx.put_setting(ROUND, &value).await?;
                    }
                    Ok::<_, Error>(due)
                })
            })
            .await
    }

    /// Deletes uploads that no commit took up. What commits name is noted with the upload; the histories are read all
    /// the same, since nothing could bring a file back.
    async fn delete_unnamed(&self, before: Timestamp, report: &mut GarbageReport) -> Result<()> {
        let mut after = 0;
        loop {
            let repos = self.inner.db.read().await?.repos_with_unnamed_files(before, after, PAGE).await?;
            let Some(last) = repos.last() else {
                return Ok(());
            };
            after = *last;
            for repo_id in repos {
                report.claims += self.delete_unnamed_of(repo_id, before).await?;
            }
        }
    }

    async fn delete_unnamed_of(&self, repo_id: i64, before: Timestamp) -> Result<u64> {
        let mut db = self.inner.db.read().await?;
        let mut claims: HashMap<_, _> =
            db.unnamed_files(repo_id, before, MAX_CLAIMS).await?.into_iter().collect();
        let (branches, others): (Vec<_>, Vec<_>) =
            db.refs(repo_id).await?.into_iter().partition(|row| row.name.starts_with("refs/heads/"));
        let repo = db.repo(repo_id).await?;
        drop(db);
        let (mut named, main) = (Vec::new(), repo.as_ref().map(default_branch));
        for references in [branches, others] {
            let usual = references.iter().find(|row| Some(&row.name) == main.as_ref());
            let Some(reference) = usual.or(references.first()).filter(|_| !claims.is_empty()) else {
                continue;
            };
            let tips: Vec<_> = references.iter().flat_map(|row| [row.target, row.peeled]).collect();
            let Some(found) = self.named_by(repo_id, &tips, &mut claims).await else {
                return Ok(0);
            };
            named.push((reference.name.clone(), found));
        }
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    for (reference, digests) in &named {
                        tx.name_unnamed_files(repo_id, digests, reference).await?;
                    }
                    let digests: Vec<_> = claims.keys().copied().collect();
                    if digests.is_empty() {
                        return Ok(0);
                    }
                    let deleted = tx.delete_unnamed_files(repo_id, &digests, before).await?;
                    let mut payers: HashSet<i64> = claims.into_values().collect();
                    payers.extend(tx.repo(repo_id).await?.map(|repo| repo.owner_id));
                    for payer in payers {
                        quota::enqueue(tx, payer, now).await?;
                    }
                    Ok::<_, Error>(deleted)
                })
            })
            .await
    }

    /// Takes those claims out that a history names, and returns them; `None` if it cannot be read.
    async fn named_by(
        &self,
        repo_id: i64,
        tips: &[Oid],
        claims: &mut HashMap<Sha256, i64>,
    ) -> Option<Vec<Sha256>> {
        let (objects, mut named) = (self.objects_of(repo_id).session(), Vec::new());
        let read = check_reachable(&objects, tips, |_, object| {
            if object.kind == ObjectKind::Blob
                && object.data.len() <= MAX_POINTER_BYTES
                && let Some(pointer) = Pointer::parse(&object.data)
                && claims.remove(&pointer.oid).is_some()
            {
                named.push(pointer.oid);
            }
        });
        match read.await {
            Ok(read) if read.problems.is_empty() => return Some(named),
            Ok(_) => tracing::warn!(repo_id, "a damaged repo keeps all its uploads"),
            Err(error) => tracing::error!(
                repo_id,
                error = &error as &dyn std::error::Error,
                "a repo that cannot be read keeps all its uploads"
            ),
        }
        None
    }

    /// Deletes records of shards and then files that nothing named an hour ago, nor now.
    async fn delete_files(&self, before: Timestamp, report: &mut GarbageReport) -> Result<()> {
        let now = self.inner.clock.now();
        loop {
            let deleted = self
                .inner
                .db
                .write(move |tx| {
                    Box::pin(async move { Ok::<_, Error>(tx.delete_old_repo_xet_files(before, PAGE).await?) })
                })
                .await?;
            if deleted < u64::from(PAGE) {
                break;
            }
        }
        let unused_before = now.plus_seconds(-SECOND_LOOK_SECONDS);
        let mut after = None;
        loop {
            let files = self.inner.db.read().await?.all_xet_files(after.as_ref(), PAGE).await?;
            let Some(last) = files.last() else {
                return Ok(());
            };
            after = Some(last.hash);
            let hashes: Vec<_> = files.iter().map(|file| file.hash).collect();
            // Reading first: most pages need no write.
            let (unnamed, noted) = self.inner.db.read().await?.unused_files(&hashes).await?;
            if unnamed.is_empty() && noted.is_empty() {
                continue;
            }
            report.files += self
                .inner
                .db
                .write(move |tx| {
                    Box::pin(async move {
                        tx.note_unused_files(&hashes, now).await?;
                        Ok::<_, Error>(tx.delete_unused_files(&hashes, unused_before).await?)
                    })
                })
                .await?;
        }
    }

    /// Records xorbs that a crash left in the store before anybody recorded them; their time begins now.
    async fn adopt_xorbs(&self) -> Result<()> {
        let mut stored = pin!(self.inner.store.list_xorbs().try_chunks(PAGE as usize));
        while let Some(page) = stored.try_next().await.map_err(|error| error.1)? {
            let hashes: Vec<XetHash> = page.iter().map(|(hash, _)| *hash).collect();
            let known: HashSet<_> =
                self.inner.db.read().await?.xorbs_known(&hashes).await?.into_iter().collect();
            let mut found = Vec::new();
            for hash in hashes.into_iter().filter(|hash| !known.contains(hash)) {
                match self.inner.store.xorb_index(hash).await {
                    Ok(index) => found.extend(index),
                    Err(error) => tracing::error!(
                        %hash,
                        error = &error as &dyn std::error::Error,
                        "an unrecorded xorb cannot be read and is left alone"
                    ),
                }
            }
            if found.is_empty() {
                continue;
            }
            let now = self.inner.clock.now();
            let rows: Vec<_> = found.iter().map(|index| xorb_row(index, now)).collect();
            self.inner
                .db
                .write(move |tx| {
                    Box::pin(async move {
                        for row in &rows {
                            tx.insert_xorb(row).await?;
                        }
                        Ok::<_, Error>(())
                    })
                })
                .await?;
            for index in found {
                self.find_stored(index.hash, now).await?;
            }
        }
        Ok(())
    }

    /// Deletes xorbs that no file is made of.
    async fn delete_xorbs(&self, lease: &Lease, before: Timestamp, report: &mut GarbageReport) -> Result<()> {
        let mut after = None;
        loop {
            let mut suspects = HashMap::new();
            while suspects.len() < MAX_SUSPECTS {
                let xorbs = self.inner.db.read().await?.all_xorbs(after.as_ref(), PAGE).await?;
                let Some(last) = xorbs.last() else {
                    break;
                };
                after = Some(last.hash);
                let old = xorbs.into_iter().filter(|xorb| xorb.seen_at < before);
                suspects.extend(old.map(|xorb| (xorb.hash, xorb.stored_bytes)));
            }
            if suspects.is_empty() {
                return Ok(());
            }
            self.clear_suspects(&mut suspects).await?;
            for (hash, bytes) in suspects {
                if self.delete_unused_xorb(lease, hash, before).await? {
                    report.xorbs += 1;
                    report.xorb_bytes += bytes;
                }
            }
        }
    }

    /// Removes what files are made of.
    async fn clear_suspects(&self, suspects: &mut HashMap<XetHash, u64>) -> Result<()> {
        let mut after = None;
        while !suspects.is_empty() {
            let files = self.inner.db.read().await?.all_xet_files(after.as_ref(), PAGE).await?;
            let Some(last) = files.last() else {
                break;
            };
            after = Some(last.hash);
            for file in &files {
                let Ok(terms) = lyceum_xet::decode_terms(&file.terms) else {
                    tracing::error!(file = %file.hash, "a file cannot be read: it may be made of any xorb, so all stay");
                    suspects.clear();
                    return Ok(());
                };
                for term in terms {
                    suspects.remove(&term.xorb);
                }
            }
        }
        Ok(())
    }

    /// Deletes a xorb, unless it was seen since it was suspected: first the chance to refer to it, then its bytes, then
    /// its row.
    async fn delete_unused_xorb(&self, lease: &Lease, hash: XetHash, before: Timestamp) -> Result<bool> {
        // Without its index, rows of chunks stay that lead nowhere, which does no harm.
        let index = self.inner.store.xorb_index(hash).await.ok().flatten();
        let chunks: Vec<_> = index.iter().flat_map(|index| &index.chunks).map(|chunk| chunk.hash).collect();
        let (lease, now) = (lease.clone(), self.inner.clock.now());
        let marked = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    lease.hold(tx, now).await?;
                    Ok::<_, Error>(tx.mark_xorb(&hash, &chunks, before).await?)
                })
            })
            .await?;
        if !marked {
            return Ok(false);
        }
        if let Err(error) = self.inner.store.delete_xorb(hash).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(%hash, error, "cannot delete a xorb; the next round tries again");
            return Ok(false);
        }
        self.inner
            .db
            .write(move |tx| Box::pin(async move { Ok::<_, Error>(tx.delete_marked_xorb(&hash).await?) }))
            .await?;
        Ok(true)
    }

    /// Deletes the bytes of segments whose repo is gone, or whose commit never landed.
    async fn delete_segments(&self, before: Timestamp, report: &mut GarbageReport) -> Result<()> {
        let mut stored = pin!(self.inner.store.list_blobs("segments").try_chunks(PAGE as usize));
        while let Some(page) = stored.try_next().await.map_err(|error| error.1)? {
            let old: HashMap<String, _> = page
                .into_iter()
                .filter(|blob| blob.modified < before)
                .map(|blob| (blob.key.as_str().to_owned(), blob))
                .collect();
            let keys: Vec<String> = old.keys().cloned().collect();
            for key in self.inner.db.read().await?.unused_segment_keys(&keys).await? {
                let blob = &old[&key];
                if self.inner.store.delete_blob(&blob.key).await? {
                    report.segments += 1;
                    report.segment_bytes += blob.bytes;
                }
            }
        }
        Ok(())
    }

    /// Checks that xorbs that were just recorded at `now` are there: one of them may have been found in the store and
    /// deleted before it was recorded.
    pub(crate) async fn check_stored(
        &self,
        xorbs: impl Iterator<Item = XetHash> + Send,
        now: Timestamp,
    ) -> Result<()> {
        for hash in xorbs {
            if !self.find_stored(hash, now).await? {
                return Err(being_deleted(hash));
            }
        }
        Ok(())
    }

    /// Reports whether a xorb that was recorded at `now` is there; if not, forgets it.
    async fn find_stored(&self, hash: XetHash, now: Timestamp) -> Result<bool> {
        let found = self.inner.store.finds_xorb(hash).await?;
        if !found {
            self.inner
                .db
                .write(move |tx| {
                    Box::pin(async move { Ok::<_, Error>(tx.delete_missing_xorb(&hash, now).await?) })
                })
                .await?;
        }
        Ok(found)
    }
}

/// Keeps what files are made of from being deleted, in the transaction that records them.
pub(crate) async fn hold(tx: &mut Queries, files: &[NewFile], now: Timestamp) -> Result<()> {
    let mut xorbs = HashSet::new();
    for file in files {
        let terms = lyceum_xet::decode_terms(&file.terms).map_err(Error::internal)?;
        xorbs.extend(terms.iter().map(|term| term.xorb));
    }
    let xorbs: Vec<XetHash> = xorbs.into_iter().collect();
    if tx.hold_xorbs(&xorbs, now, now.plus_seconds(-HELD_SECONDS)).await? {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unavailable,
        "what the file is made of is no longer stored; please upload it again",
    ))
}

pub(crate) fn being_deleted(xorb: XetHash) -> Error {
    Error::new(ErrorKind::Unavailable, format!("xorb `{xorb}` is being deleted; please send it again"))
}
