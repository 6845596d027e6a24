//! From the answer to a fetch to a segment.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use lyceum_core::Oid;
use tokio::io::AsyncRead;

use super::PackAnswer;
use crate::connect::connect;
use crate::limits::MAX_TAG_DEPTH;
use crate::pack::off_thread;
use crate::{
    Error, Head, Object, ObjectHeader, ObjectKind, Objects, PackLimits, PackReader, PackSource, Packed, Push,
    ReceivedPack, Receiver, Reference, References, Remarks, Resolver, Result, Segment, Tag, peel_commit,
};

/// Objects are looked up in lists of this length.
const LOOKUP_BATCH: usize = 10_000;

/// The repository that a fetch completes.
pub trait Keeper: PackSource {
    /// Returns the folder in which packs are kept while they are examined.
    fn spool_dir(&self) -> &Path;

    /// Looks up which of some objects are there; as many answers as there are ids.
    fn present(&self, oids: &[Oid]) -> impl Future<Output = Result<Vec<Option<ObjectHeader>>>> + Send;
}

/// What a fetch brought, of which everything is sound.
#[derive(Debug)]
pub struct Taken {
    /// The objects that the repository lacked and that the tips lead to; `None` if there are none.
    pub segment: Option<Segment>,
    /// The commit that each tip leads to; `None` for one that leads to none.
    pub commits: Vec<Option<Oid>>,
}

/// Reads a pack and checks that with it the repository has everything that `tips` lead to.
pub async fn take_pack<K: Keeper>(
    keeper: &K,
    answer: &mut PackAnswer<impl AsyncRead + Unpin + Send>,
    tips: &[Oid],
    limits: PackLimits,
) -> Result<Taken> {
    let mut reader = PackReader::new(keeper.spool_dir(), limits.clone());
    while let Some(data) = answer.next().await? {
        // At most 64 KiB: some hundred small objects.
        let used = reader.feed(data)?;
        if used < data.len() {
            return Err(Error::malformed("pack", "something follows it"));
        }
    }
    let pack = reader.finish()?;
    let objects = pack.len();
    let pack = off_thread(objects, move || {
        let mut resolver = Resolver::new(pack);
        resolver.run()?;
        // Deltas against objects outside of the pack were not asked for.
        resolver.finish()
    })
    .await?;

    let oids: Vec<Oid> = pack.oids().collect();
    let mut new = Vec::with_capacity(oids.len());
    for batch in oids.chunks(LOOKUP_BATCH) {
        new.extend(keeper.present(batch).await?.iter().map(Option::is_none));
    }
    let (walk, missing) = connect(&Sink { keeper, limits }, pack, &new, tips, ()).await?;
    if let Some(missing) = missing {
        return Err(Error::protocol(format!("the server left out object {missing}")));
    }
    let (mut pack, reached) = (walk.pack, walk.reached);
    let mut commits = Vec::with_capacity(tips.len());
    for tip in tips {
        commits.push(peel(keeper, &mut pack, *tip).await?);
    }
    if !reached.contains(&true) {
        return Ok(Taken { segment: None, commits });
    }
    let spool_dir = keeper.spool_dir().to_owned();
    let segment = off_thread(pack.len(), move || pack.keep(&reached, &spool_dir)).await?;
    Ok(Taken { segment: Some(segment), commits })
}

/// Follows annotated tags, which may be in the pack or not, to a commit.
async fn peel(keeper: &impl Keeper, pack: &mut ReceivedPack, tip: Oid) -> Result<Option<Oid>> {
    let mut target = tip;
    for _ in 0..=MAX_TAG_DEPTH {
        let Some(index) = pack.find(&target) else {
            return peel_commit(keeper, target).await;
        };
        match pack.kind(index) {
            Some(ObjectKind::Commit) => return Ok(Some(target)),
            Some(ObjectKind::Tag) => target = Tag::parse(&pack.content(index)?)?.target,
            _ => return Ok(None),
        }
    }
    Err(Error::too_large(format!("tag {tip} points through more than {MAX_TAG_DEPTH} tags")))
}

/// Stands where pushes go to: what was asked for is examined as what is sent unasked.
struct Sink<'a, K> {
    keeper: &'a K,
    limits: PackLimits,
}

impl<K: Keeper> Objects for Sink<'_, K> {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>> {
        self.keeper.read(oid).await
    }
}

impl<K: Keeper> PackSource for Sink<'_, K> {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader> {
        self.keeper.header(oid).await
    }

    async fn packed(&self, oid: Oid) -> Result<Packed> {
        self.keeper.packed(oid).await
    }
}

impl<K: Keeper> References for Sink<'_, K> {
    async fn head(&self) -> Result<Option<Head>> {
        Ok(None)
    }

    async fn references(&self, _: &[String]) -> Result<Vec<Reference>> {
        Ok(Vec::new())
    }
}

impl<K: Keeper> Receiver for Sink<'_, K> {
    type Rules = ();

    fn spool_dir(&self) -> &Path {
        self.keeper.spool_dir()
    }

    fn limits(&self) -> PackLimits {
        self.limits.clone()
    }

    async fn present(&self, oids: &[Oid]) -> Result<Vec<Option<ObjectHeader>>> {
        self.keeper.present(oids).await
    }

    fn rules(&self) {}

    async fn apply(&self, push: Push<()>, _: &Remarks) -> Result<Vec<Option<String>>> {
        Ok(push.updates.iter().map(|_| Some("nothing is pushed here".to_owned())).collect())
    }
}
