//! Files that are part of the program, addressed by their content so that browsers keep them for ever.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use sha2::{Digest as _, Sha256};

use crate::error::not_found;

/// A file, and the address that changes with its content.
struct Asset {
    name: String,
    media_type: &'static str,
    content: &'static str,
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", include_str!("../assets/lyceum.css")));
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("svg", "image/svg+xml", include_str!("../assets/mark.svg")));
static UPLOAD: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_str!("../assets/upload.js")));

impl Asset {
    fn new(extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let mut name = "lyceum-".to_owned();
        for byte in &Sha256::digest(content)[..6] {
            write!(name, "{byte:02x}").expect("writing to a string does not fail");
        }
        name.push('.');
        name.push_str(extension);
        Self { name, media_type, content }
    }

    fn path(&self) -> String {
        format!("/static/{}", self.name)
    }
}

/// Returns the path of the style sheet.
pub(crate) fn style_path() -> String {
    STYLE.path()
}

/// Returns the path of the mark.
pub(crate) fn icon_path() -> String {
    ICON.path()
}

/// Returns the path of the script that sends large files in parts.
pub(crate) fn upload_path() -> String {
    UPLOAD.path()
}

/// Answers `/static/{file}`.
pub(crate) async fn serve(Path(file): Path<String>) -> Response {
    let Some(asset) = [&*STYLE, &*ICON, &*UPLOAD].into_iter().find(|asset| asset.name == file) else {
        return not_found();
    };
    let headers = [
        (CONTENT_TYPE, asset.media_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.content).into_response()
}
