//! `/{repo}/uploads`: large files in parts, as the script of the upload page sends them; it reads JSON and plain text.
//!
//! The session and the form's token are asked for each time. What is stored here is no file of the repo yet: the form
//! that is sent at last commits it.

use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, StatusCode};
use lyceum_core::limits::MAX_FILE_BYTES;
use lyceum_hub::{Action, ErrorKind, LfsObject};
use serde::Deserialize;
use serde_json::json;

use super::body;
use crate::error::PageError;
use crate::form::Form;
use crate::visit::{Detour, Visit};

/// Header with the token of the form.
const TOKEN: &str = "x-form-token";
/// Header with the grant of the upload.
const GRANT: &str = "x-upload-grant";
/// Largest part: those of the largest file.
const MAX_PART_BYTES: u64 = MAX_FILE_BYTES / 5_000;

/// What is to be uploaded.
#[derive(Deserialize)]
pub(super) struct Begin {
    token: String,
    sha256: String,
    size: u64,
}

/// What has been uploaded.
#[derive(Deserialize)]
pub(super) struct Finish {
    token: String,
    grant: String,
}

/// The part of the address that names a part.
#[derive(Deserialize)]
pub(super) struct Named {
    part: u32,
}

/// Begins an upload, or tells how far it got.
pub(super) async fn begin(visit: Visit, Form(sent): Form<Begin>) -> Response {
    let begun = async {
        let repo = visit.open_form(&sent.token, Action::Propose).await?;
        let sha256 = sent.sha256.parse();
        let sha256 =
            sha256.map_err(|_| PageError::new(ErrorKind::Invalid, "the digest of the file is malformed"))?;
        let object = LfsObject { sha256, size: sent.size };
        Ok(visit.web.hub.resume_upload(&visit.session.caller, &repo, object).await?)
    };
    let answer = begun.await.map(|upload| match upload {
        None => json!({ "stored": true }),
        Some(upload) => json!({
            "stored": false,
            "grant": upload.grant,
            "chunkBytes": upload.chunk_bytes,
            "parts": upload.parts,
            "have": upload.stored,
        }),
    });
    match answer {
        Ok(answer) => reply(StatusCode::OK, "application/json", answer.to_string()),
        Err(error) => refuse(error),
    }
}

/// Stores one part.
pub(super) async fn put(visit: Visit, Path(named): Path<Named>, headers: HeaderMap, body: Body) -> Response {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let stored = async {
        visit.open_form(header(TOKEN), Action::Propose).await?;
        let length = body::announced(&headers, MAX_PART_BYTES)?;
        visit.web.hub.lfs_put_part(header(GRANT), named.part, body::stream(body, length)).await?;
        Ok(())
    };
    stored.await.map_or_else(refuse, |()| reply(StatusCode::OK, "text/plain", String::new()))
}

/// Joins the parts.
pub(super) async fn finish(visit: Visit, Form(sent): Form<Finish>) -> Response {
    let finished = async {
        visit.open_form(&sent.token, Action::Propose).await?;
        visit.web.hub.finish_upload(&sent.grant).await?;
        Ok(())
    };
    finished.await.map_or_else(refuse, |()| reply(StatusCode::OK, "text/plain", String::new()))
}

fn refuse(error: Detour) -> Response {
    let Detour::Failed(error) = error else {
        return reply(StatusCode::CONFLICT, "text/plain", "The repository has another name now.".to_owned());
    };
    match error.problem() {
        Some((status, problem)) => reply(status, "text/plain; charset=utf-8", problem),
        None => {
            let status = error.into_response().status();
            let problem =
                "There is nothing at this address, or it is not visible to you. Sign in and try again.";
            reply(status, "text/plain", problem.to_owned())
        }
    }
}

fn reply(status: StatusCode, media_type: &'static str, text: String) -> Response {
    let headers =
        [(CONTENT_TYPE, media_type), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (status, headers, text).into_response()
}
