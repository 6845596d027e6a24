//! Making the objects that come as deltas.

use bytes::Bytes;
use lyceum_core::Oid;

use super::received::{Base, ReceivedPack};
use super::stream::malformed;
use crate::fsck::fsck_object;
use crate::object::checked_object_id;
use crate::{Error, Object, ObjectKind, Result};

/// Finds out what the deltas of a pack make, in any order of deltas and bases.
///
/// First [`run`](Self::run), which uses what is in the pack. Then, while [`missing`](Self::missing) names bases, the
/// caller gives those that he has to [`add`](Self::add). [`finish`](Self::finish) fails if some are still missing.
#[derive(Debug)]
pub struct Resolver {
    pack: ReceivedPack,
    /// Base and delta, sorted.
    by_entry: Vec<(u32, u32)>,
    by_id: Vec<(Oid, u32)>,
    /// Which ids of `by_id` were met, at their first delta: an object may be made many times, but what is based on it
    /// is made once.
    met: Vec<bool>,
    unresolved: usize,
    /// Where the search for missing bases goes on.
    asked: usize,
}

/// An object on which deltas are based.
struct Frame {
    index: u32,
    kind: ObjectKind,
    depth: u16,
    /// The deltas that are still to be made into objects.
    deltas: Vec<u32>,
}

impl Resolver {
    /// Takes a pack.
    pub fn new(pack: ReceivedPack) -> Self {
        let mut by_entry = Vec::new();
        let mut by_id = Vec::new();
        for (index, entry) in (0..).zip(&pack.entries) {
            match entry.base {
                Base::Whole => {}
                Base::Entry(base) => by_entry.push((base, index)),
                Base::Id(base) => by_id.push((base, index)),
            }
        }
        by_entry.sort_unstable();
        by_id.sort_unstable();
        let unresolved = by_entry.len() + by_id.len();
        let met = vec![false; by_id.len()];
        Self { pack, by_entry, by_id, met, unresolved, asked: 0 }
    }

    /// Makes every object whose base is in the pack.
    pub fn run(&mut self) -> Result<()> {
        if self.unresolved == 0 {
            return Ok(());
        }
        for index in (0..).take(self.pack.len()) {
            let entry = *self.pack.entry(index);
            let Some(kind) = entry.kind.filter(|_| entry.base == Base::Whole) else {
                continue;
            };
            let deltas = self.deltas_of(Some(index), &entry.oid);
            if !deltas.is_empty() {
                self.descend(Frame { index, kind, depth: 0, deltas })?;
            }
        }
        Ok(())
    }

    /// Returns some of the bases that are missing; none if there are no more, or if no delta needs any.
    pub fn missing(&mut self, most: usize) -> Vec<Oid> {
        let mut missing: Vec<Oid> = Vec::new();
        while let Some((base, delta)) = self.by_id.get(self.asked)
            && missing.len() < most
        {
            self.asked += 1;
            if self.pack.entry(*delta).kind.is_none() && missing.last() != Some(base) {
                missing.push(*base);
            }
        }
        missing
    }

    /// Makes the objects that are based on one outside of the pack.
    pub fn add(&mut self, oid: Oid, base: &Object) -> Result<()> {
        let deltas = self.deltas_of(None, &oid);
        if deltas.is_empty() {
            return Ok(());
        }
        let index = self.pack.complete(oid, base.kind, &base.data)?;
        self.descend(Frame { index, kind: base.kind, depth: 0, deltas })
    }

    /// Returns the pack, of which every object is known now.
    pub fn finish(mut self) -> Result<ReceivedPack> {
        if self.unresolved > 0 {
            return Err(malformed(format!("it has {} unresolved deltas", self.unresolved)));
        }
        self.pack.index();
        Ok(self.pack)
    }

    /// Makes all objects that are based on one, directly or not.
    fn descend(&mut self, root: Frame) -> Result<()> {
        let mut stack = vec![root];
        while let Some(mut frame) = stack.pop() {
            let Some(delta) = frame.deltas.pop() else {
                continue;
            };
            let (base, kind, depth) = (frame.index, frame.kind, frame.depth + 1);
            let content = self.pack.content(base)?;
            if !frame.deltas.is_empty() {
                stack.push(frame);
            }
            let (oid, content) = self.make(delta, base, kind, depth, &content)?;
            let deltas = self.deltas_of(Some(delta), &oid);
            if !deltas.is_empty() {
                self.pack.built.keep(delta, &content);
                stack.push(Frame { index: delta, kind, depth, deltas });
            }
        }
        Ok(())
    }

    /// Makes the object of one delta.
    fn make(
        &mut self,
        index: u32,
        base: u32,
        kind: ObjectKind,
        depth: u16,
        content: &[u8],
    ) -> Result<(Oid, Bytes)> {
        if depth > self.pack.limits.chain {
            let limit = self.pack.limits.chain;
            return Err(Error::too_large(format!("the pack has a chain of more than {limit} deltas")));
        }
        let content = self.pack.make(index, content)?;
        let oid = checked_object_id(kind, &content)?;
        if self.pack.limits.fsck && kind != ObjectKind::Blob {
            fsck_object(oid, kind, &content)?;
        }
        let entry = &mut self.pack.entries[index as usize];
        (entry.oid, entry.kind, entry.depth) = (oid, Some(kind), depth);
        entry.object_bytes = content.len() as u64;
        // From now on the base need not be searched for.
        entry.base = Base::Entry(base);
        self.unresolved -= 1;
        Ok((oid, content))
    }

    /// Returns the deltas that are based on an entry, or on the object that it is. Each delta is returned once.
    fn deltas_of(&mut self, index: Option<u32>, oid: &Oid) -> Vec<u32> {
        let mut deltas = Vec::new();
        if let Some(index) = index {
            let from = self.by_entry.partition_point(|(base, _)| *base < index);
            let of = self.by_entry[from..].iter().take_while(|(base, _)| *base == index);
            deltas.extend(of.map(|(_, delta)| *delta));
        }
        let from = self.by_id.partition_point(|(base, _)| base < oid);
        let of = self.by_id[from..].iter().take_while(|(base, _)| base == oid);
        if self.met.get(from) == Some(&false) {
            let before = deltas.len();
            deltas.extend(of.map(|(_, delta)| *delta));
            self.met[from] = deltas.len() > before;
        }
        deltas
    }
}
