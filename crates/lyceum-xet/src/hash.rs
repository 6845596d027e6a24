//! The hashes of the Xet specification: chunk, xorb, file, range of chunks, and keyed chunk.

use lyceum_core::XetHash;
use std::fmt::Write as _;

/// Returns the hash of a chunk's uncompressed bytes.
pub fn chunk_hash(data: &[u8]) -> XetHash {
    keyed(&DATA_KEY, data)
}

/// Returns the hash of a xorb from its chunks' hashes and uncompressed lengths; no chunk gives the zero hash.
pub fn xorb_hash(chunks: &[(XetHash, u64)]) -> XetHash {
    tree_hash(chunks.iter().copied()).unwrap_or(ZERO)
}

/// Returns the hash of a file from the hashes and lengths of all its chunks; an empty file has the zero hash.
///
/// It needs memory for the depth of the tree only, so files of any size can be streamed through it.
pub fn file_hash(chunks: impl IntoIterator<Item = (XetHash, u64)>) -> XetHash {
    let mut hasher = FileHasher::new();
    for (hash, length) in chunks {
        hasher.push(hash, length);
    }
    hasher.finish()
}

/// Computes [`file_hash`] of a file whose chunks become known one by one.
#[derive(Default)]
pub struct FileHasher(Tree);

impl FileHasher {
    /// Returns a hasher at the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the hash and length of the next chunk.
    pub fn push(&mut self, chunk: XetHash, length: u64) {
        self.0.push(chunk, length);
    }

    /// Returns the hash of the file.
    pub fn finish(self) -> XetHash {
        match self.0.finish() {
            Some(root) => keyed(&[0; 32], root.as_bytes()),
            None => ZERO,
        }
    }
}

/// Returns the hash by which a client proves that it knows the chunks of a term.
pub fn range_hash(chunks: impl IntoIterator<Item = XetHash>) -> XetHash {
    let mut hasher = blake3::Hasher::new_keyed(&VERIFICATION_KEY);
    for chunk in chunks {
        hasher.update(chunk.as_bytes());
    }
    XetHash(*hasher.finalize().as_bytes())
}

/// Returns the hash under which a keyed deduplication shard lists a chunk.
pub fn keyed_hash(key: &[u8; 32], chunk: &XetHash) -> XetHash {
    keyed(key, chunk.as_bytes())
}

/// Reports whether clients ask for this chunk by its hash alone.
///
/// They also ask for the first chunk of every file, whatever its hash.
pub fn dedup_eligible(chunk: &XetHash) -> bool {
    last_word(chunk).is_multiple_of(DEDUP_MODULUS)
}

/// Hash of nothing: the empty file and the empty xorb.
pub const ZERO: XetHash = XetHash([0; 32]);

// The keys are constants of the specification.
const DATA_KEY: [u8; 32] = [
    102, 151, 245, 119, 91, 149, 80, 222, 49, 53, 203, 172, 165, 151, 24, 28, 157, 228, 33, 16, 155, 235, 43,
    88, 180, 208, 176, 75, 147, 173, 242, 41,
];
const NODE_KEY: [u8; 32] = [
    1, 126, 197, 199, 165, 71, 41, 150, 253, 148, 102, 102, 180, 138, 2, 230, 93, 221, 83, 111, 55, 199, 109,
    210, 248, 99, 82, 230, 74, 83, 113, 63,
];
const VERIFICATION_KEY: [u8; 32] = [
    127, 24, 87, 214, 206, 86, 237, 102, 18, 127, 249, 19, 231, 165, 195, 243, 164, 205, 38, 213, 181, 219,
    73, 230, 65, 36, 152, 127, 40, 251, 148, 195,
];

const DEDUP_MODULUS: u64 = 1024;
/// A group of sibling nodes ends at a hash divisible by this …
const CUT_MODULUS: u64 = 4;
/// … but not before it has this many nodes …
const MIN_CUT_NODES: usize = 3;
/// … and at the latest when it has this many.
const MAX_GROUP_NODES: usize = 9;

/// The Merkle root, or `None` if there is no chunk. A single chunk is its own root.
pub(crate) fn tree_hash(chunks: impl IntoIterator<Item = (XetHash, u64)>) -> Option<XetHash> {
    let mut tree = Tree::default();
    for (hash, length) in chunks {
        tree.push(hash, length);
    }
    tree.finish()
}

/// Builds the tree from left to right and keeps only the unfinished group of each level.
#[derive(Default)]
struct Tree {
    levels: Vec<Level>,
    text: String,
}

#[derive(Default)]
struct Level {
    group: Vec<(XetHash, u64)>,
    /// Whether an earlier group of this level has been merged into its parent.
    merged: bool,
}

impl Tree {
    fn push(&mut self, hash: XetHash, length: u64) {
        let mut node = (hash, length);
        for depth in 0.. {
            if depth == self.levels.len() {
                self.levels.push(Level::default());
            }
            let group = &mut self.levels[depth].group;
            group.push(node);
            let cut = group.len() >= MIN_CUT_NODES && last_word(&node.0).is_multiple_of(CUT_MODULUS);
            if !cut && group.len() < MAX_GROUP_NODES {
                return;
            }
            node = self.merge(depth);
        }
    }

    fn finish(mut self) -> Option<XetHash> {
        let mut depth = 0;
        loop {
            let level = self.levels.get(depth)?;
            let top = depth + 1 == self.levels.len();
            match (level.group.as_slice(), level.merged) {
                (&[(root, _)], false) if top => return Some(root),
                ([], _) => {}
                _ => {
                    let (hash, length) = self.merge(depth);
                    if top {
                        self.levels.push(Level::default());
                    }
                    // The parent's group may be complete with this node, but at the end of the input the cut
                    // falls there anyway: `finish` merges whatever the level holds when it gets there.
                    self.levels[depth + 1].group.push((hash, length));
                }
            }
            depth += 1;
        }
    }

    /// Replaces the group of a level by its parent node, which is returned.
    fn merge(&mut self, depth: usize) -> (XetHash, u64) {
        let level = &mut self.levels[depth];
        level.merged = true;
        self.text.clear();
        let mut total = 0_u64;
        for (hash, length) in level.group.drain(..) {
            writeln!(self.text, "{hash} : {length}").expect("writing to a string does not fail");
            total = total.saturating_add(length);
        }
        (keyed(&NODE_KEY, self.text.as_bytes()), total)
    }
}

fn keyed(key: &[u8; 32], data: &[u8]) -> XetHash {
    XetHash(*blake3::keyed_hash(key, data).as_bytes())
}

/// The number whose remainders decide cuts and eligibility.
fn last_word(hash: &XetHash) -> u64 {
    let (_, word) = hash.0.split_last_chunk::<8>().expect("a hash has 32 bytes");
    u64::from_le_bytes(*word)
}

#[cfg(test)]
mod tests;
