//! `/buckets/{bucket}[/tree/{folder}]`: what a bucket holds, a folder at a time, and its files for a signed-in browser.

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use lyceum_core::ByteRange;
use lyceum_hub::{Action, BucketEntry, Visibility};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::error::PageError;
use crate::form::Query;
use crate::format;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::page::download::saved;
use crate::page::tree::{Crumb, FileRow};
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, Visit};

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "bucket.html")]
struct BucketPage {
    layout: Layout,
    link: RepoLink,
    private: bool,
    count: String,
    size: String,
    changed: String,
    crumbs: Vec<Crumb>,
    files: Vec<FileRow>,
    next: Option<String>,
}

/// Answers a folder of a bucket.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
    let bucket = visit.open(Action::Read).await?;
    let link = RepoLink { kind: bucket.kind(), id: bucket.id().clone() };
    let info = visit.web.hub.bucket_info(&bucket).await?;
    let folder = visit.address.path.as_ref();
    let listed = visit.web.hub.bucket_tree(&bucket, folder, false, wanted.after.as_deref(), None).await?;
    if folder.is_some() && listed.entries.is_empty() {
        return Err(PageError::not_found().into());
    }
    let folder = folder.map_or("", |folder| folder.as_str());
    let page = BucketPage {
        layout: Layout::new(link.id.to_string(), &visit.session),
        private: info.visibility == Visibility::Private,
        count: format::count(info.files),
        size: format::size(info.bytes),
        changed: format::time(info.updated_at),
        crumbs: crumbs(&link, folder),
        files: listed.entries.into_iter().map(|entry| row(&visit, &link, entry)).collect(),
        next: listed.next.map(|after| {
            let after = utf8_percent_encode(&after, NON_ALPHANUMERIC);
            format!("{}?after={after}", link.in_bucket("tree", folder))
        }),
        link,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

/// Streams a file.
pub(crate) async fn send(visit: Visit) -> Result<Response, Detour> {
    let Some(path) = &visit.address.path else {
        return Err(PageError::not_found().into());
    };
    let bucket = visit.open(Action::Read).await?;
    let file = visit.web.hub.bucket_file(&bucket, path).await?;
    let bytes = visit.web.hub.read_bucket_file(&file, ByteRange::new(0, file.size)).await?;
    Ok(saved(path, file.size, Body::from_stream(bytes))?)
}

fn row(visit: &Visit, link: &RepoLink, entry: BucketEntry) -> FileRow {
    let (page, path, size) = match entry {
        BucketEntry::Folder { path, .. } => ("tree", path, None),
        BucketEntry::File(file) if visit.session.anonymous() => ("resolve", file.path, Some(file.size)),
        BucketEntry::File(file) => ("download", file.path, Some(file.size)),
    };
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let suffix = if page == "resolve" { "?download=true" } else { "" };
    FileRow {
        path: format!("{}{suffix}", link.in_bucket(page, &path)),
        name,
        folder: size.is_none(),
        large: false,
        size: size.map(format::size).unwrap_or_default(),
    }
}

/// Returns the way from the root to a folder.
fn crumbs(link: &RepoLink, folder: &str) -> Vec<Crumb> {
    let mut crumbs = vec![Crumb { path: link.path(), name: link.id.name().to_owned() }];
    let mut end = 0;
    for segment in folder.split('/').filter(|segment| !segment.is_empty()) {
        end += segment.len() + usize::from(end > 0);
        crumbs.push(Crumb { path: link.in_bucket("tree", &folder[..end]), name: segment.to_owned() });
    }
    crumbs
}
