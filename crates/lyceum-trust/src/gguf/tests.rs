use proptest::prelude::*;

use super::{Parsed, Summary, parse};

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
