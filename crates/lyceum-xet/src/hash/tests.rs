//! The tree is checked against a plain construction, level by level.

use super::*;
use proptest::prelude::*;

/// The root built level by level, each level held in memory.
fn plain_root(mut nodes: Vec<(XetHash, u64)>) -> Option<XetHash> {
    while nodes.len() > 1 {
        let mut parents = Vec::new();
        let mut rest = nodes.as_slice();
        while !rest.is_empty() {
            let cut = (MIN_CUT_NODES..=MAX_GROUP_NODES)
                .find(|n| rest.len() >= *n && last_word(&rest[n - 1].0).is_multiple_of(CUT_MODULUS));
            let (group, after) = rest.split_at(cut.unwrap_or(MAX_GROUP_NODES).min(rest.len()));
            let text: String = group.iter().map(|(hash, length)| format!("{hash} : {length}\n")).collect();
            parents.push((keyed(&NODE_KEY, text.as_bytes()), group.iter().map(|node| node.1).sum()));
            rest = after;
        }
        nodes = parents;
    }
    nodes.first().map(|root| root.0)
}

fn node(number: u64) -> (XetHash, u64) {
    let mut hash = chunk_hash(&number.to_le_bytes());
    hash.0[24] = number as u8;
    (hash, number)
}

proptest! {
    #[test]
    fn streaming_tree_equals_plain_tree(numbers in prop::collection::vec(0_u64..32, 0..400)) {
        let nodes: Vec<_> = numbers.into_iter().map(node).collect();
        prop_assert_eq!(tree_hash(nodes.clone()), plain_root(nodes));
    }

    #[test]
    fn groups_are_cut_at_the_longest(count in 0..800_u64, last in 0..8_u64) {
        // No natural cut (remainder 1) but for the last node.
        let mut nodes: Vec<_> = (0..count).map(|n| node(4 * n + 1)).collect();
        nodes.push(node(last));
        prop_assert_eq!(tree_hash(nodes.clone()), plain_root(nodes));
    }
}

#[test]
fn nothing_and_a_single_chunk_are_special() {
    assert_eq!(xorb_hash(&[]), ZERO);
    assert_eq!(file_hash([]), ZERO);
    let (hash, length) = node(7);
    assert_eq!(xorb_hash(&[(hash, length)]), hash);
    assert_eq!(file_hash([(hash, length)]), keyed(&[0; 32], hash.as_bytes()));
}

#[test]
fn lengths_enter_the_tree() {
    let nodes = [node(1), node(2), node(3)];
    let longer = [node(1), node(2), (node(3).0, 4)];
    assert_ne!(xorb_hash(&nodes), xorb_hash(&longer));
}

#[test]
fn one_chunk_in_1024_is_eligible() {
    let eligible = (0..64 * 1024_u64).filter(|n| dedup_eligible(&chunk_hash(&n.to_le_bytes()))).count();
    assert!((32..128).contains(&eligible), "{eligible} of 65536");
}

/// Each value agrees with the reference implementation, with which `reference/` compares thousands more.
#[test]
fn known_values_stay() {
    let nodes: Vec<_> = (0..100_u64).map(|n| (chunk_hash(&n.to_le_bytes()), n * 1000)).collect();
    let check = |hash: XetHash, expected: &str| assert_eq!(hash.to_string(), expected);
    check(chunk_hash(b""), "e0f2cf784e7e5f10c34f84af150e9a5ff9664216debad915364d741049870f67");
    check(chunk_hash(b"Hello World!"), "d8d408e608fb9ca213b9909a65d86d725f2de4d8d540324be8a363e7a6e228cb");
    check(xorb_hash(&nodes), "68716de5738ba68bdc7667e42add276a223754dada9a3f722b880aeb9705c8ce");
    check(
        file_hash(nodes.iter().copied()),
        "9c98ca175b4f814320ca5efc231f14550ccf15e571db883614ecfa40d1d8b4d5",
    );
    let hashes = nodes.iter().map(|node| node.0);
    check(range_hash(hashes), "a410e563cf96da49c74782c2e99c07cb5f6d75de6188e35978bb1e0046345ee1");
    check(
        keyed_hash(&[7; 32], &nodes[0].0),
        "86bcb16ee59d0c65740f0df19039afe3cc8a1257c46f1404091c1d96b7dcc641",
    );
}
