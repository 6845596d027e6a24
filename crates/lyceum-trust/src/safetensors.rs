//! The header of a safetensors file.
//!
//! The file starts with the header's length, 8 bytes little-endian; then the header, a JSON object of tensors; then
//! the tensors' bytes.

mod dtype;
mod json;

use std::collections::BTreeMap;

use crate::Malformed;
use crate::limits::{MAX_DIMENSIONS, MAX_SAFETENSORS_HEADER_BYTES};

/// Bytes before the header.
const LENGTH_BYTES: u64 = 8;

/// What a safetensors header says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// The tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// The texts under `__metadata__`.
    pub metadata: BTreeMap<String, String>,
}

/// Where a tensor lies and what shape it has.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Tensor {
    /// The type of the numbers, such as `BF16`.
    pub dtype: String,
    /// The dimensions; none for a single number.
    pub shape: Vec<u64>,
    /// Start and end, counted from the end of the header.
    pub data_offsets: [u64; 2],
}

/// Returns the length of the header from the first eight bytes of the file.
pub fn header_length(first8: &[u8]) -> Result<u64, Malformed> {
    let Some(length) = first8.first_chunk() else {
        return Err(Malformed::new("a safetensors file has at least 8 bytes"));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_SAFETENSORS_HEADER_BYTES {
        return Err(Malformed::new("the safetensors header is longer than 100 MB"));
    }
    if length < 2 {
        return Err(Malformed::new("the safetensors header is empty"));
    }
    Ok(length)
}

/// Parses a header and checks that its tensors fill the rest of the file without gaps or overlaps.
///
/// `file_size`, if known, is the size of the whole file.
pub fn parse_header(json: &[u8], file_size: Option<u64>) -> Result<Header, Malformed> {
    if !json.starts_with(b"{") {
        return Err(Malformed::new("the safetensors header does not start with `{`"));
    }
    let header = json::parse(json)?;
    let mut places = Vec::with_capacity(header.tensors.len());
    for (name, tensor) in &header.tensors {
        check_tensor(name, tensor)?;
        places.push((tensor.data_offsets, name));
    }
    places.sort_unstable();
    let mut end = 0;
    for ([from, to], name) in places {
        if from != end {
            let problem = "does not start where the one before it ends";
            return Err(Malformed::new(format!("tensor `{}` {problem}", shown(name))));
        }
        end = to;
    }
    if let Some(file_size) = file_size {
        let header_end = LENGTH_BYTES + json.len() as u64;
        if file_size.checked_sub(header_end) != Some(end) {
            return Err(Malformed::new(format!(
                "the tensors have {end} bytes, which is not what the file has after its header"
            )));
        }
    }
    Ok(header)
}

impl Header {
    /// Returns how many numbers of each type there are.
    pub fn parameters(&self) -> BTreeMap<String, u64> {
        let mut parameters: BTreeMap<String, u64> = BTreeMap::new();
        for tensor in self.tensors.values() {
            let count = tensor.parameters().unwrap_or(u64::MAX);
            match parameters.get_mut(&tensor.dtype) {
                Some(total) => *total = total.saturating_add(count),
                None => {
                    parameters.insert(tensor.dtype.clone(), count);
                }
            }
        }
        parameters
    }
}

impl Tensor {
    /// Returns how many numbers the tensor has; `None` if they cannot be counted in 64 bits.
    fn parameters(&self) -> Option<u64> {
        self.shape.iter().try_fold(1_u64, |count, dimension| count.checked_mul(*dimension))
    }
}

fn check_tensor(name: &str, tensor: &Tensor) -> Result<(), Malformed> {
    let fail = |problem: &str| Err(Malformed::new(format!("tensor `{}` {problem}", shown(name))));
    let [from, to] = tensor.data_offsets;
    if from > to {
        return fail("ends before it starts");
    }
    if tensor.shape.len() > MAX_DIMENSIONS {
        return fail("has too many dimensions");
    }
    let Some(count) = tensor.parameters() else {
        return fail("has too many parameters");
    };
    // A type that this version does not know is no reason to refuse the file.
    let Some(bits) = dtype::bits(&tensor.dtype) else {
        return Ok(());
    };
    if count.checked_mul(bits).map(|bits| bits.div_ceil(8)) != Some(to - from) {
        return fail("has a size that does not match its type and shape");
    }
    Ok(())
}

fn shown(name: &str) -> String {
    name.chars().take(120).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests;
