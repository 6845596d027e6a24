//! The header of a GGUF file.

mod file_type;
mod header;
mod reader;

use reader::{Reader, Stop, Value};

pub use header::{Header, Tensor, parse_header};

use crate::Malformed;
use crate::limits::{MAX_GGUF_HEADER_BYTES, MAX_GGUF_PAIRS, MAX_TENSORS};

/// What the hub shows of a GGUF file.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Summary {
    /// `general.architecture`, such as `llama`.
    pub architecture: Option<String>,
    /// The longest context that the model was trained for.
    pub context_length: Option<u64>,
    /// How many numbers the tensors hold.
    #[serde(rename = "total")]
    pub total_parameters: u64,
    /// The template that turns a conversation into text.
    pub chat_template: Option<String>,
    /// The token that starts a text.
    pub bos_token: Option<String>,
    /// The token that ends one.
    pub eos_token: Option<String>,
    /// How most tensors are quantised, such as `Q4_K_M`.
    pub file_type: Option<String>,
}

/// The result of parsing the start of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed<T = Summary> {
    /// The whole header was there.
    Complete(T),
    /// The header goes on: try again with this many bytes from the start of the file, or with the whole file if it is
    /// shorter.
    NeedMore(usize),
}

/// Parses a header from the first bytes of a file.
pub fn parse(prefix: &[u8]) -> Result<Parsed, Malformed> {
    parsed(prefix, summarize)
}

/// Reads something from the first bytes of a file, or tells how many more are needed.
fn parsed<'a, T>(
    prefix: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Stop>,
) -> Result<Parsed<T>, Malformed> {
    match read(&mut Reader::new(prefix)) {
        Ok(whole) => Ok(Parsed::Complete(whole)),
        Err(Stop::Malformed(error)) => Err(error),
        Err(Stop::NeedMore(bytes)) if bytes > MAX_GGUF_HEADER_BYTES => {
            Err(Malformed::new("the GGUF header is longer than 128 MiB"))
        }
        // At least twice as much as before, so that the bytes read again and again stay within twice the header.
        Err(Stop::NeedMore(bytes)) => {
            Ok(Parsed::NeedMore(bytes.max(prefix.len().saturating_mul(2)).min(MAX_GGUF_HEADER_BYTES)))
        }
    }
}

/// What a header begins with.
struct Counts {
    version: u32,
    tensors: u64,
    pairs: u64,
}

fn counts(reader: &mut Reader<'_>) -> Result<Counts, Stop> {
    if reader.bytes(4)? != b"GGUF" {
        return Err(Stop::malformed("a GGUF file starts with `GGUF`"));
    }
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(Stop::malformed(format!("GGUF version {version} is not supported")));
    }
    let tensors = reader.u64()?;
    let pairs = reader.u64()?;
    if tensors > MAX_TENSORS as u64 || pairs > MAX_GGUF_PAIRS {
        return Err(Stop::malformed("the GGUF header has too many tensors or pairs"));
    }
    Ok(Counts { version, tensors, pairs })
}

fn summarize(reader: &mut Reader<'_>) -> Result<Summary, Stop> {
    let Counts { tensors, pairs, .. } = counts(reader)?;
    let mut found = Found::default();
    for _ in 0..pairs {
        let key = reader.text()?;
        let kind = reader.u32()?;
        found.take(key, reader.value(kind)?);
    }
    let mut total: u64 = 0;
    for _ in 0..tensors {
        reader.text()?;
        total = reader
            .tensor()?
            .parameters()
            .and_then(|count| total.checked_add(count))
            .ok_or_else(|| Stop::malformed("the GGUF tensors have too many parameters"))?;
    }
    Ok(found.into_summary(total))
}

/// The pairs that matter.
#[derive(Default)]
struct Found<'a> {
    architecture: Option<String>,
    context_lengths: Vec<(String, u64)>,
    chat_template: Option<String>,
    tokens: Option<reader::Array<'a>>,
    bos: Option<u64>,
    eos: Option<u64>,
    file_type: Option<u64>,
}

impl<'a> Found<'a> {
    fn take(&mut self, key: &[u8], value: Value<'a>) {
        match key {
            b"general.architecture" => self.architecture = value.into_text(),
            b"general.file_type" => self.file_type = value.into_number(),
            b"tokenizer.chat_template" => self.chat_template = value.into_text(),
            b"tokenizer.ggml.bos_token_id" => self.bos = value.into_number(),
            b"tokenizer.ggml.eos_token_id" => self.eos = value.into_number(),
            b"tokenizer.ggml.tokens" => self.tokens = value.into_array(),
            _ => {
                // The architecture in front may come later; a header has one such key, so this list stays short.
                let owner =
                    key.strip_suffix(b".context_length").and_then(|owner| std::str::from_utf8(owner).ok());
                if let (Some(owner), Some(length)) = (owner, value.into_number())
                    && self.context_lengths.len() < 16
                {
                    self.context_lengths.push((owner.to_owned(), length));
                }
            }
        }
    }

    fn into_summary(self, total_parameters: u64) -> Summary {
        let token = |id: Option<u64>| self.tokens.as_ref()?.text(id?);
        let context_length = self
            .context_lengths
            .iter()
            .find(|(owner, _)| self.architecture.as_deref() == Some(owner))
            .map(|(_, length)| *length);
        Summary {
            bos_token: token(self.bos),
            eos_token: token(self.eos),
            context_length,
            total_parameters,
            file_type: self.file_type.and_then(file_type::name).map(str::to_owned),
            architecture: self.architecture,
            chat_template: self.chat_template,
        }
    }
}

#[cfg(test)]
mod tests;
