//! A stored index is refused or decoded; its entries are read from any pack, and merged, without harm.
//!
//! The index comes first, with its length in two bytes before it; the rest is the pack.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_git::{Packed, SegmentIndex, SegmentWriter, object_id};

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (index, pack) = rest.split_at(length);
    let Ok(index) = SegmentIndex::decode(index) else {
        return;
    };
    assert!(index.len() <= length / 24);
    assert_eq!(SegmentIndex::decode(&index.encode()).expect("it was just written"), index);
    for entry in index.iter() {
        assert_eq!(index.find(&entry.oid), Some(*entry));
        let stored = usize::try_from(entry.offset)
            .ok()
            .and_then(|from| pack.get(from..from.checked_add(usize::try_from(entry.stored_bytes).ok()?)?));
        let packed = stored.and_then(|stored| Packed::parse(stored.to_vec().into(), entry).ok());
        if let Some(object) = packed.and_then(|packed| packed.resolve(entry.oid, Some(&[])).ok()) {
            assert_eq!(object_id(object.kind, &object.data), entry.oid);
        }
    }
    let count = index.len();
    let mut merged = SegmentWriter::new(&std::env::temp_dir());
    if merged.add_segment(&index, pack).is_ok() {
        assert_eq!(merged.len(), count);
    }
});
