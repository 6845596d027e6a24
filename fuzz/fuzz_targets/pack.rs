//! A foreign pack is refused or understood, whatever pieces it comes in; what is understood makes the objects that it says.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use lyceum_git::{ErrorKind, Object, ObjectKind, PackLimits, PackReader, ReceivedPack, Resolver, object_id};

/// What deltas may be based on without bringing it.
const BASE: &[u8] = b"a base";

fn read(data: &[u8], piece: usize) -> Result<ReceivedPack, ErrorKind> {
    let limits = PackLimits {
        pack_bytes: 1 << 20,
        too_long: "",
        objects: 1000,
        object_bytes: 1 << 20,
        inflate_ratio: 100,
        inflate_bytes: 1 << 24,
        chain: 100,
        idle: Duration::from_secs(1),
        fsck: true,
    };
    let mut reader = PackReader::new(&std::env::temp_dir(), limits);
    for piece in data.chunks(piece) {
        if reader.feed(piece).map_err(|error| error.kind())? < piece.len() {
            break;
        }
    }
    let mut resolver = Resolver::new(reader.finish().map_err(|error| error.kind())?);
    resolver.run().map_err(|error| error.kind())?;
    loop {
        let missing = resolver.missing(3);
        if missing.is_empty() {
            break;
        }
        // Of what is missing, one object can be had.
        let base = Object { kind: ObjectKind::Blob, data: BASE.into() };
        if let Some(oid) = missing.into_iter().find(|oid| *oid == object_id(base.kind, &base.data)) {
            resolver.add(oid, &base).map_err(|error| error.kind())?;
        }
    }
    resolver.finish().map_err(|error| error.kind())
}

fuzz_target!(|data: &[u8]| {
    // A pack carries its checksum, which no fuzzer guesses: it is put right here.
    let data = sealed(data);
    let whole = read(&data, data.len());
    let pieces = read(&data, 7);
    assert_eq!(whole.as_ref().map(ReceivedPack::len).ok(), pieces.as_ref().map(ReceivedPack::len).ok());
    if let Ok(pack) = whole {
        let count = pack.len();
        let segment = pack.into_segment(&std::env::temp_dir()).expect("all of it was understood");
        assert!(segment.index.len() <= count);
        for entry in segment.index.iter() {
            let object = segment.read(&entry.oid).expect("it was just written").expect("it is in the index");
            assert_eq!((object.kind, object.data.len() as u64), (entry.kind, entry.size));
        }
    }
});

fn sealed(data: &[u8]) -> Vec<u8> {
    use sha1::{Digest as _, Sha1};
    let mut data = data.to_vec();
    let checksum = Sha1::digest(&data);
    data.extend_from_slice(&checksum);
    data
}
