//! A GGUF header is refused, parsed, or asks for more bytes than there are; a longer prefix never contradicts a shorter
//! one, and what is shown of a header agrees with its summary.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_trust::gguf::{Parsed, parse, parse_header};

fuzz_target!(|data: &[u8]| {
    let whole = parse(data);
    if let Ok(Parsed::NeedMore(more)) = whole {
        assert!(more > data.len());
    }
    match (&whole, parse_header(data)) {
        (Ok(Parsed::Complete(summary)), Ok(Parsed::Complete(header))) => {
            assert_eq!(header.parameters, Some(summary.total_parameters));
        }
        (Ok(Parsed::NeedMore(_)), Ok(Parsed::NeedMore(_))) => {}
        (Err(_), Ok(Parsed::Complete(header))) => assert_eq!(header.parameters, None),
        // A count that overflows is told by the summary at once, by the whole header at its end.
        (Err(_), Ok(Parsed::NeedMore(_)) | Err(_)) => {}
        (one, other) => panic!("{one:?} and {other:?}"),
    }
    let half = parse(&data[..data.len() / 2]);
    match half {
        Ok(Parsed::NeedMore(more)) => assert!(more > data.len() / 2),
        decided => assert_eq!(decided, whole),
    }
});
