use proptest::prelude::*;

use super::{LineEdit, compare, split};

fn edits(old: &str, new: &str) -> Vec<LineEdit> {
    compare(&split(old.as_bytes()), &split(new.as_bytes()), &mut usize::MAX.clone())
}

/// The fewest lines to remove and add, by dynamic programming.
fn distance(a: &[&[u8]], b: &[&[u8]]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, line) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let here = if line == other { diagonal } else { 1 + row[j].min(row[j + 1]) };
            diagonal = std::mem::replace(&mut row[j + 1], here);
        }
    }
    row[b.len()]
}

#[test]
fn equal_texts_have_no_edits() {
    assert!(edits("a\nb\n", "a\nb\n").is_empty());
    assert!(edits("", "").is_empty());
    assert_eq!(edits("a", "a\n"), [LineEdit { old: 0..1, new: 0..1 }]);
}

#[test]
fn too_much_work_is_one_replacement() {
    let old: String = (0..3000).map(|n| format!("{n}\n")).collect();
    let new: String =
        (0..3000).map(|n| if n % 2 == 0 { format!("{n}\n") } else { format!("x{n}\n") }).collect();
    assert_eq!(edits(&old, &new), [LineEdit { old: 1..3000, new: 1..3000 }]);
    let few: String =
        (0..3000).map(|n| if n % 20 == 0 { format!("x{n}\n") } else { format!("{n}\n") }).collect();
    assert_eq!(edits(&old, &few).len(), 150);
    let mut no_steps = 10;
    let (old, few) = (split(old.as_bytes()), split(few.as_bytes()));
    assert_eq!(compare(&old, &few, &mut no_steps).len(), 1);
}

proptest! {
    #[test]
    fn edits_are_fewest_and_right(old in "[ab\n]{0,24}", new in "[ab\n]{0,24}") {
        let (a, b) = (split(old.as_bytes()), split(new.as_bytes()));
        let edits = compare(&a, &b, &mut 100_000);
        let (mut rebuilt, mut at, mut changed) = (Vec::new(), 0, 0);
        for (index, edit) in edits.iter().enumerate() {
            prop_assert!(index == 0 || edit.old.start > at, "edits are apart");
            prop_assert!(!(edit.old.is_empty() && edit.new.is_empty()));
            rebuilt.extend_from_slice(&a[at..edit.old.start]);
            prop_assert_eq!(rebuilt.len(), edit.new.start);
            rebuilt.extend_from_slice(&b[edit.new.clone()]);
            changed += edit.old.len() + edit.new.len();
            at = edit.old.end;
        }
        rebuilt.extend_from_slice(&a[at..]);
        prop_assert_eq!(&rebuilt, &b);
        prop_assert_eq!(changed, distance(&a, &b));
    }
}
