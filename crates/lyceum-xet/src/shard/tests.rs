//! Uploaded shards, honest and not, and the shard that answers a query.

use super::*;
use crate::hash::{chunk_hash, file_hash, keyed_hash};
use crate::testing::{lookup, pack, random, text};
use crate::xorb::XorbIndex;
use proptest::prelude::*;
use std::sync::Arc;

/// A shard written record by record.
struct Writer(Vec<u8>);

impl Writer {
    fn new() -> Self {
        let mut bytes = TAG.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        Self(bytes)
    }

    fn record(mut self, hash: [u8; 32], words: [u32; 4]) -> Self {
        self.0.extend_from_slice(&hash);
        words.iter().for_each(|word| self.0.extend_from_slice(&word.to_le_bytes()));
        self
    }

    fn bookend(self) -> Self {
        self.record(BOOKEND, [0; 4])
    }

    fn file(mut self, file: &ShardFile) -> Self {
        let flags = u32::from(file.range_hashes.is_some()) << 31 | u32::from(file.sha256.is_some()) << 30;
        self = self.record(file.hash.0, [flags, file.terms.len() as u32, 0, 0]);
        for term in &file.terms {
            self = self.record(term.xorb.0, [0, term.raw_bytes as u32, term.chunks.start, term.chunks.end]);
        }
        for hash in file.range_hashes.iter().flatten() {
            self = self.record(hash.0, [0; 4]);
        }
        if let Some(sha256) = file.sha256 {
            // As the clients do: a Xet hash with the text of the digest.
            self = self.record(sha256.to_string().parse::<XetHash>().unwrap().0, [0; 4]);
        }
        self
    }

    fn xorb(mut self, xorb: &ShardXorb) -> Self {
        self = self.record(xorb.hash.0, [0, xorb.chunks.len() as u32, 0, 0]);
        for (position, (hash, length)) in (0..).zip(&xorb.chunks) {
            let flags = if xorb.dedup_chunks.contains(&position) { DEDUP_FLAG } else { 0 };
            self = self.record(hash.0, [0, *length, flags, 0]);
        }
        self
    }

    fn shard(shard: &Shard) -> Vec<u8> {
        let files = shard.files.iter().fold(Self::new(), Self::file).bookend();
        shard.xorbs.iter().fold(files, Self::xorb).bookend().0
    }
}

/// A stored xorb and a file that uses all of it but its first chunk.
fn fixture() -> (Arc<XorbIndex>, ShardFile) {
    let (index, _) = pack(&[random(1, 9000), text(2, 70_000), random(3, 20_000)]);
    let term = |chunks: std::ops::Range<u32>| Term {
        xorb: index.hash,
        raw_bytes: index.raw_len(chunks.clone()),
        chunks,
    };
    let file = ShardFile {
        hash: file_hash(index.hashes(1..3)),
        terms: vec![term(1..2), term(2..3)],
        range_hashes: Some(vec![index.range_hash(1..2), index.range_hash(2..3)]),
        sha256: Some(Sha256(*blake3::hash(b"any digest").as_bytes())),
    };
    (Arc::new(index), file)
}

fn described(index: &XorbIndex) -> ShardXorb {
    let chunks = index.hashes(0..index.chunk_count()).map(|(hash, length)| (hash, length as u32)).collect();
    ShardXorb { hash: index.hash, chunks, dedup_chunks: vec![1] }
}

#[test]
fn a_shard_is_read_as_written() {
    let (index, file) = fixture();
    let empty =
        ShardFile { hash: crate::hash::ZERO, terms: vec![], range_hashes: Some(vec![]), sha256: None };
    let shard = Shard { files: vec![file, empty], xorbs: vec![described(&index)] };
    let bytes = Writer::shard(&shard);
    assert_eq!(Shard::parse(&bytes).as_ref(), Ok(&shard));
    for length in 0..bytes.len() {
        assert!(Shard::parse(&bytes[..length]).is_err(), "a prefix of {length} bytes");
    }
    assert_eq!(Shard::parse(&[bytes.as_slice(), b"x"].concat()), Err(ShardError::Trailing));
    assert_eq!(Shard::hash(&bytes), chunk_hash(&bytes));
}

#[test]
fn a_footer_is_ignored() {
    let (index, file) = fixture();
    let shard = Shard { files: vec![file], xorbs: vec![described(&index)] };
    let mut bytes = Writer::shard(&shard);
    bytes[40] = 200;
    assert_eq!(Shard::parse(&bytes), Err(ShardError::Truncated));
    bytes.extend_from_slice(&[0xee; 333]);
    assert_eq!(Shard::parse(&bytes).as_ref(), Ok(&shard));
    bytes[40] = 100;
    assert_eq!(Shard::parse(&bytes), Err(ShardError::Record("unknown footer length")));
}

#[test]
fn a_repeated_file_is_dropped_but_its_digest_is_kept() {
    let (_, file) = fixture();
    let without = ShardFile { sha256: None, ..file.clone() };
    let bytes = Writer::new().file(&without).file(&file).file(&without).bookend().bookend().0;
    assert_eq!(Shard::parse(&bytes).unwrap().files, [file]);
}

#[test]
fn malformed_shards_are_refused() {
    let (index, file) = fixture();
    let check = |bytes: Vec<u8>, expected| assert_eq!(Shard::parse(&bytes), Err(expected));
    check(vec![], ShardError::Truncated);
    check(vec![0; 48], ShardError::Tag);
    check(vec![0; MAX_SHARD_BYTES + 1], ShardError::TooLarge);
    let mut version = Writer::new().bookend().bookend().0;
    version[32] = 3;
    check(version, ShardError::Version(3));
    check(Writer::new().bookend().0, ShardError::Truncated);

    let unproven = ShardFile { hash: chunk_hash(b"b"), range_hashes: None, ..file.clone() };
    check(Writer::new().file(&file).file(&unproven).bookend().bookend().0, ShardError::PartlyProven);
    // Counts that would take gigabytes, or overflow.
    check(Writer::new().record([1; 32], [0, u32::MAX, 0, 0]).bookend().bookend().0, ShardError::Truncated);
    check(
        Writer::new().record([1; 32], [3 << 30, u32::MAX, 0, 0]).bookend().bookend().0,
        ShardError::Truncated,
    );
    let many = ShardError::Record("a xorb has too many chunks");
    check(Writer::new().bookend().record([1; 32], [0, u32::MAX, 0, 0]).bookend().0, many);

    let range = ShardError::Record("a term has an impossible range of chunks");
    for words in [[0, 9, 1, 1], [0, 9, 2, 1], [0, 9, 0, 8193]] {
        let shard = Writer::new().record([1; 32], [0, 1, 0, 0]).record([2; 32], words);
        check(shard.bookend().bookend().0, range.clone());
    }
    for length in [0, 131_073] {
        let xorb =
            ShardXorb { hash: index.hash, chunks: vec![(chunk_hash(b"a"), length)], dedup_chunks: vec![] };
        let expected = ShardError::Record("a chunk has an impossible length");
        check(Writer::new().bookend().xorb(&xorb).bookend().0, expected);
    }
}

#[test]
fn an_honest_file_is_accepted() {
    let (index, file) = fixture();
    assert_eq!(check_file(&file, lookup(&[index])), Ok(90_000));
    let empty = ShardFile { hash: crate::hash::ZERO, terms: vec![], range_hashes: None, sha256: None };
    assert_eq!(check_file(&empty, lookup(&[])), Ok(0));
}

#[test]
fn a_dishonest_file_is_refused() {
    let (index, file) = fixture();
    let check = |change: &dyn Fn(&mut ShardFile), expected| {
        let mut changed = file.clone();
        change(&mut changed);
        assert_eq!(check_file(&changed, lookup(&[Arc::clone(&index)])), Err(expected));
    };
    let (hash, other) = (file.hash, chunk_hash(b"other"));
    let problem = |term, problem| ShardError::Term { file: hash, term, problem };
    check(&|file| file.terms[1].xorb = other, ShardError::MissingXorb { file: hash, xorb: other });
    check(&|file| file.range_hashes = None, ShardError::Unproven { file: hash });
    check(&|file| file.range_hashes.as_mut().unwrap().truncate(1), ShardError::Unproven { file: hash });
    check(&|file| file.terms[1].chunks.end = 4, problem(1, "the xorb does not have these chunks"));
    check(&|file| file.terms[0].raw_bytes += 1, problem(0, "its chunks have another length"));
    check(&|file| file.range_hashes.as_mut().unwrap()[1] = other, problem(1, "its range hash is wrong"));
    check(&|file| file.hash = other, ShardError::FileHash { file: other, actual: hash });
    check(&|file| file.terms.clear(), ShardError::Unproven { file: hash });
}

#[test]
fn a_file_that_would_take_too_much_work_is_refused() {
    let (index, _) = pack(&vec![b"x".to_vec(); 8192]);
    let term = Term { xorb: index.hash, chunks: 0..8192, raw_bytes: 8192 };
    let proof = index.range_hash(0..8192);
    let file = ShardFile {
        hash: chunk_hash(b"file"),
        terms: vec![term; 100_000],
        range_hashes: Some(vec![proof; 100_000]),
        sha256: None,
    };
    let expected = ShardError::FileTooLarge { file: file.hash };
    assert_eq!(check_file(&file, lookup(&[Arc::new(index)])), Err(expected));
}

#[test]
fn a_dedup_shard_lists_keyed_chunks() {
    let (index, _) = fixture();
    let key = [9; 32];
    let bytes = dedup_shard(&[Arc::clone(&index), Arc::clone(&index)], key, 1000, 2000);
    let shard = Shard::parse(&bytes).unwrap();
    assert_eq!((shard.files.len(), shard.xorbs.len()), (0, 2));
    assert_eq!(shard.xorbs[1].hash, index.hash);
    let keyed = index.hashes(0..3).map(|(hash, length)| (keyed_hash(&key, &hash), length as u32));
    assert_eq!(shard.xorbs[1].chunks, keyed.collect::<Vec<_>>());
    let footer = &bytes[bytes.len() - FOOTER_BYTES..];
    assert_eq!(footer[72..104], key);
    assert_eq!(footer[104..120], [1000_u64.to_le_bytes(), 2000_u64.to_le_bytes()].concat());
    assert_eq!(footer[192..], ((bytes.len() - FOOTER_BYTES) as u64).to_le_bytes());
    assert!(!bytes.windows(32).any(|window| window == index.chunks[0].hash.as_bytes()));
}

proptest! {
    #[test]
    fn no_shard_panics(mut bytes in prop::collection::vec(any::<u8>(), 48..2000)) {
        prop_assert_eq!(Shard::parse(&bytes), Err(ShardError::Tag));
        bytes[..48].copy_from_slice(&Writer::new().0);
        let _ = Shard::parse(&bytes);
    }

    #[test]
    fn a_changed_byte_is_parsed_or_refused(position: prop::sample::Index, bit in 0..8) {
        let (index, file) = fixture();
        let mut bytes = Writer::shard(&Shard { files: vec![file], xorbs: vec![described(&index)] });
        let position = position.index(bytes.len());
        bytes[position] ^= 1_u8 << bit;
        if let Ok(shard) = Shard::parse(&bytes) {
            for file in &shard.files {
                let _ = check_file(file, lookup(&[Arc::clone(&index)]));
            }
        }
    }
}
