//! Listing files and folders.

use axum::extract::State;
use axum::response::IntoResponse as _;
use http::Uri;
use lyceum_core::limits::{MAX_BATCH_FILES, TREE_PAGE_ENTRIES};
use lyceum_hub::{ErrorKind, TreeOptions};

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, FolderPath, Form, Json, Query, RepoAddress, Rev};
use crate::link;
use crate::wire::tree::EntryWire;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Repo, "/tree/{revision}", list);
    routes.get(Scope::Repo, "/tree/{revision}/", list);
    routes.get(Scope::Repo, "/tree/{revision}/{*path}", list);
    routes.post(Scope::Repo, "/paths-info/{revision}", paths_info);
}

#[expect(clippy::too_many_arguments, reason = "each is an extractor")]
async fn list(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    address: RepoAddress,
    Rev(revision): Rev,
    FolderPath(folder): FolderPath,
    Query(query): Query,
) -> ApiResult {
    let options = TreeOptions {
        recursive: query.flag("recursive")?,
        expand: query.flag("expand")?,
        after: query.filled("cursor").map(str::to_owned),
        limit: query.number("limit", TREE_PAGE_ENTRIES)?.map(|limit| limit.max(1)),
    };
    let repo = address.open_listing(&api.hub, &caller).await?;
    let page = api.hub.tree(&repo, &revision, folder.as_ref(), options).await?;
    let entries: Vec<EntryWire> = page.entries.into_iter().map(EntryWire::from).collect();
    Ok(match page.next {
        Some(next) => (link::next_page(&base, &uri, &query, "cursor", &next), Json(entries)).into_response(),
        None => Json(entries).into_response(),
    })
}

async fn paths_info(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Rev(revision): Rev,
    Form(form): Form,
) -> ApiResult<Json<Vec<EntryWire>>> {
    let repo = address.open_listing(&api.hub, &caller).await?;
    let paths: Vec<String> = form.all("paths").map(str::to_owned).collect();
    if paths.len() > MAX_BATCH_FILES {
        let message = format!("{} paths are more than the {MAX_BATCH_FILES} of one call", paths.len());
        return Err(ApiError::new(ErrorKind::TooLarge, message));
    }
    let page = api.hub.paths_info(&repo, &revision, &paths, form.flag("expand")?).await?;
    Ok(Json(page.entries.into_iter().map(EntryWire::from).collect()))
}
