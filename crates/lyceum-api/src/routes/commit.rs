//! Commits: how each file is to travel, and the commit itself, read as a stream.

use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use lyceum_core::Revision;
use lyceum_core::limits::MAX_COMMIT_LINE_BYTES;
use lyceum_hub::{Action, Caller, Committed, ErrorKind, Repo};

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Json, Query, RepoAddress, Rev};
use crate::link;
use crate::ndjson::Lines;
use crate::upload::body_stream;
use crate::wire::commit::{CommittedWire, PreuploadAnswersWire, PreuploadWire, parse_line};

/// Largest commit body. Clients send regular files in it and split uploads well below this.
const MAX_COMMIT_BYTES: u64 = 4 * 1024 * 1024 * 1024;

pub(super) fn register(routes: &mut Routes) {
    routes.post(Scope::Repo, "/preupload/{revision}", preupload);
    routes.post(Scope::Repo, "/commit/{revision}", commit);
}

async fn preupload(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Rev(revision): Rev,
    Query(query): Query,
    Json(wire): Json<PreuploadWire>,
) -> ApiResult<Json<PreuploadAnswersWire>> {
    let create_pr = query.flag("create_pr")?;
    let repo = open(&api, &caller, &address, &revision, create_pr).await?;
    let (files, ignore) = wire.parse()?;
    let answers = api.hub.preupload(&repo, &revision, files, ignore.as_deref()).await?;
    Ok(Json(PreuploadAnswersWire { files: answers.into_iter().map(Into::into).collect() }))
}

#[expect(clippy::too_many_arguments, reason = "each is an extractor")]
async fn commit(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    address: RepoAddress,
    Rev(revision): Rev,
    Query(query): Query,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Json<CommittedWire>> {
    let create_pr = query.flag("create_pr")?;
    let mut lines = Lines::new(body_stream(&headers, body, MAX_COMMIT_BYTES)?, MAX_COMMIT_LINE_BYTES);
    let repo = open(&api, &caller, &address, &revision, create_pr).await?;
    let mut builder = api.hub.start_commit(&caller, &repo, &revision, create_pr).await?;
    while let Some(line) = lines.next().await? {
        builder.push(parse_line(line.number, &line.bytes)?).await?;
    }
    let committed = builder.finish().await?;
    Ok(Json(located(&base, &repo, &committed)))
}

/// Opens a repo for a commit. Every reader may propose one; who may only propose may also add to his own pull
/// request, which the hub checks.
pub(super) async fn open(
    api: &Api,
    caller: &Caller,
    address: &RepoAddress,
    revision: &Revision,
    create_pr: bool,
) -> ApiResult<Repo> {
    let proposing = revision.as_str().starts_with("refs/pr/");
    match address.open(&api.hub, caller, Action::Write).await {
        Err(ApiError::Failed(error)) if error.kind() == ErrorKind::Forbidden && (create_pr || proposing) => {
            address.open(&api.hub, caller, Action::Propose).await
        }
        opened => opened,
    }
}

fn located(base: &BaseUrl, repo: &Repo, committed: &Committed) -> CommittedWire {
    let (kind, id) = (repo.kind(), repo.id());
    CommittedWire {
        success: true,
        commit_oid: committed.oid.to_string(),
        commit_url: link::commit(base, kind, id, committed.oid),
        hook_output: "",
        pull_request_url: committed.pull_request.map(|number| link::discussion(base, kind, id, number)),
    }
}
