//! Files that are part of the program, addressed by their content so that browsers keep them for ever.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use sha2::{Digest as _, Sha256};

use crate::error::not_found;

const STYLE: &str = include_str!("../assets/lyceum.css");

/// Address of the style sheet; it changes with its content.
static STYLE_NAME: LazyLock<String> = LazyLock::new(|| {
    let mut name = "lyceum-".to_owned();
    for byte in &Sha256::digest(STYLE)[..6] {
        write!(name, "{byte:02x}").expect("writing to a string does not fail");
    }
    name + ".css"
});

/// Returns the path of the style sheet.
pub(crate) fn style_path() -> String {
    format!("/static/{}", *STYLE_NAME)
}

/// Answers `/static/{file}`.
pub(crate) async fn serve(Path(file): Path<String>) -> Response {
    if file != *STYLE_NAME {
        return not_found();
    }
    let headers =
        [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, STYLE).into_response()
}
