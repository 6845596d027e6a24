use lyceum_git::{ObjectKind, Segment, SegmentWriter};

use super::*;

fn segment(texts: &[String]) -> Segment {
    let mut writer = SegmentWriter::new(&std::env::temp_dir());
    for text in texts {
        writer.add(ObjectKind::Blob, text.as_bytes()).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn finds_each_object_in_its_oldest_segment() {
    let mut known = Known::default();
    let mut expected = std::collections::BTreeMap::new();
    // One large, then many small ones; every object but the newest is in two of them.
    for number in 1..=200_i64 {
        let count = if number == 1 { 5000 } else { 3 };
        let texts: Vec<String> = (0..count).map(|at| format!("{}", number * 2 + at)).collect();
        let segment = segment(&texts);
        for entry in segment.index.iter() {
            expected.entry(entry.oid).or_insert(Place { segment: number, entry: *entry });
        }
        let before = known.clone();
        known.add(number, &segment.index);
        assert_eq!((before.newest(), known.newest()), (number - 1, number));
        let end = segment.data.bytes() - Oid::BYTES as u64;
        assert_eq!(known.end_of(number), end);
    }
    for (oid, place) in &expected {
        assert_eq!(known.locate(*oid), Some(*place));
    }
    assert_eq!(known.locate(Oid::ZERO), None);
    assert_eq!(known.end_of(201), 0);
    let lengths: Vec<usize> = known.tables.iter().map(|table| table.len()).collect();
    assert!(lengths.is_sorted_by(|a, b| *a >= 2 * *b), "{lengths:?}");
}

#[test]
fn finds_by_the_first_digits() {
    let mut known = Known::default();
    for number in 0..20 {
        known.add(number + 1, &segment(&[format!("a{number}"), format!("b{number}")]).index);
    }
    let mut all: Vec<Oid> = known.with_prefix("").map(|place| place.entry.oid).collect();
    all.sort_unstable();
    assert_eq!(all.len(), 40);
    for oid in all {
        let hex = oid.to_string();
        assert!(known.with_prefix(&hex).map(|place| place.entry.oid).eq([oid]));
        assert!(known.with_prefix(&hex[..2]).any(|place| place.entry.oid == oid));
        assert!(known.with_prefix(&hex[..2]).all(|place| place.entry.oid.to_string().starts_with(&hex[..2])));
    }
    assert_eq!(known.with_prefix("xyz").count(), 0);
}
