//! `Range` headers.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_core::RangeHeader;

fuzz_target!(|input: (u64, &str)| {
    let (size, header) = input;
    if let Ok(Some(ranges)) = RangeHeader::parse(header) {
        for range in ranges.resolve(size) {
            assert!(range.start < range.end && range.end <= size);
        }
    }
});
