//! From a pack to what may be applied, and to the report.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lyceum_core::Oid;

use super::commands::{Request, refusals};
use super::{LOOKUP_BATCH, off_thread};
use crate::connect::{Walk, connect};
use crate::extent::Survey;
use crate::limits::MAX_TAG_DEPTH;
use crate::receiver::{Push, Receiver, Remarks, Rules as _, Tip};
use crate::{Error, ErrorKind, Object, ObjectKind, Objects, ReceivedPack, RefUpdate, Result, Segment, Tag};

/// From so many updates on it is not found out which of them lack something: none is made.
const MAX_SINGLED_OUT: usize = 16;

/// What became of a push.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Why the pack was refused.
    unpack: Option<String>,
    /// Why each update was refused.
    refused: Vec<Option<String>>,
    /// A failure of the server.
    pub(super) failure: Option<Error>,
}

/// What is sound.
#[derive(Debug)]
pub(super) struct Examined<U> {
    segment: Option<Segment>,
    rules: U,
    /// By update.
    tips: Vec<Option<Tip>>,
}

impl Verdict {
    pub(super) fn new(updates: &[RefUpdate]) -> Self {
        Self { unpack: None, refused: refusals(updates), failure: None }
    }

    /// Asks the repository which of the updates that are left may not be made.
    pub(super) async fn ask<R: Receiver>(
        &mut self,
        repo: &R,
        request: &Request,
        tips: Option<&[Option<Tip>]>,
        remarks: &Remarks,
    ) -> Result<()> {
        let left: Vec<usize> = self.left().collect();
        let updates: Vec<RefUpdate> = left.iter().map(|index| request.updates[*index].clone()).collect();
        let tips: Option<Vec<_>> = tips.map(|tips| left.iter().map(|index| tips[*index]).collect());
        let refused = repo.refusals(&updates, tips.as_deref(), remarks).await?;
        for (index, refused) in left.into_iter().zip(refused) {
            self.refused[index] = refused;
        }
        self.keep_atomic(request);
        Ok(())
    }

    /// Returns the numbers of the updates that were not refused yet.
    fn left(&self) -> impl Iterator<Item = usize> {
        self.refused.iter().enumerate().filter(|(_, refused)| refused.is_none()).map(|(index, _)| index)
    }

    pub(super) fn refuses_all(&self) -> bool {
        self.left().next().is_none()
    }

    /// Refuses all updates if all or none are wanted, and one was refused.
    fn keep_atomic(&mut self, request: &Request) {
        if request.atomic && self.refused.iter().any(Option::is_some) {
            self.refuse_all("atomic push failure");
        }
    }

    /// Refuses everything because of the pack.
    pub(super) fn unpack_failed(&mut self, error: Error) {
        self.unpack = Some(error.to_string().replace('\n', " "));
        self.refuse_all("unpacker error");
        if matches!(error.kind(), ErrorKind::Source | ErrorKind::Connection) {
            self.failure = Some(error);
        }
    }

    fn refuse_all(&mut self, words: &str) {
        for refused in &mut self.refused {
            refused.get_or_insert_with(|| words.to_owned());
        }
    }

    /// Writes the report, without what it travels in.
    pub(super) fn report(&self, updates: &[RefUpdate]) -> Vec<u8> {
        let mut report = Vec::new();
        let mut line = |text: String| crate::wire::append_packet(&mut report, text.as_bytes());
        line(format!("unpack {}\n", self.unpack.as_deref().map_or("ok".to_owned(), cut)));
        for (update, refused) in updates.iter().zip(&self.refused) {
            match refused {
                None => line(format!("ok {}\n", update.name)),
                Some(words) => line(format!("ng {} {}\n", update.name, cut(words))),
            }
        }
        report.extend_from_slice(b"0000");
        report
    }
}

/// Checks that all that the updates lead to is there, and makes a segment of what is new.
pub(super) async fn examine<R: Receiver>(
    repo: &R,
    pack: Option<ReceivedPack>,
    request: &Request,
    verdict: &mut Verdict,
    remarks: &Remarks,
) -> Result<Examined<R::Rules>> {
    let Some(mut pack) = pack else {
        return Ok(Examined { segment: None, rules: repo.rules(), tips: vec![None; request.updates.len()] });
    };
    let oids: Vec<Oid> = pack.oids().collect();
    let mut new = Vec::with_capacity(oids.len());
    for batch in oids.chunks(LOOKUP_BATCH) {
        new.extend(repo.present(batch).await?.iter().map(Option::is_none));
    }
    drop(oids);

    let mut tips = vec![None; request.updates.len()];
    for index in verdict.left() {
        if let Some(oid) = request.updates[index].new {
            tips[index] = match peel(repo, &mut pack, oid).await {
                // What lacks something is refused below.
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                peeled => Some(peeled?),
            };
        }
    }
    verdict.ask(repo, request, Some(&tips), remarks).await?;

    let left = |verdict: &Verdict| -> Vec<(usize, Oid)> {
        verdict.left().filter_map(|index| Some((index, request.updates[index].new?))).collect()
    };
    let lacking = if request.shallow { "shallow update not allowed" } else { "missing necessary objects" };
    let targets = left(verdict);
    let all: Vec<Oid> = targets.iter().map(|(_, oid)| *oid).collect();
    let (mut walk, missing) = connect(repo, pack, &new, &all, repo.rules()).await?;
    if missing.is_some() {
        // Some of them may lack nothing.
        for (index, oid) in &targets {
            let mut lacks = targets.len() == 1 || targets.len() > MAX_SINGLED_OUT;
            if !lacks {
                let missing;
                (pack, missing) = single(repo, walk.pack, &new, *oid).await?;
                walk.pack = pack;
                lacks = missing;
            }
            if lacks {
                verdict.refused[*index] = Some(lacking.to_owned());
            }
        }
        let rest: Vec<Oid> = left(verdict).iter().map(|(_, oid)| *oid).collect();
        let still;
        (walk, still) = connect(repo, walk.pack, &new, &rest, repo.rules()).await?;
        if still.is_some() {
            verdict.refuse_all(lacking);
        }
    }
    verdict.keep_atomic(request);
    if !verdict.refuses_all() {
        walk = survey(repo, walk).await?;
    }
    let (mut pack, reached, rules) = (walk.pack, walk.reached, walk.rules);
    if verdict.refuses_all() || !reached.contains(&true) {
        return Ok(Examined { segment: None, rules, tips });
    }
    let spool_dir = repo.spool_dir().to_owned();
    let segment = off_thread(pack.len(), move || pack.keep(&reached, &spool_dir)).await?;
    Ok(Examined { segment: Some(segment), rules, tips })
}

/// Shows the rules what new commits hold in all.
async fn survey<R: Receiver>(repo: &R, mut walk: Walk<R::Rules>) -> Result<Walk<R::Rules>> {
    let Some(remembered) = walk.rules.extents() else {
        return Ok(walk);
    };
    let all = Together { pack: Mutex::new(walk.pack), repo };
    let mut survey = Survey::new(&remembered);
    for (commit, tree) in &walk.roots {
        walk.rules.extent(*commit, &survey.extent(&all, *tree).await?);
    }
    walk.pack = all.pack.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(walk)
}

/// The objects of a pack, and those of the repository.
struct Together<'a, R> {
    pack: Mutex<ReceivedPack>,
    repo: &'a R,
}

impl<R: Receiver> Objects for Together<'_, R> {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>> {
        {
            let mut pack = self.pack.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((index, kind)) = pack.find(&oid).and_then(|index| Some((index, pack.kind(index)?))) {
                return Ok(Arc::new(Object { kind, data: pack.content(index)? }));
            }
        }
        self.repo.read(oid).await
    }
}

/// Finds out what a target is and, through tags, leads to.
async fn peel<R: Receiver>(repo: &R, pack: &mut ReceivedPack, oid: Oid) -> Result<Tip> {
    let mut peeled = oid;
    let mut first = None;
    for _ in 0..=MAX_TAG_DEPTH {
        let (kind, tag) = match pack.find(&peeled).and_then(|index| Some((index, pack.kind(index)?))) {
            Some((index, ObjectKind::Tag)) => (ObjectKind::Tag, pack.content(index)?),
            Some((_, kind)) => (kind, Bytes::new()),
            None => match repo.header(peeled).await?.kind {
                ObjectKind::Tag => (ObjectKind::Tag, repo.read(peeled).await?.data.clone()),
                kind => (kind, Bytes::new()),
            },
        };
        let kind_of_target = *first.get_or_insert(kind);
        if kind != ObjectKind::Tag {
            return Ok(Tip { kind: kind_of_target, peeled, peeled_kind: kind });
        }
        peeled = Tag::parse(&tag)?.target;
    }
    Err(Error::too_large(format!("tag {oid} points through more than {MAX_TAG_DEPTH} tags")))
}

/// Reports whether one target lacks something.
async fn single<R: Receiver>(
    repo: &R,
    pack: ReceivedPack,
    new: &[bool],
    tip: Oid,
) -> Result<(ReceivedPack, bool)> {
    let (walk, missing) = connect(repo, pack, new, &[tip], ()).await?;
    Ok((walk.pack, missing.is_some()))
}

/// Has the repository make the updates that were not refused.
pub(super) async fn push<R: Receiver>(
    repo: &R,
    examined: Examined<R::Rules>,
    request: &Request,
    verdict: &mut Verdict,
    remarks: &Remarks,
) {
    verdict.keep_atomic(request);
    let live: Vec<usize> = verdict.left().collect();
    if live.is_empty() {
        return;
    }
    let push = Push {
        updates: live.iter().map(|index| request.updates[*index].clone()).collect(),
        tips: live.iter().map(|index| examined.tips[*index]).collect(),
        segment: examined.segment,
        rules: examined.rules,
        atomic: request.atomic,
        options: request.options.clone(),
    };
    match repo.apply(push, remarks).await {
        Ok(refused) => {
            for (index, refused) in live.into_iter().zip(refused) {
                verdict.refused[index] = refused;
            }
        }
        Err(error) => {
            remarks.tell(format!("error: {error}"));
            verdict.refuse_all("failed to update ref");
            if error.kind() == ErrorKind::Source {
                verdict.failure = Some(error);
            }
        }
    }
}

/// Keeps a text within a packet.
fn cut(text: &str) -> String {
    text.chars().take(1000).collect()
}
