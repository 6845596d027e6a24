//! What the headers of files with weights say, for people to look at.

use lyceum_trust::gguf::{self, Parsed};
use lyceum_trust::safetensors::{header_length, parse_header};

use crate::{Error, ErrorKind, FileHandle, Hub, Result};

/// Longest header that is shown; a job counts the parameters of longer ones too.
const MAX_SHOWN_HEADER_BYTES: u64 = 32 << 20;
/// First bytes of a GGUF file that are read at first.
const GGUF_START_BYTES: u64 = 1 << 20;
/// Most tensors, and most metadata, that are told.
const MAX_ROWS: usize = 5000;
/// Longest name or value that is told, in characters.
const MAX_CHARS: usize = 300;

/// The header of a file with weights, long lists and values only at their start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHeader {
    /// `safetensors` or `GGUF`.
    pub format: &'static str,
    /// What the file says of itself.
    pub metadata: Vec<(String, String)>,
    /// The tensors, in the order of the file or of their names.
    pub tensors: Vec<HeaderTensor>,
    /// How many tensors there are.
    pub tensor_count: u64,
    /// How many numbers they hold, if they can be counted.
    pub parameters: Option<u64>,
}

/// A tensor as a header names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderTensor {
    /// Name.
    pub name: String,
    /// How its numbers are stored.
    pub dtype: String,
    /// Dimensions; none for a single number.
    pub shape: Vec<u64>,
}

impl Hub {
    /// Reads the header of a file by the format that its name promises; `None` if that is none of weights. Needs a repo
    /// opened with [`Action::Read`](crate::Action::Read), and reads no more of the file than its header.
    pub async fn file_header(&self, file: &FileHandle) -> Result<Option<FileHeader>> {
        let gguf = file.entry.path.ends_with(".gguf");
        if !gguf && !file.entry.path.ends_with(".safetensors") {
            return Ok(None);
        }
        let _turn = self.diff_turn().await?;
        let header = if gguf { self.gguf_header(file).await? } else { self.shown_safetensors(file).await? };
        Ok(Some(header))
    }

    async fn shown_safetensors(&self, file: &FileHandle) -> Result<FileHeader> {
        let length = header_length(&self.read_start(file, 8).await?).map_err(|error| broken(file, &error))?;
        if length > MAX_SHOWN_HEADER_BYTES {
            return Err(too_long(file));
        }
        let start = self.read_start(file, 8 + length).await?;
        let size = file.entry.size;
        let parsed = blocking(move || parse_header(start.get(8..).unwrap_or_default(), Some(size))).await?;
        let header = parsed.map_err(|error| broken(file, &error))?;
        let parameters = header.parameters().values().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        let tensor_count = header.tensors.len() as u64;
        let tensor = |(name, tensor): (String, lyceum_trust::safetensors::Tensor)| HeaderTensor {
            name: short(&name),
            dtype: short(&tensor.dtype),
            shape: tensor.shape,
        };
        Ok(FileHeader {
            format: "safetensors",
            metadata: header
                .metadata
                .iter()
                .take(MAX_ROWS)
                .map(|(key, value)| (short(key), short(value)))
                .collect(),
            tensors: header.tensors.into_iter().take(MAX_ROWS).map(tensor).collect(),
            tensor_count,
            parameters,
        })
    }

    async fn gguf_header(&self, file: &FileHandle) -> Result<FileHeader> {
        let mut wanted = GGUF_START_BYTES;
        loop {
            let start = self.read_start(file, wanted).await?;
            let more = match blocking(move || gguf::parse_header(&start)).await? {
                Ok(Parsed::Complete(header)) => return Ok(header.into()),
                Ok(Parsed::NeedMore(more)) => more as u64,
                Err(error) => return Err(broken(file, &error)),
            };
            if wanted >= file.entry.size {
                return Err(broken(file, &"the file ends within it"));
            }
            if more > MAX_SHOWN_HEADER_BYTES {
                return Err(too_long(file));
            }
            wanted = more.max(wanted + 1);
        }
    }
}

impl From<gguf::Header> for FileHeader {
    fn from(header: gguf::Header) -> Self {
        let tensor = |tensor: gguf::Tensor| HeaderTensor {
            name: tensor.name,
            dtype: tensor.dtype,
            shape: tensor.shape,
        };
        Self {
            format: "GGUF",
            metadata: header.pairs,
            tensors: header.tensors.into_iter().map(tensor).collect(),
            tensor_count: header.tensor_count,
            parameters: header.parameters,
        }
    }
}

/// Parses away from the threads that answer requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn broken(file: &FileHandle, why: &dyn std::fmt::Display) -> Error {
    let message = format!("cannot read the header of `{}`: {why}", file.entry.path);
    Error::new(ErrorKind::Unprocessable, message)
}

fn too_long(file: &FileHandle) -> Error {
    broken(file, &format!("it is longer than {} MiB", MAX_SHOWN_HEADER_BYTES >> 20))
}
