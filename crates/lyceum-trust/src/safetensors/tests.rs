use proptest::prelude::*;

use super::{header_length, parse_header};

fn header(tensors: &str) -> String {
    format!("{{{tensors}}}")
}

fn tensor(name: &str, dtype: &str, shape: &str, from: u64, to: u64) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{from},{to}]}}"#)
}

fn refused(json: &str, message: &str) {
    let error = parse_header(json.as_bytes(), None).unwrap_err().to_string();
    assert!(error.contains(message), "`{error}` does not say `{message}` of {json}");
}

#[test]
fn parameters_are_counted_by_type() {
    let json = header(
        &[
            r#""__metadata__":{"format":"pt"}"#.to_owned(),
            tensor("b", "BF16", "2,3", 0, 12),
            tensor("a", "F32", "", 12, 16),
            tensor("c", "BF16", "5", 16, 26),
            tensor("d", "F4", "3", 26, 28),
            tensor("e", "I64", "0,7", 28, 28),
            tensor("new", "F1_NEW", "64", 28, 30),
        ]
        .join(","),
    );
    let size = 8 + json.len() as u64 + 30;
    let header = parse_header(json.as_bytes(), Some(size)).unwrap();
    assert_eq!(header.metadata["format"], "pt");
    let counts: Vec<_> = header.parameters().into_iter().collect();
    let expected = [("BF16", 11), ("F1_NEW", 64), ("F32", 1), ("F4", 3), ("I64", 0)];
    assert_eq!(counts, expected.map(|(dtype, count)| (dtype.to_owned(), count)));
    assert!(parse_header(json.as_bytes(), Some(size + 1)).is_err());
    assert!(parse_header(json.as_bytes(), Some(3)).is_err());
}

#[test]
fn padding_and_null_metadata_are_fine() {
    parse_header(b"{}      ", Some(16)).unwrap();
    parse_header(br#"{"__metadata__":null}"#, None).unwrap();
}

#[test]
fn broken_headers_are_refused() {
    refused(" {}", "start with `{`");
    refused("{", "malformed");
    refused("[]", "start with `{`");
    refused(&header(&tensor("a", "F32", "1", 4, 8)), "`a` does not start where");
    refused(&header(&tensor("a", "F32", "1", 4, 0)), "ends before it starts");
    refused(&header(&tensor("a", "F32", "2", 0, 4)), "does not match its type");
    refused(&header(&tensor("a", "F32", "4294967296,4294967296", 0, 4)), "too many parameters");
    refused(&header(&tensor("a", "F32", "-1", 0, 4)), "malformed");
    refused(&header(&tensor("a", "F32", &vec!["1"; 65].join(","), 0, 4)), "too many dimensions");
    let overlap = [tensor("a", "F32", "2", 0, 8), tensor("b", "F32", "1", 4, 8)].join(",");
    refused(&header(&overlap), "`b` does not start where");
    let twice = [tensor("a", "U8", "1", 0, 1), tensor("a", "U8", "1", 1, 2)].join(",");
    refused(&header(&twice), "stands twice");
    refused(r#"{"__metadata__":{"a":1}}"#, "malformed");
    refused(r#"{"__metadata__":{},"__metadata__":{}}"#, "stands twice");
    refused(r#"{"a":{"dtype":"F32","shape":[]}}"#, "data_offsets");
    refused(&format!("{{\"a\":{}", "[".repeat(100_000)), "malformed");
}

#[test]
fn lengths_are_limited() {
    assert_eq!(header_length(&100_000_000_u64.to_le_bytes()).unwrap(), 100_000_000);
    for length in [0, 1, 100_000_001, u64::MAX] {
        assert!(header_length(&length.to_le_bytes()).is_err(), "{length}");
    }
    assert!(header_length(&[1; 7]).is_err());
}

proptest! {
    #[test]
    fn generated_headers_add_up(sizes in prop::collection::vec((0_u64..40, 0_usize..3), 0..12)) {
        let dtypes = [("U8", 1), ("BF16", 2), ("F64", 8)];
        let mut end = 0;
        let mut total = 0;
        let mut tensors = Vec::new();
        for (at, (count, dtype)) in sizes.into_iter().enumerate() {
            let (dtype, width) = dtypes[dtype];
            tensors.push(tensor(&format!("t{at}"), dtype, &count.to_string(), end, end + count * width));
            end += count * width;
            total += count;
        }
        let json = header(&tensors.join(","));
        let header = parse_header(json.as_bytes(), Some(8 + json.len() as u64 + end)).unwrap();
        prop_assert_eq!(header.tensors.len(), tensors.len());
        prop_assert_eq!(header.parameters().values().sum::<u64>(), total);
    }

    #[test]
    fn parsing_never_panics(data: Vec<u8>, size: Option<u64>) {
        let _ = header_length(&data);
        let _ = parse_header(&data, size);
    }
}
