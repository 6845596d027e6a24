//! What a push goes to, and what decides about it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lyceum_core::Oid;
use tokio::sync::mpsc;

use crate::pack::PackLimits;
use crate::{
    Commit, Extent, Extents, Mode, ObjectHeader, ObjectKind, PackSource, References, Result, Segment,
};

/// Most lines that one push is answered with for the user to read.
const MAX_REMARKS: usize = 200;

/// One reference that a push makes, moves or deletes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name.
    pub name: String,
    /// What it must still be; `None` if it must not exist.
    pub old: Option<Oid>,
    /// What it becomes; `None` deletes it.
    pub new: Option<Oid>,
}

/// What a reference is to lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// What its target is.
    pub kind: ObjectKind,
    /// The target itself, or what a tag leads to in the end.
    pub peeled: Oid,
    /// What that is.
    pub peeled_kind: ObjectKind,
}

/// A push whose objects are complete and sound.
#[derive(Debug)]
pub struct Push<R> {
    /// What is to become of references. Their names keep to git's rules, and everything that their new targets lead to
    /// is in the repository or in the segment.
    pub updates: Vec<RefUpdate>,
    /// What each update's new target is; `None` for deletions.
    pub tips: Vec<Option<Tip>>,
    /// The new objects that the targets lead to; `None` if there are none.
    pub segment: Option<Segment>,
    /// What looked at the new files.
    pub rules: R,
    /// Whether either all updates are made, or none.
    pub atomic: bool,
    /// What `git push --push-option` sent.
    pub options: Vec<String>,
}

/// A repository that takes pushes.
pub trait Receiver: References + PackSource {
    /// What looks at the new files of a push.
    type Rules: Rules;

    /// Returns the folder in which packs are kept while they are examined.
    fn spool_dir(&self) -> &Path;

    /// Returns what a pack may be at most.
    fn limits(&self) -> PackLimits;

    /// Looks up which of some objects are there; as many answers as there are ids.
    fn present(&self, oids: &[Oid]) -> impl Future<Output = Result<Vec<Option<ObjectHeader>>>> + Send;

    /// Returns for each update why it may not be made, as far as that can be said before the objects are known to be
    /// complete. Asked twice: without `tips` before anything else is read, and with them, for the updates that are left,
    /// before what they lead to is looked at. What only refused updates lead to is not kept.
    fn refusals(
        &self,
        updates: &[RefUpdate],
        _tips: Option<&[Option<Tip>]>,
        _remarks: &Remarks,
    ) -> impl Future<Output = Result<Vec<Option<String>>>> + Send {
        std::future::ready(Ok(vec![None; updates.len()]))
    }

    /// Returns what looks at the new files of one push.
    fn rules(&self) -> Self::Rules;

    /// Makes the updates, each only if its reference is still what the client thinks; returns for each why it was
    /// refused, in the few words that git shows behind the name, or `None` if it was made.
    ///
    /// An error means that nothing was changed, and its message is shown to the user.
    fn apply(
        &self,
        push: Push<Self::Rules>,
        remarks: &Remarks,
    ) -> impl Future<Output = Result<Vec<Option<String>>>> + Send;
}

/// Looks at what a push brings, file by file, as the repository's rules demand.
pub trait Rules: Send + 'static {
    /// Sees one entry of a folder that the repository did not have.
    fn entry(&mut self, entry: &NewEntry<'_>);

    /// Sees a new commit.
    fn commit(&mut self, oid: Oid, commit: &Commit);

    /// Returns where extents are remembered, if it matters what new commits hold in all.
    fn extents(&self) -> Option<Arc<Extents>> {
        None
    }

    /// Sees what a new commit holds in all. Of a folder that is found at several places, or that the repository had at
    /// another place, [`entry`](Self::entry) sees one place at most: its other paths show here only.
    fn extent(&mut self, _commit: Oid, _extent: &Extent) {}
}

/// An entry of a new folder.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// The path from the root of the commit in which it was found first.
    pub path: &'a str,
    /// Whether another entry of the same folder has the same name but for upper and lower case.
    pub twin: bool,
    /// What it is.
    pub mode: Mode,
    /// Its blob, tree or commit.
    pub oid: Oid,
    /// The size of a file that the repository did not have.
    pub new_bytes: Option<u64>,
    /// The content, if it is a symbolic link that is not too long for one, or a new file that may be a pointer and is
    /// seen for the first time.
    pub content: Option<&'a [u8]>,
}

/// No rules of its own.
impl Rules for () {
    fn entry(&mut self, _: &NewEntry<'_>) {}

    fn commit(&mut self, _: Oid, _: &Commit) {}
}

/// Tells the user something while his push is looked at; git shows each line behind `remote:`.
#[derive(Debug)]
pub struct Remarks {
    lines: mpsc::Sender<String>,
    told: AtomicUsize,
}

impl Remarks {
    /// Returns the two ends.
    pub(crate) fn channel() -> (Self, mpsc::Receiver<String>) {
        let (lines, receiver) = mpsc::channel(MAX_REMARKS + 1);
        (Self { lines, told: AtomicUsize::new(0) }, receiver)
    }

    /// Tells one line; after very many, no more.
    pub fn tell(&self, line: impl Into<String>) {
        let line = match self.told.fetch_add(1, Ordering::Relaxed) {
            told if told < MAX_REMARKS => line.into(),
            MAX_REMARKS => "…".to_owned(),
            _ => return,
        };
        // The user may have gone.
        self.lines.try_send(line).ok();
    }
}
