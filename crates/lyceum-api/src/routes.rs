//! Every address the hub's machine interface answers, one file per noun.

use std::collections::BTreeSet;

use axum::Router;
use axum::handler::Handler;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use http::{Method, StatusCode, Uri};
use lyceum_core::RepoKind;
use lyceum_hub::ErrorKind;

use crate::Api;
use crate::error::ApiError;

mod archive;
mod attachments;
mod buckets;
mod card;
mod cas;
mod collections;
mod commit;
mod discussions;
mod gate;
mod git;
mod identity;
mod info;
mod lfs;
mod lfs_files;
mod likes;
mod list;
mod oauth;
mod operations;
mod organisations;
mod people;
mod publishers;
mod refs;
mod repos;
mod resolve;
mod search;
mod storage;
mod tree;
mod webhooks;
mod xet_token;

pub(crate) use resolve::DownloadWindow;

/// Registers every route.
pub(crate) fn all() -> Routes {
    let mut routes = Routes::default();
    archive::register(&mut routes);
    attachments::register(&mut routes);
    buckets::register(&mut routes);
    card::register(&mut routes);
    cas::register(&mut routes);
    collections::register(&mut routes);
    commit::register(&mut routes);
    discussions::register(&mut routes);
    gate::register(&mut routes);
    git::register(&mut routes);
    identity::register(&mut routes);
    info::register(&mut routes);
    lfs::register(&mut routes);
    lfs_files::register(&mut routes);
    likes::register(&mut routes);
    list::register(&mut routes);
    oauth::register(&mut routes);
    operations::register(&mut routes);
    organisations::register(&mut routes);
    people::register(&mut routes);
    publishers::register(&mut routes);
    refs::register(&mut routes);
    repos::register(&mut routes);
    resolve::register(&mut routes);
    search::register(&mut routes);
    storage::register(&mut routes);
    tree::register(&mut routes);
    webhooks::register(&mut routes);
    xet_token::register(&mut routes);
    routes
}

/// Where a route stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// At the root.
    Root,
    /// Below `/api/models`, `/api/datasets` and so on.
    Catalogue,
    /// Below `/api/models/{namespace}/{name}` and so on.
    Repo,
    /// Below `/{namespace}/{name}`, `/datasets/{namespace}/{name}` and so on.
    Files,
}

/// A router together with the list of what it answers.
///
/// Ids are registered as `namespace/name` only. Clients also send bare names to every sub-route; no repo can have
/// one here, so [`unmatched`] answers those, and no repo called `tree` or `refs` is shadowed.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<Api>,
    table: BTreeSet<(String, String)>,
}

impl Routes {
    /// Registers a GET, which answers HEAD as well.
    pub(crate) fn get<H: Handler<T, Api>, T: 'static>(&mut self, scope: Scope, path: &str, handler: H) {
        self.add(&Method::GET, MethodFilter::GET, scope, path, handler);
    }

    /// Registers a HEAD that differs from the GET.
    pub(crate) fn head<H: Handler<T, Api>, T: 'static>(&mut self, scope: Scope, path: &str, handler: H) {
        self.add(&Method::HEAD, MethodFilter::HEAD, scope, path, handler);
    }

    /// Registers a POST.
    pub(crate) fn post<H: Handler<T, Api>, T: 'static>(&mut self, scope: Scope, path: &str, handler: H) {
        self.add(&Method::POST, MethodFilter::POST, scope, path, handler);
    }

    /// Registers a PUT.
    pub(crate) fn put<H: Handler<T, Api>, T: 'static>(&mut self, scope: Scope, path: &str, handler: H) {
        self.add(&Method::PUT, MethodFilter::PUT, scope, path, handler);
    }

    /// Registers a PATCH.
    pub(crate) fn patch<H: Handler<T, Api>, T: 'static>(&mut self, scope: Scope, path: &str, handler: H) {
        self.add(&Method::PATCH, MethodFilter::PATCH, scope, path, handler);
    }

    /// Registers a DELETE.
    pub(crate) fn delete<H: Handler<T, Api>, T: 'static>(&mut self, scope: Scope, path: &str, handler: H) {
        self.add(&Method::DELETE, MethodFilter::DELETE, scope, path, handler);
    }

    /// Returns the router, with the answers for what is not registered.
    pub(crate) fn into_router(self) -> Router<Api> {
        self.router.fallback(unmatched).method_not_allowed_fallback(wrong_method)
    }

    /// Returns `METHOD /path` of every route, sorted by path.
    pub(crate) fn table(&self) -> Vec<String> {
        self.table.iter().map(|(path, method)| format!("{method} {path}")).collect()
    }

    fn add<H: Handler<T, Api>, T: 'static>(
        &mut self,
        method: &Method,
        filter: MethodFilter,
        scope: Scope,
        path: &str,
        handler: H,
    ) {
        let shown = match scope {
            Scope::Root => path.to_owned(),
            Scope::Catalogue => format!("/api/{{kind}}{path}"),
            Scope::Repo => format!("/api/{{kind}}/{{namespace}}/{{name}}{path}"),
            Scope::Files => format!("/{{kind}}/{{namespace}}/{{name}}{path}"),
        };
        assert!(
            self.table.insert((shown.clone(), method.to_string())),
            "{method} {shown} is registered twice"
        );
        let kinds = RepoKind::ALL.into_iter();
        let paths: Vec<String> = match scope {
            Scope::Root => vec![path.to_owned()],
            Scope::Catalogue => kinds.map(|kind| format!("/api/{}{path}", kind.plural())).collect(),
            Scope::Repo => {
                kinds.map(|kind| format!("/api/{}/{{namespace}}/{{name}}{path}", kind.plural())).collect()
            }
            Scope::Files => {
                kinds.map(|kind| format!("/{}{{namespace}}/{{name}}{path}", kind.url_prefix())).collect()
            }
        };
        let method_router: MethodRouter<Api> = on(filter, handler);
        for path in paths {
            self.router = std::mem::take(&mut self.router).route(&path, method_router.clone());
        }
    }
}

/// Answers an address that no route has.
async fn unmatched(uri: Uri) -> Response {
    if names_repo(uri.path()) || names_bare_file(uri.path()) {
        return ApiError::repo_not_found().into_response();
    }
    ApiError::new(ErrorKind::NotFound, "nothing answers at this address").into_response()
}

/// Answers a method that the address does not take. The address of a repo's info is also what a bare name's
/// sub-route looks like: `PUT /api/models/gpt2/settings`.
async fn wrong_method(method: Method, uri: Uri) -> Response {
    const BARE: &[&str] = &["discussions", "duplicate", "like", "settings", "super-squash"];
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    let bare = match uri.path().split('/').count() {
        // Only a namespace's list of buckets is at such an address; for any other method it is a bucket's bare name.
        4 => uri.path().starts_with("/api/buckets/"),
        5 => BARE.contains(&last),
        _ => false,
    };
    if names_repo(uri.path()) && bare {
        return ApiError::repo_not_found().into_response();
    }
    let mut response =
        ApiError::invalid(format!("this address does not take the method {method}")).into_response();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// Reports whether a path is `/{name}/resolve/…`: a file of a model with a bare name.
fn names_bare_file(path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    segments.next().is_some_and(|name| !name.is_empty()) && segments.next() == Some("resolve")
}

/// Returns every kind that has addresses.
fn kinds() -> impl Iterator<Item = RepoKind> {
    RepoKind::ALL.into_iter().chain([RepoKind::Bucket])
}

/// Reports whether a path is below `/api/models` and so on.
fn names_repo(path: &str) -> bool {
    path.strip_prefix("/api/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(kind, id)| kinds().any(|known| known.plural() == kind) && !id.is_empty())
}
