//! A shard is refused or parsed, in memory of the order of its length; its files can be checked and planned.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_core::ByteRange;
use lyceum_xet::{ChunkEntry, Shard, XorbIndex, check_file, hash, plan};
use std::sync::Arc;

fuzz_target!(|data: &[u8]| {
    let Ok(shard) = Shard::parse(data) else {
        return;
    };
    let records = data.len() / 48;
    assert!(shard.files.len() + shard.xorbs.len() <= records);
    assert!(shard.files.iter().map(|file| file.terms.len()).sum::<usize>() <= records);
    assert!(shard.xorbs.iter().map(|xorb| xorb.chunks.len()).sum::<usize>() <= records);

    // Indexes that agree with the shard's own claims let the checks go deep.
    let indexes: Vec<Arc<XorbIndex>> = shard.xorbs.iter().filter_map(index).map(Arc::new).collect();
    let find = |name: &_| indexes.iter().find(|index| index.hash == *name).cloned();
    for file in &shard.files {
        if let Ok(size) = check_file(file, find) {
            for range in [ByteRange::new(0, u64::MAX), ByteRange::new(size / 3, size / 2)] {
                let plan = plan(&file.terms, find, range).expect("a checked file can be planned");
                let planned: u64 = plan.terms.iter().map(|term| term.unpacked_length).sum();
                assert!(planned - plan.offset_into_first_range >= range.end.min(size) - range.start);
            }
        }
        let _ = plan(&file.terms, find, ByteRange::new(data.len() as u64, u64::MAX));
    }
});

fn index(xorb: &lyceum_xet::ShardXorb) -> Option<XorbIndex> {
    let (mut stored_end, mut raw_end) = (0, 0);
    let mut chunks = Vec::new();
    for (hash, length) in &xorb.chunks {
        (stored_end, raw_end) = (stored_end + length + 8, raw_end + length);
        chunks.push(ChunkEntry { hash: *hash, stored_end, raw_end });
    }
    let index = XorbIndex { hash: xorb.hash, chunks };
    // Both calls must hold for any claims.
    let _ = index.range_hash(0..index.chunk_count());
    let _ = hash::file_hash(index.hashes(0..index.chunk_count()));
    (index.chunk_count() > 0).then_some(index)
}
