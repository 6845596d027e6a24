//! Commit bodies and batches, cut into pieces at two sizes: what is understood must not depend on how it arrives.

#![no_main]

use futures_executor::block_on;
use libfuzzer_sys::fuzz_target;
use lyceum_api::fuzzing::{parse_batch, parse_commit};

fuzz_target!(|body: &[u8]| {
    let whole = block_on(parse_commit(body, body.len()));
    assert_eq!(block_on(parse_commit(body, 7)), whole);
    let whole = block_on(parse_batch(body, body.len()));
    assert_eq!(block_on(parse_batch(body, 7)), whole);
});
