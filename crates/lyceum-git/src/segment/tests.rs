use std::io::Write as _;

use bytes::Bytes;
use lyceum_core::Oid;
use proptest::prelude::*;

use crate::testing::{Git, Memory, pack, read_entry, stored};
use crate::{
    ErrorKind, ObjectKind, Packed, Segment, SegmentData, SegmentEntry, SegmentIndex, SegmentWriter, object_id,
};

/// Bytes that do not compress, so that sizes are what they seem.
fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn segment(objects: &[Vec<u8>]) -> Segment {
    let mut writer = SegmentWriter::new(&std::env::temp_dir());
    for data in objects {
        let oid = writer.add(ObjectKind::Blob, data).unwrap();
        assert_eq!(oid, object_id(ObjectKind::Blob, data));
        assert!(writer.contains(&oid));
        // Twice is once.
        writer.add(ObjectKind::Blob, data).unwrap();
    }
    for data in objects {
        assert_eq!(writer.read(&object_id(ObjectKind::Blob, data)).unwrap().data, data.as_slice());
    }
    assert!(writer.read(&Oid::ZERO).is_none());
    writer.finish().unwrap()
}

#[test]
fn git_accepts_whole_repositories() {
    let memory = Memory::default();
    let first = memory.commit(memory.tree(&[("README.md", "# x"), ("data/a/b.txt", "b")]), &[], 1);
    let second = memory.commit(memory.tree(&[("README.md", "# y")]), &[first], 2);
    let git = memory.export();
    assert_eq!(git.lines(&["rev-list", &second.to_string()]), [second.to_string(), first.to_string()]);
}

#[test]
fn git_accepts_small_and_spooled_packs() {
    let cases = [
        vec![],
        vec![vec![]],
        vec![noise(10, 1), noise(15, 2), noise(16, 3), noise(2048, 4)],
        vec![noise(65_000, 5), noise(65_000, 6), noise(3, 7)],
        (0..40).map(|seed| noise(20_000, seed * 2)).collect(),
        vec![b"x".repeat(3_000_000)],
    ];
    for (at, objects) in cases.iter().enumerate() {
        let segment = segment(objects);
        assert_eq!(matches!(segment.data, SegmentData::Spooled { .. }), at == 3 || at == 4);
        let git = Git::new();
        let pack = pack(&segment);
        assert_eq!(segment.data.bytes(), pack.len() as u64);
        std::fs::write(git.path().join("x.pack"), &pack).unwrap();
        git.run(&["index-pack", "--strict", "x.pack"], b"");
        let listing = String::from_utf8(git.run(&["verify-pack", "-v", "x.pack"], b"")).unwrap();
        for entry in segment.index.iter() {
            let line = format!("{} blob   {} {} {}", entry.oid, entry.size, entry.stored_bytes, entry.offset);
            assert!(listing.lines().any(|listed| listed == line), "{line} not in {listing}");
        }
    }
}

#[test]
fn damage_is_noticed() {
    let segment = segment(&[noise(300, 1), b"text ".repeat(50)]);
    let pack = pack(&segment);
    for entry in segment.index.iter() {
        let whole = stored(&pack, entry);
        read_entry(whole, entry).unwrap();
        for at in 0..whole.len() {
            let mut broken = whole.to_vec();
            broken[at] ^= 0x10;
            // A bit that inflate ignores (in the compression level hint) leaves the content as it is.
            if let Ok(object) = read_entry(&broken, entry) {
                assert_eq!(object_id(object.kind, &object.data), entry.oid);
            }
            assert!(read_entry(&whole[..at], entry).is_err());
        }
        assert!(read_entry(&[whole, b"x"].concat(), entry).is_err());
        assert!(read_entry(whole, &SegmentEntry { size: entry.size + 1, ..*entry }).is_err());
        assert!(read_entry(whole, &SegmentEntry { kind: ObjectKind::Tree, ..*entry }).is_err());
    }
}

#[test]
fn sizes_that_lie_allocate_nothing() {
    // A header that claims 64 MiB, and next to no content.
    let lie = [0b1011_0000, 0x80, 0x80, 0x80, 0x02, 0x78, 0x9c];
    let entry = SegmentEntry {
        oid: Oid::ZERO,
        kind: ObjectKind::Blob,
        offset: 12,
        stored_bytes: lie.len() as u64,
        size: 2 << (4 + 21),
    };
    assert_eq!(read_entry(&lie, &entry).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn merged_segments_hold_each_object_once() {
    let parts =
        [vec![noise(100, 1), noise(100, 3)], vec![noise(100, 3), noise(100, 5)], vec![noise(70_000, 7)]];
    let mut merged = SegmentWriter::new(&std::env::temp_dir());
    for objects in &parts {
        let segment = segment(objects);
        merged.add_segment(&segment.index, &pack(&segment)).unwrap();
    }
    let merged = merged.finish().unwrap();
    assert_eq!(merged.index.len(), 4);
    Git::new().import(&merged);
    let pack = pack(&merged);
    for data in parts.iter().flatten() {
        let entry = merged.index.find(&object_id(ObjectKind::Blob, data)).unwrap();
        assert_eq!(read_entry(stored(&pack, &entry), &entry).unwrap().data, data.as_slice());
    }
    let index = segment(&parts[0]).index;
    assert!(SegmentWriter::new(&std::env::temp_dir()).add_segment(&index, b"").is_err());
}

/// An index that the first version wrote must stay readable.
#[test]
fn stored_indexes_stay_readable() {
    let mut data = vec![1, 1];
    data.extend_from_slice(&[0xab; 20]);
    data.extend_from_slice(&[3, 12, 0x80, 0x01, 0xff, 0x7f]);
    let index = SegmentIndex::decode(&data).unwrap();
    let entry = SegmentEntry {
        oid: Oid([0xab; 20]),
        kind: ObjectKind::Blob,
        offset: 12,
        stored_bytes: 128,
        size: 16383,
    };
    assert_eq!(index.find(&entry.oid), Some(entry));
    assert_eq!(index.encode(), data);
    assert!(SegmentIndex::decode(&[2, 0]).is_err());
}

proptest! {
    #[test]
    fn indexes_round_trip(objects in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..30), cut: usize) {
        let index = segment(&objects).index;
        let data = index.encode();
        prop_assert_eq!(&SegmentIndex::decode(&data).unwrap(), &index);
        prop_assert!(SegmentIndex::decode(&data[..cut % data.len()]).is_err());
        prop_assert!(SegmentIndex::decode(&[data.as_slice(), b"x"].concat()).is_err());
    }

    #[test]
    fn decoding_never_panics(data: Vec<u8>, size: u64) {
        let _ = SegmentIndex::decode(&data);
        let _ = SegmentIndex::decode(&[&[1], data.as_slice()].concat());
        let entry =
            SegmentEntry { oid: Oid::ZERO, kind: ObjectKind::Blob, offset: 0, stored_bytes: data.len() as u64, size };
        prop_assert!(read_entry(&data, &entry).is_err());
    }
}

#[test]
fn deltas_are_kept_as_they_come() {
    let deflate = |data: &[u8]| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        Bytes::from(encoder.finish().unwrap())
    };
    for spooled in [false, true] {
        let mut writer = SegmentWriter::new(&std::env::temp_dir());
        let delta = [10, 4, 0x91, 2, 3, 1, b'x'];
        let oid = object_id(ObjectKind::Blob, b"234x");
        let base = object_id(ObjectKind::Blob, b"0123456789");
        let packed = Packed {
            kind: ObjectKind::Blob,
            base: Some(base),
            inflated_bytes: delta.len() as u64,
            deflated: deflate(&delta),
        };
        writer.add_packed(oid, 4, &packed).unwrap();
        assert!(writer.read(&oid).is_none(), "its base is not there yet");
        if spooled {
            writer.add(ObjectKind::Blob, &noise(100_000, 1)).unwrap();
        }
        writer.add(ObjectKind::Blob, b"0123456789").unwrap();
        assert_eq!(writer.read(&oid).unwrap().data, b"234x"[..]);

        let segment = writer.finish().unwrap();
        let mut merged = SegmentWriter::new(&std::env::temp_dir());
        merged.add_segment(&segment.index, &pack(&segment)).unwrap();
        for segment in [segment, merged.finish().unwrap()] {
            let entry = segment.index.find(&oid).unwrap();
            assert_eq!(entry.size, 4);
            let read =
                Packed::parse(Bytes::copy_from_slice(stored(&pack(&segment), &entry)), &entry).unwrap();
            assert_eq!(read, packed);
            let git = Git::new();
            git.import(&segment);
            assert_eq!(git.run(&["cat-file", "blob", &oid.to_string()], b""), b"234x");
        }
    }
}
