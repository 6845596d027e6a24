//! A GGUF header is refused, parsed, or asks for more bytes than there are; a longer prefix never contradicts a shorter one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_trust::gguf::{Parsed, parse};

fuzz_target!(|data: &[u8]| {
    let whole = parse(data);
    if let Ok(Parsed::NeedMore(more)) = whole {
        assert!(more > data.len());
    }
    let half = parse(&data[..data.len() / 2]);
    match half {
        Ok(Parsed::NeedMore(more)) => assert!(more > data.len() / 2),
        decided => assert_eq!(decided, whole),
    }
});
