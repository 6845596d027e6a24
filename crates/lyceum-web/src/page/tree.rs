//! `/{repo}/tree/{revision}[/{folder}]`: the files of a folder.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_hub::{Action, Entry, EntryKind, TreeOptions};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::form::Query;
use crate::format;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

/// A file or folder as a page lists it.
pub(crate) struct FileRow {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) folder: bool,
    pub(crate) large: bool,
    pub(crate) size: String,
}

/// A folder on the way from the root.
pub(crate) struct Crumb {
    pub(crate) path: String,
    pub(crate) name: String,
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "tree.html")]
struct Tree {
    layout: Layout,
    head: RepoHead,
    crumbs: Vec<Crumb>,
    files: Vec<FileRow>,
    next: Option<String>,
    commit: String,
    commit_path: String,
    archive: String,
}

impl FileRow {
    /// Returns the row of an entry.
    pub(crate) fn new(link: &RepoLink, revision: &str, entry: &Entry) -> Self {
        let folder = entry.kind == EntryKind::Folder;
        Self {
            path: if folder { link.tree(revision, &entry.path) } else { link.blob(revision, &entry.path) },
            name: entry.path.rsplit('/').next().unwrap_or_default().to_owned(),
            folder,
            large: entry.lfs.is_some(),
            size: if folder { String::new() } else { format::size(entry.size) },
        }
    }
}

/// Returns the way from the root to a path.
pub(crate) fn crumbs(link: &RepoLink, revision: &str, path: &str) -> Vec<Crumb> {
    let mut crumbs = vec![Crumb { path: link.tree(revision, ""), name: link.id.name().to_owned() }];
    let mut end = 0;
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        end += segment.len() + usize::from(end > 0);
        crumbs.push(Crumb { path: link.tree(revision, &path[..end]), name: segment.to_owned() });
    }
    crumbs
}

/// Answers a folder.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    let head = visit.head(&repo, "files");
    let folder = visit.address.path.as_ref();
    let options = TreeOptions { after: wanted.after, ..TreeOptions::default() };
    let listed = visit.web.hub.tree(&repo, &visit.address.revision(), folder, options).await?;
    let folder = folder.map_or("", |path| path.as_str());
    let files = listed.entries.iter().map(|entry| FileRow::new(&head.link, &head.revision, entry)).collect();
    let commit = listed.commit.to_string();
    let page = Tree {
        layout: Layout::new(format!("{} at {}", head.link.id, head.revision), &visit.session),
        crumbs: crumbs(&head.link, &head.revision, folder),
        files,
        next: listed.next.map(|after| {
            let after = utf8_percent_encode(&after, NON_ALPHANUMERIC);
            format!("{}?after={after}", head.link.tree(&head.revision, folder))
        }),
        commit_path: head.link.commit(&commit),
        archive: head.link.download(&head.revision, ""),
        commit: commit[..8].to_owned(),
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}
