//! A safetensors header is refused or parsed; the sizes of what is parsed add up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_trust::safetensors::{header_length, parse_header};

fuzz_target!(|data: &[u8]| {
    let _ = header_length(data);
    let Ok(header) = parse_header(data, None) else {
        return;
    };
    assert!(header.tensors.len() <= data.len() / 8);
    let end = header.tensors.values().map(|tensor| tensor.data_offsets[1]).max().unwrap_or(0);
    let bytes: u64 =
        header.tensors.values().map(|tensor| tensor.data_offsets[1] - tensor.data_offsets[0]).sum();
    assert_eq!(bytes, end, "neither gaps nor overlaps");
    if let Some(size) = end.checked_add(8 + data.len() as u64) {
        assert_eq!(parse_header(data, Some(size)).as_ref(), Ok(&header));
    }
    header.parameters();
});
