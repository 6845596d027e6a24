//! Locks: files that one user keeps for himself (`docs/api/locking.md` of git-lfs).

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use lyceum_core::RepoPath;
use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_hub::{Action, LfsLockQuery, LfsLocking};

use super::lfs_json;
use crate::Api;
use crate::error::ApiResult;
use crate::extract::{Auth, Json, OptionalJson, PathParams, Query, RepoAddress};
use crate::routes::{Routes, Scope};
use crate::wire::locks::{
    CreateLock, LockAnswer, LockTaken, LockWire, LocksAnswer, Unlock, VerifyAnswer, VerifyLocks,
};

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Files, "/info/lfs/locks", list);
    routes.post(Scope::Files, "/info/lfs/locks", create);
    routes.post(Scope::Files, "/info/lfs/locks/verify", verify);
    routes.post(Scope::Files, "/info/lfs/locks/{lock}/unlock", unlock);
}

async fn create(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Json(wire): Json<CreateLock>,
) -> ApiResult {
    let repo = address.open(&api.hub, &caller, Action::Write).await?;
    let path = RepoPath::parse(&wire.path)?;
    Ok(match api.hub.lfs_lock(&caller, &repo, path).await? {
        LfsLocking::Made(lock) => {
            with_status(StatusCode::CREATED, lfs_json(Json(LockAnswer { lock: lock.into() })))
        }
        LfsLocking::Taken(lock) => {
            // git-lfs shows this text, and nothing of the lock itself.
            let message = format!("already created lock: `{}` is locked by `{}`", lock.path, lock.owner);
            let answer = lfs_json(Json(LockTaken { lock: lock.into(), message }));
            with_status(StatusCode::CONFLICT, answer)
        }
    })
}

/// `refspec` is not looked at: a lock holds on every branch.
async fn list(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Query(query): Query,
) -> ApiResult {
    let wanted = LfsLockQuery {
        path: query.filled("path").map(str::to_owned),
        id: query.filled("id").map(str::to_owned),
        cursor: query.filled("cursor").map(str::to_owned),
        limit: query.number("limit", MAX_PAGE_ENTRIES)?,
    };
    let repo = address.open(&api.hub, &caller, Action::Read).await?;
    let page = api.hub.lfs_locks(&caller, &repo, wanted).await?;
    let locks = page.locks.into_iter().map(LockWire::from).collect();
    Ok(lfs_json(Json(LocksAnswer { locks, next_cursor: page.next })))
}

/// What a client asks before it pushes: which locks are its own, and which bind it.
async fn verify(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    OptionalJson(wire): OptionalJson<VerifyLocks>,
) -> ApiResult {
    let repo = address.open(&api.hub, &caller, Action::Write).await?;
    let cursor = wire.cursor.filter(|cursor| !cursor.is_empty());
    let limit = wire.limit.filter(|limit| *limit > 0);
    let wanted = LfsLockQuery { cursor, limit, ..LfsLockQuery::default() };
    let page = api.hub.lfs_locks(&caller, &repo, wanted).await?;
    let (ours, theirs): (Vec<_>, Vec<_>) = page.locks.into_iter().partition(|lock| lock.ours);
    let wire = |locks: Vec<_>| locks.into_iter().map(LockWire::from).collect();
    Ok(lfs_json(Json(VerifyAnswer { ours: wire(ours), theirs: wire(theirs), next_cursor: page.next })))
}

async fn unlock(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
    OptionalJson(wire): OptionalJson<Unlock>,
) -> ApiResult {
    let repo = address.open(&api.hub, &caller, Action::Write).await?;
    let lock = api.hub.lfs_unlock(&caller, &repo, params.get("lock")?, wire.force).await?;
    Ok(lfs_json(Json(LockAnswer { lock: lock.into() })))
}

fn with_status(status: StatusCode, answer: Response) -> Response {
    if answer.status().is_success() { (status, answer).into_response() } else { answer }
}

#[cfg(test)]
mod tests;
