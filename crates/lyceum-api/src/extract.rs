//! Extractors: what a request carries, as checked values, with failures in the shape that Hub clients parse.
//!
//! Handlers use these instead of axum's own, whose rejections are plain text without `X-Error-Code`.

mod address;
mod auth;
mod base_url;
mod body;
mod params;
mod path;

pub(crate) use address::{RepoAddress, kind_of};
pub(crate) use auth::{Auth, Counted, Viewer};
pub(crate) use base_url::BaseUrl;
pub(crate) use body::{Form, Json, OptionalJson};
pub(crate) use params::{Params, Query};
pub(crate) use path::{FilePath, FolderPath, PathParams, Rev, parse_revision};
