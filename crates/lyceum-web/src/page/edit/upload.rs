//! `/{repo}/upload/{revision}[/{folder}]`: whole files, streamed from a form into the store.

use askama::Template;
use axum::body::Body;
use axum::response::{IntoResponse as _, Redirect, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use lyceum_core::RepoPath;
use lyceum_hub::{CommitBuilder, Error, ErrorKind, Operation};

use super::multipart::Multipart;
use super::{Message, body, branch, of_pull_request, open, open_to_show, seen_at, start};
use crate::error::PageError;
use crate::layout::Layout;
use crate::page::tree::{Crumb, crumbs};
use crate::response::{CachePolicy, render_with_script};
use crate::visit::{Detour, RepoHead, Visit};
use crate::{asset, format};

/// Most bytes of one form with all its files; larger files are sent in parts, by the script or the command line.
const MAX_FORM_BYTES: u64 = 32 << 30;
/// Longest value of a field that is no file.
const MAX_FIELD_BYTES: u64 = 64 * 1024;
/// Most files of one form.
const MAX_FILES: usize = 1000;

#[derive(Template)]
#[template(path = "edit/upload.html")]
struct UploadPage {
    layout: Layout,
    head: RepoHead,
    crumbs: Vec<Crumb>,
    branch: String,
    of_pull_request: bool,
    action: String,
    back: String,
    folder: String,
    most: String,
    message: Message,
    usual: &'static str,
    /// Where the script sends large files.
    parts: String,
    script: String,
    problem: Option<String>,
}

/// What the form holds before its files.
#[derive(Default)]
struct Sent {
    token: String,
    folder: String,
    message: Message,
}

/// Shows the form.
pub(super) async fn show(visit: Visit) -> Result<Response, Detour> {
    let folder = visit.address.path.as_ref().map_or_else(String::new, ToString::to_string);
    form(&visit, StatusCode::OK, folder, Message::default(), None).await
}

/// Stores the files and commits them.
pub(super) async fn submit(visit: Visit, headers: HeaderMap, body: Body) -> Result<Response, Detour> {
    let mut sent = Sent::default();
    match commit(&visit, &headers, body, &mut sent).await {
        Ok(location) => Ok(Redirect::to(&location).into_response()),
        Err(error) => {
            let (status, problem) = visit.mend(error, &sent.message.description)?;
            form(&visit, status, sent.folder, sent.message, Some(problem)).await
        }
    }
}

async fn commit(visit: &Visit, headers: &HeaderMap, body: Body, sent: &mut Sent) -> Result<String, Detour> {
    let length = body::announced(headers, MAX_FORM_BYTES)?;
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut form = Multipart::new(kind, body::stream(body, length))?;
    let (mut commit, mut files) = (None::<CommitBuilder>, 0);
    while let Some(part) = form.next_part().await? {
        if part.name == "large" {
            let operation = large(&sent.folder, &text(&mut form).await?)?;
            files = count(files)?;
            let mut started = match commit.take() {
                Some(commit) => commit,
                None => begin(visit, sent).await?,
            };
            started.push(operation).await?;
            commit = Some(started);
            continue;
        }
        if part.name != "file" {
            let value = text(&mut form).await?;
            match part.name.as_str() {
                "token" => sent.token = value,
                "folder" => sent.folder = value,
                "summary" => sent.message.summary = value,
                "description" => sent.message.description = value,
                "where" => sent.message.place = value,
                _ => {}
            }
            continue;
        }
        // A browser sends an empty one if no file was chosen.
        let file_name = part.file_name.unwrap_or_default();
        if file_name.is_empty() {
            continue;
        }
        files = count(files)?;
        let path = path_of(&sent.folder, &file_name)?;
        let mut started = match commit.take() {
            Some(commit) => commit,
            None => begin(visit, sent).await?,
        };
        started.push_stream(path, content(&mut form), length).await?;
        commit = Some(started);
    }
    let Some(commit) = commit else {
        visit.session.check_form(&sent.token)?;
        return Err(PageError::new(ErrorKind::Invalid, "no file was chosen").into());
    };
    let committed = commit.finish().await?;
    let head = visit.head(&visit.open(lyceum_hub::Action::Read).await?, "files");
    let shown = head.link.tree(&head.revision, sent.folder.trim());
    Ok(seen_at(&head, &committed, shown))
}

/// Counts one file more.
fn count(files: usize) -> Result<usize, PageError> {
    if files < MAX_FILES {
        return Ok(files + 1);
    }
    let message = format!("more than {MAX_FILES} files were chosen; send them in several portions");
    Err(PageError::new(ErrorKind::TooLarge, message))
}

/// Starts the commit, once all is known but its files.
async fn begin(visit: &Visit, sent: &Sent) -> Result<CommitBuilder, Detour> {
    visit.session.check_form(&sent.token)?;
    let repo = open(visit, sent.message.proposed()).await?;
    Ok(start(visit, &repo, &sent.message, "Upload files", None).await?)
}

/// Reads a field that is no file.
async fn text<S>(form: &mut Multipart<S>) -> Result<String, Detour>
where
    S: Stream<Item = Result<Bytes, Error>> + Unpin,
{
    let mut value = Vec::new();
    while let Some(data) = form.chunk().await? {
        if value.len() as u64 + data.len() as u64 > MAX_FIELD_BYTES {
            let message = format!("a field of the form is over {MAX_FIELD_BYTES} bytes");
            return Err(PageError::new(ErrorKind::TooLarge, message).into());
        }
        value.extend_from_slice(&data);
    }
    let value = String::from_utf8(value);
    Ok(value.map_err(|_| PageError::new(ErrorKind::Invalid, "a field of the form is not text"))?)
}

/// Streams the current part.
fn content<S>(form: &mut Multipart<S>) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin
where
    S: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
{
    let frames = stream::unfold(Some(form), |form| async move {
        let form = form?;
        match form.chunk().await {
            Ok(Some(data)) => Some((Ok(data), Some(form))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    frames.boxed()
}

/// Reads what the script says of a file that it sent in parts: digest, size and name.
fn large(folder: &str, value: &str) -> Result<Operation, PageError> {
    let malformed =
        || PageError::new(ErrorKind::Invalid, "a file that was sent in parts is not named properly");
    let mut words = value.splitn(3, ' ');
    let mut next = || words.next().ok_or_else(malformed);
    let (sha256, size, name) = (next()?, next()?, next()?);
    Ok(Operation::LfsFile {
        path: path_of(folder, name)?,
        sha256: sha256.parse().map_err(|_| malformed())?,
        size: Some(size.parse().map_err(|_| malformed())?),
    })
}

/// Returns where a file goes; browsers name it without its folders.
fn path_of(folder: &str, name: &str) -> Result<RepoPath, PageError> {
    let (folder, name) = (folder.trim().trim_matches('/'), name.trim_start_matches('/'));
    let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    RepoPath::parse(&path).map_err(|error| PageError::new(ErrorKind::Invalid, error.to_string()))
}

async fn form(
    visit: &Visit,
    status: StatusCode,
    folder: String,
    message: Message,
    problem: Option<String>,
) -> Result<Response, Detour> {
    let repo = open_to_show(visit).await?;
    let head = visit.head(&repo, "files");
    let path = visit.address.path.as_ref().map_or("", |path| path.as_str());
    let page = UploadPage {
        layout: Layout::new(format!("Upload to {}", head.link.id), &visit.session),
        crumbs: crumbs(&head.link, &head.revision, path),
        branch: branch(visit),
        of_pull_request: of_pull_request(visit),
        action: head.link.below("upload", &head.revision, path),
        back: head.link.tree(&head.revision, path),
        folder,
        most: format::size(MAX_FORM_BYTES),
        message,
        usual: "Upload files",
        parts: format!("{}/uploads", head.link.path()),
        script: asset::upload_path(),
        problem,
        head,
    };
    Ok(render_with_script(status, CachePolicy::Revalidate, &page))
}
