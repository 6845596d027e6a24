//! Commits and what comes before them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lyceum_core::limits::MAX_BATCH_FILES;
use lyceum_core::{Invalid, RepoPath, Sha256};
use lyceum_hub::{ErrorKind, Operation, PreuploadAnswer, PreuploadFile, UploadMode};
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ApiResult};

/// Most bytes of a file's beginning that preupload looks at.
const MAX_SAMPLE_BYTES: usize = 512;

/// One line of a commit.
#[derive(Debug, Deserialize)]
#[serde(tag = "key", content = "value", rename_all = "camelCase")]
enum LineWire<'a> {
    Header(HeaderWire),
    #[serde(borrow)]
    File(FileWire<'a>),
    LfsFile(LfsFileWire),
    DeletedFile(PathWire),
    DeletedFolder(PathWire),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeaderWire {
    summary: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parent_commit: Option<String>,
}

#[derive(Debug, Deserialize)]
struct FileWire<'a> {
    path: String,
    /// Borrowed, because it is most of a line of many megabytes.
    #[serde(borrow)]
    content: Cow<'a, str>,
    #[serde(default)]
    encoding: Option<String>,
}

#[derive(Debug, Deserialize)]
struct LfsFileWire {
    path: String,
    #[serde(default)]
    algo: Option<String>,
    oid: String,
    #[serde(default)]
    size: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct PathWire {
    path: String,
}

/// Parses one line; errors name its number.
pub(crate) fn parse_line(number: usize, line: &[u8]) -> ApiResult<Operation> {
    let fail = |message: String| ApiError::invalid(format!("line {number}: {message}"));
    let path = |path: &str| {
        RepoPath::parse(path).map_err(|Invalid(message)| {
            ApiError::new(ErrorKind::Unprocessable, format!("line {number}: {message}"))
        })
    };
    let line: LineWire<'_> = serde_json::from_slice(line).map_err(|error| fail(error.to_string()))?;
    Ok(match line {
        LineWire::Header(header) => Operation::Header {
            summary: header.summary,
            description: header.description.unwrap_or_default(),
            parent: header.parent_commit.filter(|parent| !parent.is_empty()),
        },
        LineWire::File(file) => {
            let content = decode(&file.path, &file.content, file.encoding.as_deref()).map_err(fail)?;
            Operation::File { content, path: path(&file.path)? }
        }
        LineWire::LfsFile(file) => {
            if file.algo.as_deref().is_some_and(|algo| algo != "sha256") {
                return Err(fail(format!("`{}` must name its content by sha256", file.path)));
            }
            let sha256: Sha256 =
                file.oid.parse().map_err(|error| fail(format!("`oid` of `{}`: {error}", file.path)))?;
            Operation::LfsFile { path: path(&file.path)?, sha256, size: file.size }
        }
        LineWire::DeletedFile(file) => Operation::DeletedFile(path(&file.path)?),
        LineWire::DeletedFolder(folder) => Operation::DeletedFolder(path(&folder.path)?),
    })
}

/// Decodes the content of a regular file.
pub(super) fn decode(path: &str, content: &str, encoding: Option<&str>) -> Result<Bytes, String> {
    match encoding {
        Some("base64") => match STANDARD.decode(content.as_bytes()) {
            Ok(bytes) => Ok(bytes.into()),
            Err(_) => Err(format!("content of `{path}` is not base64")),
        },
        None | Some("utf-8") => Ok(Bytes::copy_from_slice(content.as_bytes())),
        Some(_) => Err(format!("content of `{path}` must have the encoding `base64` or `utf-8`")),
    }
}

/// Answer to a commit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommittedWire {
    pub(crate) success: bool,
    pub(crate) commit_oid: String,
    pub(crate) commit_url: String,
    pub(crate) hook_output: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pull_request_url: Option<String>,
}

/// Body of `…/preupload/{rev}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PreuploadWire {
    files: Vec<PreuploadFileWire>,
    #[serde(default)]
    git_ignore: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PreuploadFileWire {
    path: String,
    size: u64,
    #[serde(default)]
    sample: Option<String>,
}

impl PreuploadWire {
    /// Returns the files and the ignore rules that came with them.
    pub(crate) fn parse(self) -> ApiResult<(Vec<PreuploadFile>, Option<String>)> {
        if self.files.len() > MAX_BATCH_FILES {
            let message =
                format!("{} files are more than the {MAX_BATCH_FILES} of one call", self.files.len());
            return Err(ApiError::new(ErrorKind::TooLarge, message));
        }
        let files = self.files.into_iter().map(PreuploadFileWire::parse).collect::<ApiResult<_>>()?;
        Ok((files, self.git_ignore))
    }
}

impl PreuploadFileWire {
    fn parse(self) -> ApiResult<PreuploadFile> {
        let path = RepoPath::parse(&self.path)
            .map_err(|Invalid(message)| ApiError::new(ErrorKind::Unprocessable, message))?;
        let sample = self.sample.unwrap_or_default();
        let mut sample = STANDARD
            .decode(sample.as_bytes())
            .map_err(|_| ApiError::invalid(format!("`sample` of `{path}` is not base64")))?;
        sample.truncate(MAX_SAMPLE_BYTES);
        Ok(PreuploadFile { path, size: self.size, sample })
    }
}

/// Answer of `…/preupload/{rev}`.
#[derive(Debug, Serialize)]
pub(crate) struct PreuploadAnswersWire {
    pub(crate) files: Vec<PreuploadAnswerWire>,
}

/// How one file is to be uploaded.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PreuploadAnswerWire {
    path: String,
    upload_mode: &'static str,
    should_ignore: bool,
    oid: Option<String>,
}

impl From<PreuploadAnswer> for PreuploadAnswerWire {
    fn from(answer: PreuploadAnswer) -> Self {
        Self {
            path: answer.path.to_string(),
            upload_mode: match answer.mode {
                UploadMode::Lfs => "lfs",
                UploadMode::Regular => "regular",
            },
            should_ignore: answer.ignored,
            oid: answer.oid,
        }
    }
}

#[cfg(test)]
mod tests;
