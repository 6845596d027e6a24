//! Shards written by one side are read by the other.

use crate::data::{chunks, ours, raw_xorb, theirs};
use lyceum_core::{Sha256, XetHash};
use lyceum_xet::{Shard, XorbIndex, XorbValidator, check_file, dedup_shard, hash};
use std::io::Cursor;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use xet_core_structures::merklehash::{MerkleHash, file_hash};
use xet_core_structures::metadata_shard::chunk_verification::range_hash_from_chunks;
use xet_core_structures::metadata_shard::file_structs::{
    FileDataSequenceEntry, FileDataSequenceHeader, FileMetadataExt, FileVerificationEntry, MDBFileInfo,
};
use xet_core_structures::metadata_shard::shard_in_memory::MDBInMemoryShard;
use xet_core_structures::metadata_shard::streaming_shard::MDBMinimalShard;
use xet_core_structures::metadata_shard::{
    ChunkIndexSizeEnforcement, MDBShardFile, MDBShardInfo, ShardFileManager, new_shard_file_cache,
};
use xet_core_structures::xorb_object::{Chunk, CompressionScheme, SerializedXorbObject};
use xet_runtime::core::XetContext;

/// The hexadecimal SHA-256 that clients put into the shard.
const SHA256: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

struct Upload {
    index: Arc<XorbIndex>,
    shard: MDBInMemoryShard,
    file: XetHash,
}

/// A xorb as uploaded, and a shard with a file of two terms that lists them as a client does.
fn upload() -> Upload {
    let chunks = chunks();
    let raw = raw_xorb(&chunks);
    let xorb_info = raw.xorb_info.clone();
    let xorb =
        SerializedXorbObject::from_xorb_with_compression(raw, CompressionScheme::Auto, false, 1).unwrap();
    let mut validator = XorbValidator::new();
    validator.push(&xorb.serialized_data).unwrap();
    let index = Arc::new(validator.finish(ours(xorb.hash)).unwrap());

    let ranges = [3..20, 1..2];
    let term = |range: &std::ops::Range<usize>| {
        let length: usize = chunks[range.clone()].iter().map(|chunk| chunk.data.len()).sum();
        FileDataSequenceEntry::new(xorb.hash, length, range.start, range.end)
    };
    let proof = |range: &std::ops::Range<usize>| {
        let hashes: Vec<_> = chunks[range.clone()].iter().map(|chunk| chunk.hash).collect();
        FileVerificationEntry::new(range_hash_from_chunks(&hashes))
    };
    let sizes = |chunk: &Chunk| (chunk.hash, chunk.data.len() as u64);
    let content: Vec<_> = ranges.iter().flat_map(|range| chunks[range.clone()].iter().map(sizes)).collect();
    let file = file_hash(&content);
    let file_info = MDBFileInfo {
        metadata: FileDataSequenceHeader::new(file, ranges.len(), true, true),
        segments: ranges.iter().map(term).collect(),
        verification: ranges.iter().map(proof).collect(),
        metadata_ext: Some(FileMetadataExt::new(MerkleHash::from_hex(SHA256).unwrap())),
    };
    let mut shard = MDBInMemoryShard::default();
    shard.add_xorb_block(xorb_info).unwrap();
    shard.add_file_reconstruction_info(file_info).unwrap();
    Upload { index, shard, file: ours(file) }
}

fn check(bytes: &[u8], upload: &Upload) {
    let shard = Shard::parse(bytes).unwrap();
    let [file] = shard.files.as_slice() else { panic!("one file") };
    assert_eq!(file.hash, upload.file);
    assert_eq!(file.sha256, Some(SHA256.parse::<Sha256>().unwrap()));
    let size =
        check_file(file, |hash| (*hash == upload.index.hash).then(|| Arc::clone(&upload.index))).unwrap();
    assert_eq!(size, upload.index.raw_len(3..20) + upload.index.raw_len(1..2));

    let [xorb] = shard.xorbs.as_slice() else { panic!("one xorb") };
    assert_eq!(xorb.hash, upload.index.hash);
    let chunks =
        upload.index.hashes(0..upload.index.chunk_count()).map(|(hash, length)| (hash, length as u32));
    assert_eq!(xorb.chunks, chunks.collect::<Vec<_>>());
}

#[test]
fn their_uploads_are_understood_with_and_without_a_footer() {
    let upload = upload();
    let whole = upload.shard.to_bytes().unwrap();
    check(&whole, &upload);

    let folder = tempfile::tempdir().unwrap();
    let file =
        MDBShardFile::write_out_from_reader(folder.path(), &mut Cursor::new(&whole), &new_shard_file_cache());
    let uploaded = file.unwrap().read_shard_to_bytes_remove_footer().unwrap();
    assert!(uploaded.len() < whole.len());
    check(&uploaded, &upload);
    assert!(Shard::parse(&uploaded[..uploaded.len() - 1]).is_err());
    assert!(Shard::parse(&[&uploaded[..], &[0]].concat()).is_err());
}

#[test]
fn a_file_of_no_bytes_is_understood() {
    let mut shard = MDBInMemoryShard::default();
    let metadata = FileDataSequenceHeader::new(MerkleHash::default(), 0, true, true);
    let metadata_ext = Some(FileMetadataExt::new(MerkleHash::from_hex(SHA256).unwrap()));
    let empty = MDBFileInfo { metadata, metadata_ext, ..MDBFileInfo::default() };
    shard.add_file_reconstruction_info(empty).unwrap();
    let parsed = Shard::parse(&shard.to_bytes().unwrap()).unwrap();
    assert_eq!(check_file(&parsed.files[0], |_| None), Ok(0));
}

#[expect(clippy::disallowed_methods, reason = "the client compares with the real time")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn our_dedup_shard_is_read_by_them() {
    let index = upload().index;
    let key = [0x5a; 32];
    let bytes = dedup_shard(&[Arc::clone(&index)], key, now(), now() + 3600);

    let info = MDBShardInfo::load_from_reader(&mut Cursor::new(&bytes)).unwrap();
    assert_eq!(info.num_bytes(), bytes.len() as u64);
    assert_eq!(info.metadata.chunk_hash_hmac_key, MerkleHash::from(key));
    assert!((now()..=now() + 3600).contains(&info.metadata.shard_key_expiry));
    assert_eq!((info.stored_bytes(), info.stored_bytes_on_disk()), (index.raw_bytes(), index.stored_bytes()));
    assert!(info.read_all_file_info_sections(&mut Cursor::new(&bytes)).unwrap().is_empty());
    let xorbs = info.read_all_xorb_blocks_full(&mut Cursor::new(&bytes)).unwrap();
    assert_eq!(ours(xorbs[0].metadata.xorb_hash), index.hash);
    assert_eq!(u64::from(xorbs[0].metadata.num_bytes_in_xorb), index.raw_bytes());
    for (chunk, entry) in xorbs[0].chunks.iter().zip(&index.chunks) {
        assert_eq!(ours(chunk.chunk_hash), hash::keyed_hash(&key, &entry.hash));
        assert_eq!(chunk.chunk_byte_range_start + chunk.unpacked_segment_bytes, entry.raw_end);
        assert_eq!(chunk.is_global_dedup_eligible(), hash::dedup_eligible(&entry.hash));
    }
    let minimal = MDBMinimalShard::from_reader(&mut Cursor::new(&bytes), true, true).unwrap();
    assert_eq!((minimal.num_files(), minimal.num_xorb()), (0, 1));
}

/// What the client does with the answer to a deduplication query.
#[tokio::test(flavor = "multi_thread")]
async fn our_dedup_shard_deduplicates_in_their_client() {
    let index = upload().index;
    let expiry = now() + 7 * 24 * 3600;
    let bytes = dedup_shard(&[Arc::clone(&index)], [7; 32], now(), expiry);
    let folder = tempfile::tempdir().unwrap();
    let context = XetContext::default().unwrap();
    let manager = ShardFileManager::new_in_cache_directory(&context, folder.path()).await.unwrap();
    manager.import_shard_from_bytes(&bytes, ChunkIndexSizeEnforcement::StopAtCap).await.unwrap();

    let hashes: Vec<_> = index.chunks.iter().map(|chunk| theirs(chunk.hash)).collect();
    let (count, term) = manager.chunk_hash_dedup_query(&hashes[24..40]).await.unwrap().expect("a hit");
    assert_eq!((count, ours(term.xorb_hash)), (16, index.hash));
    assert_eq!((term.chunk_index_start, term.chunk_index_end), (24, 40));
    assert_eq!(u64::from(term.unpacked_segment_bytes), index.raw_len(24..40));
    let unknown = theirs(hash::chunk_hash(b"unknown"));
    assert!(manager.chunk_hash_dedup_query(&[unknown]).await.unwrap().is_none());
}

/// A cache that is opened again, as by the next run of the client, keeps the shard until it expires.
#[tokio::test(flavor = "multi_thread")]
async fn our_dedup_shard_outlives_their_process() {
    let index = upload().index;
    let hashes = [theirs(index.chunks[24].hash)];
    let cache = new_shard_file_cache();
    for (expiry, hit) in [(now() + 3600, true), (now() - 60, false)] {
        let bytes = dedup_shard(&[Arc::clone(&index)], [7; 32], now() - 120, expiry);
        let folder = tempfile::tempdir().unwrap();
        MDBShardFile::write_out_from_reader(folder.path(), &mut Cursor::new(&bytes), &cache).unwrap();
        let context = XetContext::default().unwrap();
        let manager = ShardFileManager::new_in_cache_directory(&context, folder.path()).await.unwrap();
        let found = manager.chunk_hash_dedup_query(&hashes).await.unwrap();
        assert_eq!(found.is_some(), hit);
    }
}
