//! Stored terms are refused or decoded, and what is decoded survives storage.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_xet::{decode_terms, encode_terms};

fuzz_target!(|data: &[u8]| {
    if let Ok(terms) = decode_terms(data) {
        assert!(terms.len() <= data.len());
        assert_eq!(decode_terms(&encode_terms(&terms)).as_ref(), Ok(&terms));
    }
});
