//! The large files that a repo stores: listing, deleting, copying to another repo.

use axum::extract::State;
use axum::response::IntoResponse as _;
use http::Uri;
use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_hub::Action;

use super::{Routes, Scope};
use crate::Api;
use crate::error::ApiResult;
use crate::extract::{Auth, BaseUrl, Json, Query, RepoAddress};
use crate::link;
use crate::wire::lfs_files::{CopiedWire, CopyFilesWire, DeleteFilesWire, LfsFileWire};

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Repo, "/lfs-files", list);
    routes.post(Scope::Repo, "/lfs-files/batch", delete);
    routes.post(Scope::Repo, "/lfs-files/duplicate", copy);
}

async fn list(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    address: RepoAddress,
    Query(query): Query,
) -> ApiResult {
    let limit = query.number("limit", MAX_PAGE_ENTRIES)?.unwrap_or(MAX_PAGE_ENTRIES).max(1);
    let repo = address.open(&api.hub, &caller, Action::Write).await?;
    let page = api.hub.lfs_files(&repo, query.filled("cursor"), limit).await?;
    let files: Vec<LfsFileWire> = page.files.into_iter().map(LfsFileWire::from).collect();
    Ok(match page.next {
        Some(next) => (link::next_page(&base, &uri, &query, "cursor", &next), Json(files)).into_response(),
        None => Json(files).into_response(),
    })
}

async fn delete(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Json(wire): Json<DeleteFilesWire>,
) -> ApiResult<&'static str> {
    let (files, rewrite_history) = wire.parse()?;
    let repo = address.open(&api.hub, &caller, Action::Administer).await?;
    api.hub.delete_lfs_files(&caller, &repo, &files, rewrite_history).await?;
    Ok("OK")
}

/// Posted to the source; the target must be writable.
async fn copy(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Json(wire): Json<CopyFilesWire>,
) -> ApiResult<Json<CopiedWire>> {
    let copy = wire.parse()?;
    let source = address.open(&api.hub, &caller, Action::Read).await?;
    let target = api.hub.open(&caller, copy.kind, &copy.target, Action::Write).await?;
    let failed = api.hub.copy_lfs_files(&caller, &source, &target, &copy.files).await?;
    Ok(Json(failed.into()))
}
