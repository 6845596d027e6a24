//! The limits of this crate, each with its unit and its reason.

/// Longest safetensors header; the format's own limit.
pub const MAX_SAFETENSORS_HEADER_BYTES: u64 = 100_000_000;
/// Most tensors in one file.
pub const MAX_TENSORS: usize = 1_000_000;
/// Most dimensions of a tensor.
pub const MAX_DIMENSIONS: usize = 64;
/// Longest GGUF header; vocabularies of 250,000 tokens with merges and scores need about 16 MiB.
pub const MAX_GGUF_HEADER_BYTES: usize = 128 * 1024 * 1024;
/// Most key-value pairs of a GGUF header.
pub const MAX_GGUF_PAIRS: u64 = 100_000;
/// Longest text taken from a GGUF header, such as a chat template.
pub const MAX_GGUF_TEXT_BYTES: usize = 1024 * 1024;
/// Most elements of an array that are shown.
pub const MAX_GGUF_SHOWN_ELEMENTS: u64 = 8;
/// Longest name or value that is shown of a header, in characters.
pub const MAX_SHOWN_CHARS: usize = 300;
/// Most key-value pairs, and most tensors, that are kept of a header to be shown.
pub const MAX_SHOWN_ROWS: usize = 5000;
/// Deepest nesting of arrays in a GGUF header.
pub const MAX_GGUF_DEPTH: usize = 4;
/// Deepest nesting of a card's front matter.
pub const MAX_CARD_DEPTH: usize = 64;
/// Most values of a card's front matter, after its aliases are expanded.
pub const MAX_CARD_VALUES: usize = 200_000;
/// Most bytes of text in a card's front matter, after its aliases are expanded.
pub const MAX_CARD_TEXT_BYTES: usize = 4 * 1024 * 1024;
/// Most tags that one card gives.
pub const MAX_TAGS: usize = 1000;
/// Longest tag; longer ones are left out.
pub const MAX_TAG_BYTES: usize = 200;
/// Most problems that one validation reports.
pub const MAX_CARD_PROBLEMS: usize = 50;
