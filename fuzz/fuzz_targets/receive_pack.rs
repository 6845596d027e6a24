//! A push is refused or taken; what is taken lacks nothing.
//!
//! The first byte chooses. If it is even, the rest is a request as it comes over the wire, up to the checksum of its
//! pack, which is put right here. If it is odd, the rest lists objects, which are packed and pushed, so that changed
//! bytes reach what looks at objects: for each a byte that says what it is, one with the length of what follows, and its
//! content, in which `\xf0` and `\xf1` before a number stand for the id of that object, as bytes or digits.
#![no_main]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use libfuzzer_sys::fuzz_target;
use lyceum_core::Oid;
use lyceum_git::wire::{ReceiveOptions, append_packet, receive_pack};
use lyceum_git::{
    Commit, Error, Extent, Extents, Head, NewEntry, Object, ObjectHeader, ObjectKind, Objects, PackLimits,
    PackSource, Packed, Push, Receiver, Reference, References, Remarks, Result, Rules, SegmentData,
    SegmentWriter, check_reachable, object_id, pack_whole,
};
use sha1::{Digest as _, Sha1};

/// A repository of a blob that deltas may be based on.
struct Repo {
    objects: Mutex<HashMap<Oid, Arc<Object>>>,
    spool_dir: PathBuf,
}

const KNOWN: &[u8] = b"[submodule \"x\"]\n\turl = -u./x\n";

/// Adds up what every commit holds.
struct Sums(Arc<Extents>);

impl Rules for Sums {
    fn entry(&mut self, entry: &NewEntry<'_>) {
        assert!(entry.path.len() < 1 << 14);
    }

    fn commit(&mut self, _: Oid, _: &Commit) {}

    fn extents(&self) -> Option<Arc<Extents>> {
        Some(self.0.clone())
    }

    fn extent(&mut self, _: Oid, extent: &Extent) {
        assert!(extent.deepest <= extent.longest);
    }
}

impl Objects for Repo {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>> {
        self.objects.lock().expect("nobody panicked").get(&oid).cloned().ok_or_else(|| Error::not_found(oid))
    }
}

impl PackSource for Repo {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader> {
        let object = self.read(oid).await?;
        Ok(ObjectHeader { kind: object.kind, size: object.data.len() as u64 })
    }

    async fn packed(&self, oid: Oid) -> Result<Packed> {
        Err(Error::not_found(oid))
    }
}

impl References for Repo {
    async fn head(&self) -> Result<Option<Head>> {
        Ok(None)
    }

    async fn references(&self, _: &[String]) -> Result<Vec<Reference>> {
        Ok(Vec::new())
    }
}

impl Receiver for Repo {
    type Rules = Sums;

    fn spool_dir(&self) -> &Path {
        &self.spool_dir
    }

    fn limits(&self) -> PackLimits {
        PackLimits { pack_bytes: 1 << 20, objects: 1000, inflate_bytes: 1 << 24, ..PackLimits::default() }
    }

    async fn present(&self, oids: &[Oid]) -> Result<Vec<Option<ObjectHeader>>> {
        let objects = self.objects.lock().expect("nobody panicked");
        let header =
            |object: &Arc<Object>| ObjectHeader { kind: object.kind, size: object.data.len() as u64 };
        Ok(oids.iter().map(|oid| objects.get(oid).map(header)).collect())
    }

    fn rules(&self) -> Sums {
        Sums(Arc::default())
    }

    async fn apply(&self, push: Push<Sums>, _: &Remarks) -> Result<Vec<Option<String>>> {
        if let Some(segment) = &push.segment {
            for entry in segment.index.iter() {
                let object = segment.read(&entry.oid)?.expect("it is in the index");
                self.objects.lock().expect("nobody panicked").insert(entry.oid, Arc::new(object));
            }
        }
        let tips: Vec<Oid> = push.updates.iter().filter_map(|update| update.new).collect();
        let report = check_reachable(self, &tips, |_, _| {}).await?;
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        Ok(vec![None; push.updates.len()])
    }
}

impl Repo {
    fn new() -> Self {
        let known = Object { kind: ObjectKind::Blob, data: KNOWN.into() };
        let objects = HashMap::from([(object_id(known.kind, &known.data), Arc::new(known))]);
        Self { objects: Mutex::new(objects), spool_dir: std::env::temp_dir() }
    }
}

/// Packs the objects of a list and asks for references to the last of them.
fn listed(mut list: &[u8]) -> Vec<u8> {
    let mut objects = vec![(ObjectKind::Blob, KNOWN.to_vec(), object_id(ObjectKind::Blob, KNOWN))];
    let mut pack = SegmentWriter::new(&std::env::temp_dir());
    while let [what, length, rest @ ..] = list {
        let (text, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        list = rest;
        let mut content = Vec::new();
        let mut bytes = text.iter();
        while let Some(byte) = bytes.next() {
            let number = if *byte >= 0xf0 { bytes.next() } else { None };
            match number.and_then(|number| objects.get(usize::from(*number))) {
                Some((.., oid)) if *byte == 0xf0 => content.extend_from_slice(oid.as_bytes()),
                Some((.., oid)) => content.extend_from_slice(oid.to_string().as_bytes()),
                None => content.push(*byte),
            }
        }
        let base = usize::from(*what >> 3) % objects.len();
        let (kind, data, base) = if what & 4 != 0 {
            let (kind, before, oid) = &objects[base];
            (*kind, [&before[..], &content[..]].concat(), Some((*oid, before.len())))
        } else {
            let kinds = [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob, ObjectKind::Tag];
            (kinds[usize::from(*what & 3)], content.clone(), None)
        };
        let oid = object_id(kind, &data);
        if data.len() > 1 << 14 || objects.len() == 256 {
            break;
        }
        match base {
            None => drop(pack.add(kind, &data).expect("it is small")),
            Some((base, length)) => {
                let delta = delta(length, &content);
                let packed = pack_whole(&Object { kind, data: delta.into() }).expect("it is small");
                let packed = Packed { base: Some(base), ..packed };
                pack.add_packed(oid, data.len() as u64, &packed).expect("it is small");
            }
        }
        objects.push((kind, data, oid));
    }
    let mut request = Vec::new();
    for (number, (.., oid)) in objects.iter().rev().take(3).enumerate() {
        let line = format!("{} {oid} refs/tags/{number}\0report-status side-band-64k", Oid::ZERO);
        append_packet(&mut request, line.as_bytes());
    }
    request.extend_from_slice(b"0000");
    match pack.finish().expect("it is small").data {
        SegmentData::Inline(data) => request.extend(data),
        SegmentData::Spooled { file, .. } => request.extend(std::fs::read(file.path()).expect("it is there")),
    }
    request
}

/// A delta that appends to a base.
fn delta(length: usize, content: &[u8]) -> Vec<u8> {
    let mut delta = Vec::new();
    for mut size in [length, length + content.len()] {
        while size > 0x7f {
            delta.push(size as u8 | 0x80);
            size >>= 7;
        }
        delta.push(size as u8);
    }
    if length > 0 {
        delta.extend_from_slice(&[0xb0, length as u8, (length >> 8) as u8]);
    }
    for piece in content.chunks(0x7f) {
        delta.push(piece.len() as u8);
        delta.extend_from_slice(piece);
    }
    delta
}

/// Puts the checksum behind the pack of a request.
fn sealed(request: &[u8]) -> Vec<u8> {
    let mut request = request.to_vec();
    if let Some(start) = request.windows(4).position(|window| window == b"PACK") {
        let checksum = Sha1::digest(&request[start..]);
        request.extend_from_slice(&checksum);
    }
    request
}

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else {
        return;
    };
    let request = if how % 2 == 0 { sealed(data) } else { listed(data) };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    for stateless in [true, false] {
        let options = ReceiveOptions {
            stateless,
            advertise: false,
            version: 1,
            agent: "fuzz",
            atomic: true,
            push_options: true,
        };
        let mut answer = Vec::new();
        drop(runtime.block_on(receive_pack(&Repo::new(), &options, &request[..], &mut answer)));
    }
});
