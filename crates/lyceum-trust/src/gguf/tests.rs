use proptest::prelude::*;

use super::{Header, Parsed, Summary, parse, parse_header};

/// Writes GGUF headers.
#[derive(Clone)]
struct Builder(Vec<u8>);

impl Builder {
    fn new(version: u32, tensors: u64, pairs: u64) -> Self {
        let mut builder = Self(b"GGUF".to_vec());
        builder.0.extend(version.to_le_bytes());
        builder.0.extend(tensors.to_le_bytes());
        builder.0.extend(pairs.to_le_bytes());
        builder
    }

    fn text(mut self, text: &str) -> Self {
        self.0.extend((text.len() as u64).to_le_bytes());
        self.0.extend(text.as_bytes());
        self
    }

    fn u32(mut self, number: u32) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn u64(mut self, number: u64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn texts(self, key: &str, texts: &[&str]) -> Self {
        let builder = self.text(key).u32(9).u32(8).u64(texts.len() as u64);
        texts.iter().fold(builder, |builder, text| builder.text(text))
    }

    fn tensor(self, name: &str, dimensions: &[u64]) -> Self {
        let builder = self.text(name).u32(u32::try_from(dimensions.len()).unwrap());
        dimensions.iter().fold(builder, |builder, dimension| builder.u64(*dimension)).u32(0).u64(0)
    }
}

fn whole() -> Vec<u8> {
    Builder::new(3, 2, 9)
        .text("llama.context_length")
        .u32(4)
        .u32(8192)
        .text("general.architecture")
        .u32(8)
        .text("llama")
        .text("general.file_type")
        .u32(4)
        .u32(15)
        .texts("tokenizer.ggml.tokens", &["<unk>", "<s>", "</s>", "word"])
        .text("tokenizer.ggml.bos_token_id")
        .u32(4)
        .u32(1)
        .text("tokenizer.ggml.eos_token_id")
        .u32(10)
        .u64(2)
        .text("tokenizer.chat_template")
        .u32(8)
        .text("{{ messages }}")
        .text("some.scale")
        .u32(6)
        .u32(0)
        .text("nested")
        .u32(9)
        .u32(9)
        .u64(1)
        .u32(5)
        .u64(2)
        .u64(0)
        .tensor("a", &[16, 4])
        .tensor("b", &[7])
        .0
}

fn refused(data: Vec<u8>, message: &str) {
    let error = parse(&data).unwrap_err().to_string();
    assert!(error.contains(message), "`{error}` does not say `{message}`");
}

#[test]
fn headers_are_summarised() {
    let text = |text: &str| Some(text.to_owned());
    let expected = Summary {
        architecture: text("llama"),
        context_length: Some(8192),
        total_parameters: 71,
        chat_template: text("{{ messages }}"),
        bos_token: text("<s>"),
        eos_token: text("</s>"),
        file_type: text("Q4_K_M"),
    };
    assert_eq!(parse(&whole()), Ok(Parsed::Complete(expected.clone())));
    // What follows the header does not matter.
    assert_eq!(parse(&[whole(), vec![0xff; 100]].concat()), Ok(Parsed::Complete(expected)));
}

#[test]
fn prefixes_ask_for_more_until_they_suffice() {
    let whole = whole();
    for length in 0..whole.len() {
        match parse(&whole[..length]) {
            Ok(Parsed::NeedMore(more)) => assert!(more > length, "{length}"),
            other => panic!("{length}: {other:?}"),
        }
    }
}

#[test]
fn hostile_headers_are_refused() {
    refused(b"GGML____".to_vec(), "starts with `GGUF`");
    refused(Builder::new(1, 0, 0).0, "version 1");
    refused(Builder::new(3 << 24, 0, 0).0, "version");
    refused(Builder::new(3, u64::MAX, 0).0, "too many");
    refused(Builder::new(3, 0, u64::MAX).0, "too many");
    refused(Builder::new(3, 0, 1).u64(u64::MAX).0, "longer than");
    refused(Builder::new(3, 0, 1).text("x").u32(13).0, "unknown GGUF value type");
    refused(Builder::new(3, 0, 1).text("x").u32(9).u32(4).u64(u64::MAX).0, "longer than");
    let deep = (0..10).fold(Builder::new(3, 0, 1).text("x").u32(9), |deep, _| deep.u32(9).u64(1));
    refused(deep.0, "too deeply");
    refused(Builder::new(3, 1, 0).text("t").u32(65).0, "dimensions");
    refused(Builder::new(3, 1, 0).tensor("t", &[u64::MAX, 2]).0, "too many parameters");
    refused(Builder::new(3, 2, 0).tensor("t", &[u64::MAX]).tensor("t", &[1]).0, "too many parameters");
    // An id beyond the vocabulary names no token.
    let data = Builder::new(3, 0, 2)
        .texts("tokenizer.ggml.tokens", &["a"])
        .text("tokenizer.ggml.bos_token_id")
        .u32(4);
    assert_eq!(parse(&data.u32(1).0), Ok(Parsed::Complete(Summary::default())));
}

proptest! {
    #[test]
    fn parsing_never_panics(data: Vec<u8>) {
        let _ = parse(&data);
        let _ = parse(&[Builder::new(3, 1, 2).0, data].concat());
    }

    #[test]
    fn damage_never_panics(at: prop::sample::Index, byte: u8) {
        let mut data = whole();
        *at.get_mut(&mut data) = byte;
        let _ = parse(&data);
    }
}

fn header(bytes: &[u8]) -> Header {
    match parse_header(bytes).unwrap() {
        Parsed::Complete(header) => header,
        Parsed::NeedMore(more) => panic!("needs {more}"),
    }
}

#[test]
fn a_header_is_shown_in_its_order() {
    let bytes = Builder::new(3, 2, 6)
        .text("name")
        .u32(8)
        .text(&"é".repeat(400))
        .text("down")
        .u32(5)
        .u32(u32::MAX)
        .text("share")
        .u32(6)
        .u32(0.5_f32.to_bits())
        .texts("words", &["a", "b", "c", "d", "e", "f", "g", "h", "i"])
        .text("nested")
        .u32(9)
        .u32(9)
        .u64(1)
        .u32(4)
        .u64(1)
        .u32(7)
        .text("big")
        .u32(10)
        .u64(u64::MAX)
        .tensor("first", &[4, 8])
        .tensor("scalar", &[]);
    let header = header(&bytes.0);
    let pairs: Vec<(&str, &str)> =
        header.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let long = format!("{}…", "é".repeat(300));
    let expected = [
        ("name", long.as_str()),
        ("down", "-1"),
        ("share", "0.5"),
        ("words", "[a, b, c, d, e, f, g, h, … 9 in all]"),
        ("nested", "[[7]]"),
        ("big", "18446744073709551615"),
    ];
    assert_eq!(pairs, expected);
    assert_eq!(
        (header.version, header.pair_count, header.tensor_count, header.parameters),
        (3, 6, 2, Some(33))
    );
    let tensor = &header.tensors[0];
    assert_eq!(
        (tensor.name.as_str(), tensor.dtype.as_str(), tensor.shape.as_slice()),
        ("first", "F32", &[4, 8][..])
    );
}

proptest! {
    #[test]
    fn what_is_shown_agrees_with_the_summary(cut in 0_usize..700, place in 0_usize..700, byte: u8) {
        let mut bytes = whole();
        if let Some(at) = bytes.get_mut(place) {
            *at = byte;
        }
        bytes.truncate(cut);
        match (parse(&bytes), parse_header(&bytes)) {
            (Ok(Parsed::Complete(summary)), Ok(Parsed::Complete(header))) => {
                prop_assert_eq!(header.parameters, Some(summary.total_parameters));
            }
            (Ok(Parsed::NeedMore(_)), Ok(Parsed::NeedMore(_))) => {}
            (Err(_), Ok(Parsed::Complete(header))) => prop_assert_eq!(header.parameters, None),
            // A count that overflows is told by the summary at once, by the whole header at its end.
            (Err(_), Ok(Parsed::NeedMore(_)) | Err(_)) => {}
            (one, other) => prop_assert!(false, "{one:?} {other:?}"),
        }
    }
}
