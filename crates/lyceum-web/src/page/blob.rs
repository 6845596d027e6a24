//! `/{repo}/blob/{revision}/{path}`: one file, shown as what it is.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use lyceum_core::RepoPath;
use lyceum_hub::{Action, Error, ErrorKind, FileHandle, FileHeader, HeaderTensor};
use lyceum_markup::code;
use serde::Deserialize;

use crate::error::{PageError, sentence};
use crate::form::Query;
use crate::format;
use crate::layout::Layout;
use crate::page::download::{Media, media};
use crate::page::picker::{Picker, commit_id};
use crate::page::repo::body;
use crate::page::tree::{Crumb, crumbs};
use crate::prose::Prose;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

/// Texts up to this length are marked in place.
const INLINE_BYTES: usize = 32 * 1024;

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    /// Shows what is written rather than what it means.
    plain: Option<String>,
}

/// How a file is shown.
enum View {
    Code(Vec<String>),
    Prose(Prose),
    Picture,
    Sound,
    Film,
    Header(HeaderView),
    /// Not at all, for a reason.
    Nothing(String),
}

/// The header of a file with weights, as the page shows it.
struct HeaderView {
    format: &'static str,
    parameters: Option<String>,
    tensor_count: String,
    metadata: Vec<(String, String)>,
    tensors: Vec<TensorRow>,
    /// Not all tensors are shown.
    partly: bool,
}

struct TensorRow {
    name: String,
    dtype: String,
    shape: String,
}

#[derive(Template)]
#[template(path = "blob.html")]
struct Blob {
    layout: Layout,
    head: RepoHead,
    picker: Picker,
    crumbs: Vec<Crumb>,
    name: String,
    size: String,
    sha256: Option<String>,
    xet: Option<String>,
    view: View,
    /// Where the same file is shown the other way, and what that is called.
    other: Option<(String, &'static str)>,
    /// Where it is edited and deleted, for who may propose that.
    change: Option<(String, String)>,
    source: String,
    download: String,
}

/// Answers a file.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
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
    let plain = wanted.plain.is_some();
    let here = head.link.blob(&head.revision, path.as_str());
    let page = Blob {
        layout: Layout::new(format!("{path} in {}", head.link.id), &visit.session),
        picker: Picker::new(&visit, &repo, &head, |revision| head.link.blob(revision, path.as_str())).await?,
        crumbs,
        name: path.file_name().to_owned(),
        size: format::size(file.entry.size),
        sha256: file.entry.lfs.map(|lfs| lfs.sha256.to_string()),
        xet: file.entry.xet_hash.map(|hash| hash.to_string()),
        view: view(&visit, &head, &file, path, plain).await?,
        other: markdown(path)
            .then(|| if plain { (here, "Rendered") } else { (format!("{here}?plain"), "Source") }),
        change: (head.permitted.propose && !commit_id(&head.revision)).then(|| {
            let link = |page| head.link.below(page, &head.revision, path.as_str());
            (link("edit"), link("delete"))
        }),
        source: visit.source(&head.link, &head.revision, path.as_str()),
        download: visit.download(&head.link, &head.revision, path.as_str()),
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

async fn view(
    visit: &Visit,
    head: &RepoHead,
    file: &FileHandle,
    path: &RepoPath,
    plain: bool,
) -> Result<View, PageError> {
    match media(path.file_name()) {
        Some((Media::Picture, _)) => return Ok(View::Picture),
        Some((Media::Sound, _)) => return Ok(View::Sound),
        Some((Media::Film, _)) => return Ok(View::Film),
        None => {}
    }
    match visit.web.hub.file_header(file).await {
        Ok(Some(header)) => return Ok(View::Header(header.into())),
        Ok(None) => {}
        Err(error) if matches!(error.kind(), ErrorKind::Unprocessable | ErrorKind::EntryNotFound) => {
            return Ok(View::Nothing(sentence(error.message())));
        }
        Err(error) => return Err(error.into()),
    }
    let Some(text) = visit.text_of(file).await? else {
        return Ok(View::Nothing("This file is not shown here: it is large or not text.".to_owned()));
    };
    if markdown(path) && !plain {
        let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
        let place = visit.place(&head.link, &head.revision, folder);
        return Ok(View::Prose(Prose::render(body(&text).to_owned(), &place).await?));
    }
    let (short, language) = (text.len() <= INLINE_BYTES, code::Language::of_file(path.file_name()));
    let work = move || code::lines(&text, language);
    let lines =
        if short { work() } else { tokio::task::spawn_blocking(work).await.map_err(Error::internal)? };
    Ok(View::Code(lines))
}

fn markdown(path: &RepoPath) -> bool {
    let name = path.file_name().to_ascii_lowercase();
    [".md", ".markdown"].iter().any(|ending| name.ends_with(ending))
}

impl From<FileHeader> for HeaderView {
    fn from(header: FileHeader) -> Self {
        let tensor = |tensor: HeaderTensor| {
            let dimensions: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
            TensorRow {
                name: tensor.name,
                dtype: tensor.dtype,
                shape: format!("[{}]", dimensions.join(", ")),
            }
        };
        Self {
            format: header.format,
            parameters: header.parameters.map(format::count),
            partly: (header.tensors.len() as u64) < header.tensor_count,
            tensor_count: format::count(header.tensor_count),
            metadata: header.metadata,
            tensors: header.tensors.into_iter().map(tensor).collect(),
        }
    }
}
