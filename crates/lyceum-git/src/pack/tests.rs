//! Packs as git makes them, and packs that nobody should make.

use std::io::Write as _;

use lyceum_core::Oid;
use sha1::{Digest as _, Sha1};

use super::*;
use crate::testing::{Git, Memory, block_on, pack, resolve};
use crate::{Error, ErrorKind, Object, ObjectKind, Objects as _, Segment, object_id};

/// An entry of a hand-made pack: number of its type, what stands before its data, its data.
type Raw<'a> = (u8, Vec<u8>, &'a [u8]);

/// Makes a pack, whose checksum is right.
fn raw_pack(count: u32, entries: &[Raw<'_>]) -> Vec<u8> {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(&count.to_be_bytes());
    for (number, before, data) in entries {
        append_entry(&mut pack, *number, before, data.len(), data);
    }
    seal(pack)
}

fn append_entry(pack: &mut Vec<u8>, number: u8, before: &[u8], size: usize, data: &[u8]) {
    let mut byte = number << 4 | (size & 0xf) as u8;
    let mut rest = size >> 4;
    while rest > 0 {
        pack.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    pack.push(byte);
    pack.extend_from_slice(before);
    let mut deflate = flate2::write::ZlibEncoder::new(pack, flate2::Compression::default());
    deflate.write_all(data).unwrap();
    deflate.finish().unwrap();
}

fn seal(mut pack: Vec<u8>) -> Vec<u8> {
    let checksum = Sha1::digest(&pack);
    pack.extend_from_slice(&checksum);
    pack
}

/// A delta that appends a byte to a base of up to 127 bytes.
fn append_delta(base: &[u8], byte: u8) -> Vec<u8> {
    let length = u8::try_from(base.len()).unwrap();
    vec![length, length + 1, 0x90, length, 1, byte]
}

fn read_in(data: &[u8], piece: usize, limits: &PackLimits) -> Result<ReceivedPack> {
    let mut reader = PackReader::new(&std::env::temp_dir(), limits.clone());
    for piece in data.chunks(piece) {
        if reader.feed(piece)? < piece.len() {
            return Err(Error::malformed("pack", "something follows"));
        }
    }
    reader.finish()
}

fn known(data: &[u8], piece: usize, limits: &PackLimits, bases: &Memory) -> Result<ReceivedPack> {
    let mut resolver = Resolver::new(read_in(data, piece, limits)?);
    resolver.run()?;
    loop {
        let missing = resolver.missing(2);
        if missing.is_empty() {
            return resolver.finish();
        }
        for oid in missing {
            if let Some(base) = bases.get(oid) {
                resolver.add(oid, &base)?;
            }
        }
    }
}

fn unpack(data: &[u8]) -> Result<ReceivedPack> {
    known(data, 4096, &PackLimits::default(), &Memory::default())
}

fn refusal(data: &[u8]) -> String {
    unpack(data).unwrap_err().to_string()
}

fn keep_all(mut pack: ReceivedPack) -> Segment {
    let all = vec![true; pack.len()];
    pack.keep(&all, &std::env::temp_dir()).unwrap()
}

/// A history in which one large file changes a little, many times.
fn history(commits: usize) -> Git {
    let git = Git::new();
    let mut lines: Vec<String> =
        (0..400).map(|line| format!("line {line}, {}", line * 7919 % 1000)).collect();
    for commit in 0..commits {
        lines[commit * 37 % 400] = format!("changed by {commit}");
        std::fs::write(git.path().join("large.txt"), lines.join("\n")).unwrap();
        std::fs::write(git.path().join(format!("{}.txt", commit % 7)), format!("{commit}\n")).unwrap();
        git.run(&["add", "."], b"");
        git.run(&["commit", "-q", "-m", &format!("commit {commit}")], b"");
    }
    git.run(&["tag", "-a", "-m", "a tag", "v1"], b"");
    git
}

fn all_ids(git: &Git) -> Vec<Oid> {
    let mut ids: Vec<Oid> = git
        .lines(&["rev-list", "--objects", "--all"])
        .iter()
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn reads_what_git_packs() {
    let git = history(25);
    let expected = all_ids(&git);
    for options in [&["--delta-base-offset", "--depth=25"][..], &["--depth=25"], &["--depth=0"]] {
        let arguments = [&["pack-objects", "--stdout", "--revs", "--all", "--window=25"], options].concat();
        let data = git.run(&arguments, b"");
        for piece in [3, 4096, usize::MAX] {
            let pack = known(&data, piece, &PackLimits::default(), &Memory::default()).unwrap();
            let mut ids: Vec<Oid> = pack.oids().collect();
            ids.sort_unstable();
            assert_eq!(ids, expected);
            let segment = keep_all(pack);
            // No chain is longer than what is read here, so all of it can be read.
            let memory = Memory::default();
            memory.absorb_segment(&segment);
            assert_eq!(memory.ids(), expected);
            let twin = Git::new();
            twin.import(&segment);
        }
    }
}

#[test]
fn completes_thin_packs() {
    let git = history(10);
    let old = Memory::default();
    let whole = git.run(&["pack-objects", "--stdout", "--revs"], b"HEAD~1\n");
    old.absorb_segment(&keep_all(unpack(&whole).unwrap()));
    let thin = git.run(&["pack-objects", "--stdout", "--revs", "--thin"], b"HEAD\n^HEAD~1\n");
    assert!(refusal(&thin).contains("unresolved deltas"));

    let mut pack = known(&thin, 100, &PackLimits::default(), &old).unwrap();
    let new: Vec<bool> = pack.oids().map(|oid| old.get(oid).is_none()).collect();
    assert!(new.contains(&false), "a base was completed");
    let segment = pack.keep(&new, &std::env::temp_dir()).unwrap();
    old.absorb_segment(&segment);
    let head: Oid = git.lines(&["rev-parse", "HEAD"])[0].parse().unwrap();
    let report = block_on(crate::check_reachable(&old, &[head], |_, _| {})).unwrap();
    assert_eq!(report.problems, []);
}

#[test]
fn bases_may_come_last_and_objects_twice() {
    let (one, two, three) = (b"one".to_vec(), b"one!".to_vec(), b"one!?".to_vec());
    let id = |data: &[u8]| object_id(ObjectKind::Blob, data);
    let (to_two, to_three) = (append_delta(&one, b'!'), append_delta(&two, b'?'));
    let data = raw_pack(
        5,
        &[
            (7, id(&two).0.to_vec(), &to_three),
            (7, id(&one).0.to_vec(), &to_two),
            (3, vec![], &one),
            (3, vec![], &two),
            (3, vec![], &one),
        ],
    );
    let pack = unpack(&data).unwrap();
    assert_eq!(pack.len(), 5);
    let segment = keep_all(pack);
    assert_eq!(segment.index.len(), 3);
    let bytes = self::pack(&segment);
    for content in [one, two, three] {
        let entry = segment.index.find(&id(&content)).unwrap();
        assert_eq!(resolve(&bytes, &segment, &entry).data, content);
    }
}

/// Two objects, each of which also comes as a delta of the other: what is kept must not go round.
#[test]
fn deltas_never_go_round() {
    let (short, long) = (b"abc".to_vec(), b"abcd".to_vec());
    let id = |data: &[u8]| object_id(ObjectKind::Blob, data);
    let grow = append_delta(&short, b'd');
    let shrink = [4, 3, 0x90, 3];
    let data = raw_pack(
        3,
        &[(7, id(&long).0.to_vec(), &shrink), (7, id(&short).0.to_vec(), &grow), (3, vec![], &short)],
    );
    let segment = keep_all(unpack(&data).unwrap());
    let bytes = self::pack(&segment);
    assert_eq!(segment.index.len(), 2);
    for entry in segment.index.iter() {
        resolve(&bytes, &segment, entry);
    }
    // Without a beginning there is nothing at all.
    let data = raw_pack(2, &[(7, id(&long).0.to_vec(), &shrink), (7, id(&short).0.to_vec(), &grow)]);
    assert_eq!(refusal(&data), "malformed git pack: it has 2 unresolved deltas");
    // The same if the repository has one of them.
    let memory = Memory::default();
    memory.add(ObjectKind::Blob, &long);
    let pack = known(&data, 10, &PackLimits::default(), &memory).unwrap();
    assert_eq!(pack.len(), 3);
}

#[test]
fn refuses_damage_anywhere() {
    let git = history(2);
    let data = git.run(&["pack-objects", "--stdout", "--revs", "--all"], b"");
    unpack(&data).unwrap();
    for length in 0..data.len() {
        refusal(&data[..length]);
    }
    let mut damaged = data.clone();
    for at in 0..data.len() {
        damaged[at] ^= 0x15;
        refusal(&damaged);
        damaged[at] ^= 0x15;
    }
    let mut followed = data;
    followed.push(0);
    assert_eq!(refusal(&followed), "malformed git pack: something follows");
}

#[test]
fn refuses_what_is_no_pack() {
    let blob = |data: &'static str| (3, vec![], data.as_bytes());
    let cases: &[(Vec<u8>, &str)] = &[
        (b"PUCK\0\0\0\x02\0\0\0\0".to_vec(), "it does not start as one of version 2"),
        (raw_pack(2, &[blob("x")]), "the deflated data is damaged"),
        (raw_pack(1, &[(5, vec![], b"x")]), "an entry has the unknown type 5"),
        (raw_pack(1, &[(0, vec![], b"x")]), "an entry has the unknown type 0"),
        (raw_pack(1, &[(6, vec![1], b"x")]), "the base of a delta lies outside of it"),
        (raw_pack(1, &[(6, vec![0], b"x")]), "the base of a delta lies outside of it"),
        (raw_pack(1, &[(6, vec![0xff; 20], b"x")]), "a number is too long"),
        (raw_pack(1, &[(1, vec![], b"tree")]), "unterminatedHeader"),
        (
            raw_pack(
                2,
                &[blob("abc"), (7, object_id(ObjectKind::Blob, b"abc").0.to_vec(), b"\x03\x04\x90\x05")],
            ),
            "outside of its base",
        ),
    ];
    for (data, expected) in cases {
        let refusal = refusal(data);
        assert!(refusal.contains(expected), "{refusal}: {expected}");
    }
    // Longer and shorter than declared.
    for (size, problem) in [(2, "longer"), (9, "shorter")] {
        let mut pack = b"PACK\0\0\0\x02\0\0\0\x01".to_vec();
        append_entry(&mut pack, 3, &[], size, b"12345");
        assert_eq!(refusal(&seal(pack)), format!("malformed git pack: an object is {problem} than it says"));
    }
    unpack(&raw_pack(0, &[])).unwrap();
}

#[test]
fn limits_what_a_pack_may_be() {
    let limited = |data: &[u8], limits: PackLimits| {
        let error = known(data, 1000, &limits, &Memory::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        error.to_string()
    };
    let usual = PackLimits::default;
    let zeros = vec![0; 3_000_000];
    let bomb = raw_pack(1, &[(3, vec![], &zeros)]);
    assert_eq!(
        limited(&bomb, PackLimits { object_bytes: 1_000_000, ..usual() }),
        "an object of the pack has 3000000 bytes"
    );
    let tight = PackLimits { inflate_bytes: 1_000_000, inflate_ratio: 10, ..usual() };
    assert_eq!(limited(&bomb, tight.clone()), "the pack makes too much of what it is");
    assert_eq!(limited(&bomb, PackLimits { pack_bytes: 100, ..usual() }), "the pack has more than 100 bytes");
    let many = raw_pack(1_000_001, &[]);
    assert_eq!(limited(&many, usual()), "the pack has more than 1000000 objects");

    // Copies of copies: each delta makes ten times what it is based on.
    let base = vec![b'x'; 100];
    let mut entries: Vec<(u8, Vec<u8>, Vec<u8>)> = vec![(3, vec![], base.clone())];
    let mut content = base;
    for _ in 0..4 {
        let mut delta = sizes(content.len(), content.len() * 10);
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        for _ in 0..10 {
            delta.extend_from_slice(&[0xf0, length[0], length[1], length[2]]);
        }
        entries.push((7, object_id(ObjectKind::Blob, &content).0.to_vec(), delta));
        content = content.repeat(10);
    }
    let entries: Vec<Raw<'_>> =
        entries.iter().map(|(n, before, data)| (*n, before.clone(), &data[..])).collect();
    let nested = raw_pack(5, &entries);
    unpack(&nested).unwrap();
    assert_eq!(
        limited(&nested, PackLimits { inflate_bytes: 500_000, inflate_ratio: 10, ..usual() }),
        "the pack makes too much of what it is"
    );
    assert_eq!(
        limited(&nested, PackLimits { chain: 3, ..usual() }),
        "the pack has a chain of more than 3 deltas"
    );
    assert_eq!(
        limited(&nested, PackLimits { object_bytes: 500_000, ..usual() }),
        "an object of the pack has 1000000 bytes"
    );
}

/// A chain that is too long for a segment is cut.
#[test]
fn long_chains_are_cut() {
    let mut content = b"0".to_vec();
    let mut entries = vec![(3, vec![], content.clone())];
    for _ in 0..120 {
        let delta = append_delta(&content, b'x');
        entries.push((7, object_id(ObjectKind::Blob, &content).0.to_vec(), delta));
        content.push(b'x');
    }
    let entries: Vec<Raw<'_>> =
        entries.iter().map(|(n, before, data)| (*n, before.clone(), &data[..])).collect();
    let segment = keep_all(unpack(&raw_pack(121, &entries)).unwrap());
    let memory = Memory::default();
    memory.absorb_segment(&segment);
    assert_eq!(memory.ids().len(), 121);
    let bytes = self::pack(&segment);
    let longest = segment.index.iter().map(|entry| chain(&bytes, &segment, entry.oid)).max();
    assert_eq!(longest, Some(crate::limits::MAX_DELTA_CHAIN));
}

fn chain(bytes: &[u8], segment: &Segment, oid: Oid) -> usize {
    let entry = segment.index.find(&oid).unwrap();
    let stored = bytes::Bytes::copy_from_slice(crate::testing::stored(bytes, &entry));
    let packed = crate::Packed::parse(stored, &entry).unwrap();
    packed.base.map_or(0, |base| 1 + chain(bytes, segment, base))
}

/// Many deltas of many, so that what is held must make room and be made again.
#[test]
fn large_contents_are_made_again() {
    let mut content = vec![7_u8; 400_000];
    let memory = Memory::default();
    let first = memory.add(ObjectKind::Blob, &content);
    let mut entries: Vec<(u8, Vec<u8>, Vec<u8>)> = Vec::new();
    let delta = |from: usize, byte: u8| {
        let mut delta = sizes(from, from + 1);
        let mut left = u32::try_from(from).unwrap();
        let mut at = 0_u32;
        while left > 0 {
            let length = left.min(0xff_ffff);
            let [a, b, c, d] = at.to_le_bytes();
            let [e, f, g, _] = length.to_le_bytes();
            delta.extend_from_slice(&[0xff, a, b, c, d, e, f, g]);
            (at, left) = (at + length, left - length);
        }
        delta.extend_from_slice(&[1, byte]);
        delta
    };
    let mut base = first;
    for level in 0..4 {
        // A leaf, and one that goes on.
        for byte in [b'l', level] {
            entries.push((7, base.0.to_vec(), delta(content.len(), byte)));
        }
        content.push(level);
        base = object_id(ObjectKind::Blob, &content);
    }
    let entries: Vec<Raw<'_>> =
        entries.iter().map(|(n, before, data)| (*n, before.clone(), &data[..])).collect();
    let pack = known(&raw_pack(8, &entries), 1000, &PackLimits::default(), &memory).unwrap();
    assert_eq!(pack.len(), 9);
    assert!(pack.find(&base).is_some());
    let _: std::sync::Arc<Object> = block_on(memory.read(first)).unwrap();
}

/// What is based on an object is made once, however often the object comes.
#[test]
fn copies_do_not_multiply_their_deltas() {
    let base = b"x".to_vec();
    let same = [1, 1, 0x90, 1];
    let id = object_id(ObjectKind::Blob, &base).0.to_vec();
    for (copies, deltas) in [(1, 20_000), (20_000, 20_000)] {
        let mut entries: Vec<Raw<'_>> = vec![(3, vec![], &base); copies];
        entries.extend(vec![(7, id.clone(), &same[..]); deltas]);
        let mut resolver = Resolver::new(
            read_in(&raw_pack(entries.len() as u32, &entries), 1 << 16, &PackLimits::default()).unwrap(),
        );
        resolver.run().unwrap();
        let pack = resolver.finish().unwrap();
        assert_eq!(pack.oids().filter(|oid| oid.0[..] == id[..]).count(), copies + deltas);
        // None is based on another.
        assert!(pack.entries.iter().all(|entry| entry.depth <= 1));
        assert_eq!(keep_all(pack).index.len(), 1);
    }
}

/// Looking at all objects costs no more than making them, in whatever order they are looked at.
#[test]
fn chains_are_not_made_again_for_each_object() {
    let mut content: Vec<u8> = (0..2000_u32).flat_map(|n| (n * 7919).to_le_bytes()).collect();
    let mut entries: Vec<(u8, Vec<u8>, Vec<u8>)> = vec![(3, vec![], content.clone())];
    for byte in 0..50 {
        let mut delta = sizes(content.len(), content.len() + 1);
        let [low, high, ..] = u32::try_from(content.len()).unwrap().to_le_bytes();
        delta.extend_from_slice(&[0xb0, low, high, 1, byte]);
        entries.push((7, object_id(ObjectKind::Blob, &content).0.to_vec(), delta));
        content.push(byte);
    }
    let entries: Vec<Raw<'_>> =
        entries.iter().map(|(n, before, data)| (*n, before.clone(), &data[..])).collect();
    // Not much more than all of them together.
    let limits = PackLimits { inflate_bytes: 500_000, inflate_ratio: 1, ..PackLimits::default() };
    let mut pack = known(&raw_pack(51, &entries), 1000, &limits, &Memory::default()).unwrap();
    for index in (0..51).chain((0..51).rev()) {
        assert_eq!(pack.content(index).unwrap().len(), 8000 + index as usize);
    }
    assert!(pack.remade_bytes < 2 * pack.made_bytes);
}

/// The sizes with which a delta starts.
fn sizes(from: usize, to: usize) -> Vec<u8> {
    let mut delta = Vec::new();
    for mut size in [from, to] {
        while size > 0x7f {
            delta.push((size & 0x7f) as u8 | 0x80);
            size >>= 7;
        }
        delta.push(size as u8);
    }
    delta
}
