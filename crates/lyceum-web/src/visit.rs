//! A visit to a page of a repo: who, and where to.

use std::sync::OnceLock;

use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use lyceum_core::{ByteRange, RepoPath, Revision};
use lyceum_hub::{Action, ErrorKind, FileHandle, Permitted, Repo};
use lyceum_markup::Place;

use crate::Web;
use crate::error::PageError;
use crate::link::{Address, RepoLink};
use crate::session::Session;

/// Largest text that a page shows; larger files are only downloaded.
pub(crate) const MAX_TEXT_BYTES: u64 = 512 * 1024;

/// A request for a page of a repo.
pub(crate) struct Visit {
    pub(crate) web: Web,
    pub(crate) session: Session,
    pub(crate) address: Address,
    /// The address of the hub as the caller knows it, for what he copies from a page.
    pub(crate) base: String,
    /// What the caller may do with the repo, known once it is opened.
    permitted: OnceLock<Permitted>,
}

/// How a caller says that he likes a repo.
pub(crate) struct LikeButton {
    pub(crate) liked: bool,
    pub(crate) count: String,
    /// Where to sign in, for who has not.
    pub(crate) sign_in: Option<String>,
}

/// What a repo's pages share.
pub(crate) struct RepoHead {
    pub(crate) link: RepoLink,
    pub(crate) revision: String,
    /// Which tab is open: `card`, `files`, `history`, `discussions` or `settings`.
    pub(crate) tab: &'static str,
    /// What stands beside the name.
    pub(crate) badges: Vec<&'static str>,
    /// Stands beside the name, where it is asked for.
    pub(crate) like: Option<LikeButton>,
    /// What is offered to the caller.
    pub(crate) permitted: Permitted,
}

impl Visit {
    /// Opens the repo for an action. An old id leads to a redirect, given as the error.
    pub(crate) async fn open(&self, action: Action) -> Result<Repo, Detour> {
        let RepoLink { kind, id } = &self.address.repo;
        let opened = self.web.hub.open(&self.session.caller, *kind, id, action).await;
        let repo = opened.map_err(|error| PageError::from(error).seen_by(self.session.anonymous()))?;
        match self.address.moved(&repo) {
            Some(location) => Err(Detour::Moved(location)),
            None => {
                // Strangers are offered nothing but to look.
                if !self.session.anonymous() && self.permitted.get().is_none() {
                    let permitted = self.web.hub.permitted(&self.session.caller, &repo).await?;
                    self.permitted.get_or_init(|| permitted);
                }
                Ok(repo)
            }
        }
    }

    /// Returns the number of the discussion that the address names.
    pub(crate) fn number(&self) -> Result<i64, PageError> {
        self.address.number.ok_or_else(PageError::not_found)
    }

    /// Returns the name of the signed-in user.
    pub(crate) fn user_name(&self) -> Option<String> {
        self.session.caller.identity().map(|identity| identity.name.to_string())
    }

    /// Returns what the caller may do with the repo that was opened.
    pub(crate) fn permitted(&self) -> Permitted {
        self.permitted.get().copied().unwrap_or_default()
    }

    /// Opens the repo for what a form asks, whose token is checked first.
    pub(crate) async fn open_form(&self, token: &str, action: Action) -> Result<Repo, Detour> {
        self.session.check_form(token)?;
        self.open(action).await
    }

    /// Tells how a form that failed is shown again: status and problem. What nothing can be done about is the error,
    /// with what was typed.
    pub(crate) fn mend(&self, error: Detour, typed: &str) -> Result<(StatusCode, String), Detour> {
        let Detour::Failed(error) = error else {
            return Err(error);
        };
        match error.problem().filter(|_| !self.session.anonymous()) {
            Some(problem) => Ok(problem),
            None => Err(error.seen_by(self.session.anonymous()).keeping(typed).into()),
        }
    }

    /// Returns the head of the repo's pages, with the id as it is written now.
    pub(crate) fn head(&self, repo: &Repo, tab: &'static str) -> RepoHead {
        let link = RepoLink { kind: repo.kind(), id: repo.id().clone() };
        RepoHead {
            link,
            revision: self.address.revision().to_string(),
            tab,
            badges: Vec::new(),
            like: None,
            permitted: self.permitted(),
        }
    }

    /// Returns where a file is downloaded: from the API, unless only the session may see it.
    pub(crate) fn download(&self, link: &RepoLink, revision: &str, path: &str) -> String {
        if self.session.anonymous() {
            format!("{}?download=true", link.resolve(revision, path))
        } else {
            link.download(revision, path)
        }
    }

    /// Returns where a page that this caller sees has a file's bytes from, to show them.
    pub(crate) fn source(&self, link: &RepoLink, revision: &str, path: &str) -> String {
        if self.session.anonymous() { link.resolve(revision, path) } else { link.download(revision, path) }
    }

    /// Returns where the relative links of a text in a folder lead, and where its pictures come from.
    pub(crate) fn place(&self, link: &RepoLink, revision: &str, folder: &str) -> Place {
        Place { pages: link.blob(revision, folder), files: self.source(link, revision, folder) }
    }

    /// Reads a small file; `None` if there is none, or it is large or not text.
    pub(crate) async fn text(
        &self,
        repo: &Repo,
        revision: &Revision,
        path: &RepoPath,
    ) -> Result<Option<String>, PageError> {
        match self.web.hub.file(repo, revision, path).await {
            Ok(file) => self.text_of(&file).await,
            Err(error) if matches!(error.kind(), ErrorKind::EntryNotFound | ErrorKind::RevisionNotFound) => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a file that was found; `None` if it is large or not text.
    pub(crate) async fn text_of(&self, file: &FileHandle) -> Result<Option<String>, PageError> {
        if file.entry.lfs.is_some() || file.entry.size > MAX_TEXT_BYTES {
            return Ok(None);
        }
        let stream = self.web.hub.read_file(file, ByteRange { start: 0, end: file.entry.size }).await?;
        let parts: Vec<Bytes> = stream.try_collect().await.map_err(lyceum_hub::Error::internal)?;
        let text = String::from_utf8(parts.concat()).ok();
        Ok(text.filter(|text| !text.contains('\0')))
    }
}

/// Why a page of a repo is not shown: a failure, or the repo is called something else now.
pub(crate) enum Detour {
    Failed(PageError),
    Moved(String),
}

impl From<PageError> for Detour {
    fn from(error: PageError) -> Self {
        Self::Failed(error)
    }
}

impl From<lyceum_hub::Error> for Detour {
    fn from(error: lyceum_hub::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for Detour {
    fn into_response(self) -> Response {
        match self {
            Self::Failed(error) => error.into_response(),
            Self::Moved(location) => Redirect::temporary(&location).into_response(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit
where
    Web: FromRef<S>,
{
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let address = Address::from_request_parts(parts, state).await?;
        let session = Session::from_request_parts(parts, state).await?;
        let web = Web::from_ref(state);
        let base = web.public_url.clone().unwrap_or_else(|| asked_at(&parts.headers));
        Ok(Self { web, session, address, base, permitted: OnceLock::new() })
    }
}

/// Returns the address that a request names, for a hub that was not told its own.
fn asked_at(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    format!("http://{}", host.filter(|host| host.bytes().all(plain)).unwrap_or("localhost"))
}
