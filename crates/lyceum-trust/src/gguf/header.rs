//! All that a header says, for people to look at.

use super::reader::{Reader, Stop, shorten};
use super::{Counts, Parsed, counts, parsed};
use crate::Malformed;
use crate::limits::MAX_SHOWN_ROWS;

/// A header, as far as it is shown: long lists and values only at their start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Version of the format.
    pub version: u32,
    /// Keys and values, in the order of the file.
    pub pairs: Vec<(String, String)>,
    /// How many pairs there are.
    pub pair_count: u64,
    /// Tensors, in the order of the file.
    pub tensors: Vec<Tensor>,
    /// How many tensors there are.
    pub tensor_count: u64,
    /// How many numbers they hold; `None` if they cannot be counted in 64 bits.
    pub parameters: Option<u64>,
}

/// A tensor of a GGUF file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// How its numbers are stored, such as `Q4_K`.
    pub dtype: String,
    /// Its dimensions, the fastest first.
    pub shape: Vec<u64>,
}

/// Parses a whole header from the first bytes of a file.
pub fn parse_header(prefix: &[u8]) -> Result<Parsed<Header>, Malformed> {
    parsed(prefix, read)
}

fn read(reader: &mut Reader<'_>) -> Result<Header, Stop> {
    let Counts { version, tensors, pairs } = counts(reader)?;
    let mut header = Header {
        version,
        pairs: Vec::new(),
        pair_count: pairs,
        tensors: Vec::new(),
        tensor_count: tensors,
        parameters: Some(0),
    };
    for _ in 0..pairs {
        let key = reader.text()?;
        let kind = reader.u32()?;
        let value = reader.shown(kind, 1)?;
        if header.pairs.len() < MAX_SHOWN_ROWS {
            header.pairs.push((shorten(key), value));
        }
    }
    for _ in 0..tensors {
        let name = reader.text()?;
        let shape = reader.tensor()?;
        let sum = header.parameters.zip(shape.parameters());
        header.parameters = sum.and_then(|(sum, count)| sum.checked_add(count));
        if header.tensors.len() < MAX_SHOWN_ROWS {
            let dtype = dtype(shape.kind).map_or_else(|| format!("type {}", shape.kind), str::to_owned);
            header.tensors.push(Tensor { name: shorten(name), dtype, shape: shape.dimensions });
        }
    }
    Ok(header)
}

/// Returns the name of how a tensor's numbers are stored, by the numbers of ggml's types.
fn dtype(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        6 => "Q5_0",
        7 => "Q5_1",
        8 => "Q8_0",
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        12 => "Q4_K",
        13 => "Q5_K",
        14 => "Q6_K",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        30 => "BF16",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        _ => return None,
    })
}
