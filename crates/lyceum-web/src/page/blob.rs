//! `/{repo}/blob/{revision}/{path}`: one file, shown if it is a small text.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use lyceum_hub::{Action, ErrorKind};

use crate::error::PageError;
use crate::format;
use crate::layout::Layout;
use crate::page::tree::{Crumb, crumbs};
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

#[derive(Template)]
#[template(path = "blob.html")]
struct Blob {
    layout: Layout,
    head: RepoHead,
    crumbs: Vec<Crumb>,
    name: String,
    size: String,
    sha256: Option<String>,
    xet: Option<String>,
    text: Option<String>,
    download: String,
}

/// Answers a file.
pub(crate) async fn show(visit: Visit) -> Result<Response, Detour> {
    let Some(path) = &visit.address.path else {
        return Err(PageError::not_found().into());
    };
    let repo = visit.open(Action::Read).await?;
    let head = visit.head(&repo, "files");
    let file = match visit.web.hub.file(&repo, &visit.address.revision(), path).await {
        Ok(file) => file,
        // A folder's address with `blob` in it is a common slip.
        Err(error) if error.kind() == ErrorKind::EntryNotFound => {
            let folder = visit
                .web
                .hub
                .paths_info(&repo, &visit.address.revision(), &[path.to_string()], false)
                .await?;
            if folder.entries.is_empty() {
                return Err(error.into());
            }
            return Ok(Redirect::temporary(&head.link.tree(&head.revision, path.as_str())).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let mut crumbs = crumbs(&head.link, &head.revision, path.as_str());
    crumbs.pop();
    let page = Blob {
        layout: Layout::new(format!("{path} in {}", head.link.id), &visit.session),
        crumbs,
        name: path.file_name().to_owned(),
        size: format::size(file.entry.size),
        sha256: file.entry.lfs.map(|lfs| lfs.sha256.to_string()),
        xet: file.entry.xet_hash.map(|hash| hash.to_string()),
        text: visit.text_of(&file).await?,
        download: visit.download(&head.link, &head.revision, path.as_str()),
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}
