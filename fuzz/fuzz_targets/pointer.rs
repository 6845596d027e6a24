//! A blob is a pointer or not; a pointer survives being written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_git::Pointer;

fuzz_target!(|data: &[u8]| {
    if let Some(pointer) = Pointer::parse(data) {
        assert!(data.len() <= 1024);
        assert_eq!(Pointer::parse(&pointer.encode()), Some(pointer));
    }
});
