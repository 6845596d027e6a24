//! All hashes are the same.

use crate::data::{ours, random, theirs};
use lyceum_core::XetHash;
use lyceum_xet::hash;
use xet_core_structures::merklehash::{self, MerkleHash, compute_data_hash};
use xet_core_structures::metadata_shard::chunk_verification::range_hash_from_chunks;
use xet_core_structures::metadata_shard::hash_is_global_dedup_eligible;

/// Hashes that cut the tree after any number of nodes, with lengths of any size.
fn nodes(seed: u64, count: usize) -> Vec<(XetHash, u64)> {
    let data = random(seed, 40 * count);
    let node = |bytes: &[u8]| {
        let length = u64::from_le_bytes(bytes[32..].try_into().unwrap());
        (XetHash(bytes[..32].try_into().unwrap()), length >> 20 >> (length % 40))
    };
    data.chunks_exact(40).map(node).collect()
}

fn both(nodes: &[(XetHash, u64)]) -> Vec<(MerkleHash, u64)> {
    nodes.iter().map(|(hash, length)| (theirs(*hash), *length)).collect()
}

#[test]
fn chunk_hashes_are_the_same_and_print_the_same() {
    for length in [0, 1, 63, 64, 65, 1024, 1025, 65_536, 131_072] {
        let data = random(length as u64, length);
        let (our, their) = (hash::chunk_hash(&data), compute_data_hash(&data));
        assert_eq!(ours(their), our);
        assert_eq!(their.hex(), our.to_string());
        assert_eq!(MerkleHash::from_hex(&our.to_string()).unwrap(), their);
        assert_eq!(lyceum_xet::Shard::hash(&data), our);
    }
}

#[test]
fn tree_hashes_are_the_same() {
    for count in (0..200).chain([1000, 8192, 50_000]) {
        for seed in 0..if count < 200 { 20 } else { 1 } {
            let nodes = nodes(seed * 1000 + count as u64 + 1, count);
            let their = both(&nodes);
            assert_eq!(hash::xorb_hash(&nodes), ours(merklehash::xorb_hash(&their)), "{count} nodes");
            assert_eq!(
                hash::file_hash(nodes.iter().copied()),
                ours(merklehash::file_hash(&their)),
                "{count} nodes"
            );
        }
    }
}

#[test]
fn trees_without_a_natural_cut_are_the_same() {
    for count in 0..300 {
        let mut nodes = nodes(count as u64 + 1, count);
        for (hash, _) in &mut nodes {
            hash.0[24] |= 1;
        }
        assert_eq!(hash::xorb_hash(&nodes), ours(merklehash::xorb_hash(&both(&nodes))), "{count} nodes");
        for (hash, _) in &mut nodes {
            hash.0[24] = 0;
        }
        assert_eq!(hash::xorb_hash(&nodes), ours(merklehash::xorb_hash(&both(&nodes))), "{count} nodes");
    }
}

#[test]
fn range_and_keyed_hashes_and_eligibility_are_the_same() {
    for count in [1, 2, 100, 8192] {
        let hashes: Vec<XetHash> = nodes(count as u64, count).into_iter().map(|(hash, _)| hash).collect();
        let their: Vec<MerkleHash> = hashes.iter().copied().map(theirs).collect();
        assert_eq!(hash::range_hash(hashes.iter().copied()), ours(range_hash_from_chunks(&their)));
        let key = hashes[0].0;
        for (our, their) in hashes.iter().zip(their) {
            assert_eq!(hash::keyed_hash(&key, our), ours(their.hmac(MerkleHash::from(key))));
            assert_eq!(hash::dedup_eligible(our), hash_is_global_dedup_eligible(&their));
        }
    }
    let mut eligible = XetHash([0xff; 32]);
    eligible.0[24..26].copy_from_slice(&[0, 0xfc]);
    assert!(hash::dedup_eligible(&eligible) && hash_is_global_dedup_eligible(&theirs(eligible)));
}
