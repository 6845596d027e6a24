//! `/{repo}/tree/{revision}[/{folder}]`: the files of a folder, each with the commit that last changed it.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_hub::{Action, Entry, EntryKind, ErrorKind, TreeOptions};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::form::Query;
use crate::format;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::page::commits::CommitRow;
use crate::page::picker::{Picker, commit_id};
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

/// Entries on a page: looking for the last commit of each takes time.
const PAGE: usize = 200;

/// A file or folder as a page lists it.
pub(crate) struct FileRow {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) folder: bool,
    pub(crate) large: bool,
    pub(crate) size: String,
}

/// An entry with the commit that last changed it.
struct TreeRow {
    file: FileRow,
    last: Option<CommitRow>,
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
    picker: Picker,
    crumbs: Vec<Crumb>,
    last: Option<CommitRow>,
    rows: Vec<TreeRow>,
    next: Option<String>,
    archive: String,
    /// Where files are uploaded and made, for who may propose that.
    change: Option<(String, String)>,
}

impl FileRow {
    fn new(link: &RepoLink, revision: &str, entry: &Entry) -> Self {
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
    let (hub, revision) = (&visit.web.hub, visit.address.revision());
    let head = visit.head(&repo, "files");
    let folder = visit.address.path.as_ref();
    let options =
        TreeOptions { after: wanted.after, expand: true, limit: Some(PAGE), ..TreeOptions::default() };
    let listed = match hub.tree(&repo, &revision, folder, options).await {
        Ok(listed) => Some(listed),
        // A repo to which nobody has committed yet has no branch to show, and is no mistake of the reader's.
        Err(error)
            if error.kind() == ErrorKind::RevisionNotFound
                && folder.is_none()
                && hub.head(&repo).await?.is_none() =>
        {
            None
        }
        Err(error) => return Err(error.into()),
    };
    let last = match listed {
        Some(_) => hub.commits(&repo, &revision, 0, 1).await?.commits,
        None => Vec::new(),
    };
    let folder = folder.map_or("", |path| path.as_str());
    let (entries, next) = listed.map_or((Vec::new(), None), |listed| (listed.entries, listed.next));
    let row = |entry: &Entry| TreeRow {
        file: FileRow::new(&head.link, &head.revision, entry),
        last: entry.last_commit.as_ref().map(|commit| CommitRow::new(&head.link, commit)),
    };
    let page = Tree {
        layout: Layout::new(format!("{} at {}", head.link.id, head.revision), &visit.session),
        picker: Picker::new(&visit, &repo, &head, |revision| head.link.tree(revision, folder)).await?,
        crumbs: crumbs(&head.link, &head.revision, folder),
        last: last.first().map(|commit| CommitRow::new(&head.link, commit)),
        rows: entries.iter().map(row).collect(),
        next: next.map(|after| {
            let after = utf8_percent_encode(&after, NON_ALPHANUMERIC);
            format!("{}?after={after}", head.link.tree(&head.revision, folder))
        }),
        change: (head.permitted.propose && !commit_id(&head.revision)).then(|| {
            let link = |page| head.link.below(page, &head.revision, folder);
            (link("upload"), link("new"))
        }),
        archive: head.link.download(&head.revision, ""),
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}
