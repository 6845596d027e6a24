//! From a pack to what may be applied, and to the report.

use bytes::Bytes;
use lyceum_core::Oid;

use super::commands::{Request, refusals};
use super::{LOOKUP_BATCH, off_thread};
use crate::connect::connect;
use crate::limits::MAX_TAG_DEPTH;
use crate::receiver::{Push, Receiver, Remarks, Tip};
use crate::{Error, ErrorKind, ObjectKind, ReceivedPack, RefUpdate, Result, Segment, Tag};

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

    let tips = |verdict: &Verdict| -> Vec<(usize, Oid)> {
        let live = request.updates.iter().enumerate().filter(|(index, _)| verdict.refused[*index].is_none());
        live.filter_map(|(index, update)| update.new.map(|new| (index, new))).collect()
    };
    let lacking = if request.shallow { "shallow update not allowed" } else { "missing necessary objects" };
    let targets = tips(verdict);
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
        let rest: Vec<Oid> = tips(verdict).iter().map(|(_, oid)| *oid).collect();
        let still;
        (walk, still) = connect(repo, walk.pack, &new, &rest, repo.rules()).await?;
        if still.is_some() {
            verdict.refuse_all(lacking);
        }
    }
    if request.atomic && verdict.refused.iter().any(Option::is_some) {
        verdict.refuse_all("atomic push failure");
    }
    let (mut pack, reached, rules) = (walk.pack, walk.reached, walk.rules);
    let mut tips = Vec::with_capacity(request.updates.len());
    for (update, refused) in request.updates.iter().zip(&verdict.refused) {
        tips.push(match update.new.filter(|_| refused.is_none()) {
            Some(oid) => Some(peel(repo, &mut pack, oid).await?),
            None => None,
        });
    }
    let live = request.updates.len() > verdict.refused.iter().flatten().count();
    if !live || !reached.contains(&true) {
        return Ok(Examined { segment: None, rules, tips });
    }
    let spool_dir = repo.spool_dir().to_owned();
    let segment = off_thread(pack.len(), move || pack.keep(&reached, &spool_dir)).await?;
    Ok(Examined { segment: Some(segment), rules, tips })
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
    if request.atomic && verdict.refused.iter().any(Option::is_some) {
        verdict.refuse_all("atomic push failure");
    }
    let live: Vec<usize> =
        (0..request.updates.len()).filter(|index| verdict.refused[*index].is_none()).collect();
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
