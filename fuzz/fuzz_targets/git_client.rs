//! What a server answers to a fetch is refused or understood; the pack in it is no longer than the answer.
#![no_main]

use futures_executor::block_on;
use libfuzzer_sys::fuzz_target;
use lyceum_git::wire::client::{PackAnswer, read_capabilities, read_references};

fuzz_target!(|data: &[u8]| {
    block_on(async {
        drop(read_capabilities(data).await);
        if let Ok(found) = read_references(data).await {
            assert!(found.references.len() <= data.len() / 40);
        }
        let Ok(mut answer) = PackAnswer::start(data).await else {
            return;
        };
        let mut bytes = 0;
        while let Ok(Some(piece)) = answer.next().await {
            bytes += piece.len();
        }
        assert!(bytes <= data.len());
    });
});
