//! A request to fetch is refused or answered, from a small history; an answer without a side band that holds a pack
//! holds a whole one.
//!
//! The first byte chooses the version of the protocol and whether it is a conversation. In the rest, `@` stands for a
//! packet's length up to the next newline, and `0` to `5` after `=` for an object, so that requests are found quickly.
#![no_main]

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use futures_executor::block_on;
use libfuzzer_sys::fuzz_target;
use lyceum_core::{ByteRange, Oid};
use lyceum_git::wire::{NoPackCache, UploadPackOptions, Version, append_packet, upload_pack};
use lyceum_git::{
    Commit, Error, Head, Mode, Object, ObjectHeader, ObjectKind, Objects, PackSource, Packed, Reference,
    References, Result, SegmentData, SegmentWriter, Signature, Tag, Tree, TreeEntry, object_id,
};

struct Memory {
    objects: HashMap<Oid, (Arc<Object>, Packed)>,
    names: Vec<Oid>,
}

impl Objects for Memory {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>> {
        self.objects.get(&oid).map(|(object, _)| object.clone()).ok_or_else(|| Error::not_found(oid))
    }
}

impl PackSource for Memory {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader> {
        let object = self.read(oid).await?;
        Ok(ObjectHeader { kind: object.kind, size: object.data.len() as u64 })
    }

    async fn packed(&self, oid: Oid) -> Result<Packed> {
        self.objects.get(&oid).map(|(_, packed)| packed.clone()).ok_or_else(|| Error::not_found(oid))
    }
}

impl References for Memory {
    async fn head(&self) -> Result<Option<Head>> {
        Ok(Some(Head::Symbolic("refs/heads/main".to_owned())))
    }

    async fn references(&self, _: &[String]) -> Result<Vec<Reference>> {
        let reference = |name: &str, target, peeled| Reference { name: name.to_owned(), target, peeled };
        Ok(vec![
            reference("refs/heads/main", self.names[3], None),
            reference("refs/tags/v", self.names[4], Some(self.names[2])),
        ])
    }
}

impl Memory {
    fn add(&mut self, kind: ObjectKind, data: &[u8]) -> Oid {
        let mut writer = SegmentWriter::new(&std::env::temp_dir());
        let oid = writer.add(kind, data).expect("it is small");
        let segment = writer.finish().expect("it is small");
        let SegmentData::Inline(pack) = &segment.data else { panic!("it is small") };
        let entry = segment.index.find(&oid).expect("it was added");
        let range = ByteRange::new(entry.offset, entry.offset + entry.stored_bytes);
        let stored = pack[range.start as usize..range.end as usize].to_vec();
        let packed = Packed::parse(stored.into(), &entry).expect("it was just written");
        let object = Arc::new(Object { kind, data: data.to_vec().into() });
        assert_eq!(object_id(kind, data), oid);
        self.objects.insert(oid, (object, packed));
        oid
    }
}

static MEMORY: LazyLock<Memory> = LazyLock::new(|| {
    let mut memory = Memory { objects: HashMap::new(), names: Vec::new() };
    let who = Signature { name: "a".into(), email: "b".into(), seconds: 9, offset_minutes: 0 };
    let mut parents = Vec::new();
    for text in ["one", "two", "three", "four"] {
        let oid = memory.add(ObjectKind::Blob, text.as_bytes());
        let tree = Tree::new(vec![TreeEntry { name: text.into(), mode: Mode::File, oid }]);
        let inner = memory.add(ObjectKind::Tree, &tree.encode());
        let mut entries = tree.into_entries();
        entries.push(TreeEntry { name: "z".into(), mode: Mode::Folder, oid: inner });
        let tree = memory.add(ObjectKind::Tree, &Tree::new(entries).encode());
        let (author, committer, message) = (who.clone(), who.clone(), text.to_owned());
        let commit = Commit { tree, parents: parents.clone(), author, committer, message };
        let commit = memory.add(ObjectKind::Commit, &commit.encode());
        parents = vec![commit];
        memory.names.push(commit);
    }
    let (target, target_kind) = (memory.names[2], ObjectKind::Commit);
    let tag = Tag { target, target_kind, name: "v".into(), tagger: Some(who), message: String::new() };
    let tag = memory.add(ObjectKind::Tag, &tag.encode());
    memory.names.push(tag);
    let blob = object_id(ObjectKind::Blob, b"one");
    memory.names.push(blob);
    memory
});

/// Puts lengths and objects in the place of what stands for them.
fn expand(data: &[u8]) -> Vec<u8> {
    let mut request = Vec::new();
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let Some(line) = line.strip_prefix(b"@") else {
            request.extend_from_slice(line);
            continue;
        };
        let mut text = Vec::new();
        let mut bytes = line.iter();
        while let Some(byte) = bytes.next() {
            let name = if *byte == b'=' { bytes.next() } else { None };
            match name.and_then(|digit| MEMORY.names.get(usize::from(digit.wrapping_sub(b'0')))) {
                Some(oid) => text.extend_from_slice(oid.to_string().as_bytes()),
                None => text.push(*byte),
            }
        }
        text.truncate(60_000);
        append_packet(&mut request, &text);
    }
    request
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, request)) = data.split_first() else {
        return;
    };
    let options = UploadPackOptions {
        version: [Version::V0, Version::V1, Version::V2][usize::from(how % 3)],
        stateless: how & 4 != 0,
        any: how & 8 != 0,
        filter: true,
        ref_in_want: true,
        object_info: true,
        sideband_all: how & 16 != 0,
        ..UploadPackOptions::default()
    };
    let mut answer = Vec::new();
    let request = expand(request);
    let served = block_on(upload_pack(&*MEMORY, &options, &NoPackCache, &request[..], &mut answer));
    if let Ok(Some(pack)) = served.map(|served| served.pack) {
        assert!(pack.bytes >= 32 && pack.bytes <= answer.len() as u64);
    }
});
