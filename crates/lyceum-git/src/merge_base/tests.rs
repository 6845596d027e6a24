use crate::merge_base;
use crate::testing::{Memory, block_on};

#[test]
fn bases_of_a_forked_history() {
    let memory = Memory::default();
    let commit = |parents: &[_], seconds: i64| {
        memory.commit(memory.tree(&[("f", &seconds.to_string())]), parents, seconds)
    };
    let root = commit(&[], 1);
    let fork = commit(&[root], 2);
    let (left, right) = (commit(&[fork], 3), commit(&[fork], 4));
    let merged = commit(&[left, right], 5);
    let stranger = commit(&[], 6);
    let base = |a, b| block_on(merge_base(&memory, a, b)).unwrap();
    assert_eq!(base(left, right), Some(fork));
    assert_eq!(base(merged, left), Some(left));
    assert_eq!(base(left, merged), Some(left));
    assert_eq!(base(merged, root), Some(root));
    assert_eq!(base(root, root), Some(root));
    assert_eq!(base(merged, stranger), None);
}

#[test]
fn dates_that_lie_do_not_hide_the_best_base() {
    let memory = Memory::default();
    let commit = |parents: &[_], seconds: i64| {
        memory.commit(memory.tree(&[("f", &seconds.to_string())]), parents, seconds)
    };
    let root = commit(&[], 9);
    let best = commit(&[commit(&[root], 0)], 6);
    let head = commit(&[commit(&[root], 8), best], 5);
    let other = commit(&[root, best], 7);
    assert_eq!(block_on(merge_base(&memory, head, other)).unwrap(), Some(best));
    assert_eq!(block_on(merge_base(&memory, other, head)).unwrap(), Some(best));
}
