//! Files of a commit whose content arrives as a stream, as browsers send it: nobody has said yet how large it is.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use lyceum_core::limits::{MAX_FILE_BYTES, MAX_REGULAR_FILE_BYTES};
use lyceum_core::{RepoPath, Revision};

use super::{CommitBuilder, Operation};
use crate::{Error, ErrorKind, PreuploadFile, Result, UploadMode};

/// As much of a file decides whether it is text.
const SAMPLE_BYTES: usize = 512;

impl CommitBuilder {
    /// Takes a file of at most `most` bytes as it comes, by the rules of [`Hub::preupload`](crate::Hub::preupload): a
    /// regular file is held until it has ended, anything else is cut up and stored as it arrives.
    pub async fn push_stream<S, E>(&mut self, path: RepoPath, body: S, most: u64) -> Result<()>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        // A file that is not regular may have ended already when the rest of it is asked for.
        let mut body = body.fuse();
        let mut start = BytesMut::new();
        let (mut ended, mut regular) = (false, None);
        while !ended && regular != Some(false) && start.len() as u64 <= MAX_REGULAR_FILE_BYTES {
            match body.next().await {
                Some(frame) => start.extend_from_slice(&frame.map_err(broken_off)?),
                None => ended = true,
            }
            if regular.is_none() && (ended || start.len() >= SAMPLE_BYTES) {
                regular = Some(self.regular(&path, &start).await?);
            }
        }
        let start = start.freeze();
        if ended && regular == Some(true) {
            return self.push(Operation::File { path, content: start }).await;
        }
        let most = most.min(MAX_FILE_BYTES);
        let body = stream::iter([Ok(start)]).chain(body);
        let (sha256, size) =
            self.hub.keep_large(self.repo.record.id, self.author.user_id, None, most, body).await?;
        self.push(Operation::LfsFile { path, sha256, size: Some(size) }).await
    }

    /// Decides by the first bytes and the rules of the repo whether a file stays inside of the commit.
    async fn regular(&self, path: &RepoPath, start: &[u8]) -> Result<bool> {
        let file = PreuploadFile {
            path: path.clone(),
            size: start.len() as u64,
            sample: start[..start.len().min(SAMPLE_BYTES)].to_vec(),
        };
        let revision = Revision::parse(self.target.as_str())?;
        let answers = self.hub.preupload(&self.repo, &revision, vec![file], None).await?;
        Ok(answers.first().is_some_and(|answer| answer.mode == UploadMode::Regular))
    }
}

fn broken_off(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let error = error.into();
    Error::new(ErrorKind::Invalid, format!("the upload ended early: {error}")).caused_by(error)
}
