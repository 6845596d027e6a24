//! Git LFS: for git-lfs, for Hub clients without Xet, and for `git-xet`, which asks here where its store is.
//!
//! Addresses for bytes authorise themselves by a signed grant: Hub clients send neither token nor header there.

mod bytes;
mod locks;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, HeaderMap, USER_AGENT};
use lyceum_core::Sha256;
use lyceum_core::limits::MAX_BATCH_FILES;
use lyceum_hub::{Action, Caller, ErrorKind, LfsAction, LfsAnswer, LfsObject, LfsOperation, Repo, XetScope};

use super::xet_token::{named_pairs, token};
use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult, LFS_JSON};
use crate::extract::{Auth, BaseUrl, Json, RepoAddress};
use crate::layers::Shared;
use crate::link;
use crate::wire::lfs::{ActionWire, BatchAnswer, BatchRequest, ObjectAnswer, ObjectError, ObjectWire};

pub(super) fn register(routes: &mut Routes) {
    routes.post(Scope::Files, "/info/lfs/objects/batch", batch);
    routes.post(Scope::Files, "/info/lfs/objects/verify", verify);
    bytes::register(routes);
    locks::register(routes);
}

/// How bytes will travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transfer {
    Basic,
    Multipart,
    Xet,
}

async fn batch(
    State(api): State<Api>,
    Extension(shared): Extension<Arc<Shared>>,
    Auth(caller): Auth,
    address: RepoAddress,
    base: BaseUrl,
    headers: HeaderMap,
    Json(request): Json<BatchRequest>,
) -> ApiResult {
    let operation = match request.operation.as_str() {
        "upload" => LfsOperation::Upload,
        "download" => LfsOperation::Download,
        _ => return Err(ApiError::invalid("`operation` must be `upload` or `download`")),
    };
    // The specification says `sha256`; `@huggingface/hub` says `sha_256`.
    if request.hash_algo.as_deref().is_some_and(|algorithm| !matches!(algorithm, "sha256" | "sha_256")) {
        return Err(ApiError::new(ErrorKind::Unprocessable, "`hash_algo` must be `sha256`"));
    }
    if request.objects.len() > MAX_BATCH_FILES {
        return Err(ApiError::new(ErrorKind::TooLarge, format!("more than {MAX_BATCH_FILES} objects")));
    }
    // Which branch the objects are for is known only when they are committed, and any reader may open a pull
    // request with them.
    let action = match operation {
        LfsOperation::Upload => Action::Propose,
        LfsOperation::Download => Action::Read,
    };
    let repo = address.open(&api.hub, &caller, action).await?;
    let asked: Vec<ApiResult<LfsObject>> = request.objects.iter().map(object).collect();
    let objects: Vec<LfsObject> = asked.iter().filter_map(|object| object.as_ref().ok().copied()).collect();
    let transfer = transfer(operation, &request.transfers, &headers);
    let multipart = transfer == Transfer::Multipart;
    let answers = api.hub.lfs_batch(&caller, &repo, operation, &objects, multipart).await?;

    let xet = match transfer {
        Transfer::Xet => Some(xet_upload(&api, &base, &caller, &repo, &request, shared.entropy.id()).await?),
        Transfer::Basic | Transfer::Multipart => None,
    };
    let transfer = match transfer {
        Transfer::Xet => "xet",
        Transfer::Multipart if answers.iter().any(in_parts) => "multipart",
        Transfer::Multipart | Transfer::Basic => "basic",
    };
    let verify = format!("{}.git/info/lfs/objects/verify", link::repo(&base, repo.kind(), repo.id()));
    let mut answers = answers.into_iter();
    let mut objects = Vec::with_capacity(asked.len());
    for (asked, wire) in asked.into_iter().zip(request.objects) {
        objects.push(match asked {
            Err(error) => refused(wire, &error),
            Ok(_) => {
                let answer = answers.next().ok_or_else(|| {
                    lyceum_hub::Error::internal("a batch was answered for fewer objects than were asked for")
                })?;
                convert(answer, &base, &verify, xet.as_ref())
            }
        });
    }
    let answer = BatchAnswer { transfer, objects, hash_algo: "sha256" };
    Ok(lfs_json(Json(answer)))
}

/// Chooses the way. git-lfs lists `multipart` when `hf lfs-enable-largefiles` was run, and then sends every object of
/// the batch that way; since a whole upload has no size limit here, it is not offered.
fn transfer(operation: LfsOperation, transfers: &[String], headers: &HeaderMap) -> Transfer {
    let offers = |name: &str| transfers.iter().any(|transfer| transfer == name);
    let agent = headers.get(USER_AGENT).map_or(&[][..], |agent| agent.as_bytes());
    match operation {
        LfsOperation::Download => Transfer::Basic,
        LfsOperation::Upload if offers("xet") => Transfer::Xet,
        LfsOperation::Upload if offers("multipart") && !agent.starts_with(b"git-lfs") => Transfer::Multipart,
        LfsOperation::Upload => Transfer::Basic,
    }
}

fn in_parts(answer: &LfsAnswer) -> bool {
    matches!(answer.action, LfsAction::Multipart { .. })
}

fn object(wire: &ObjectWire) -> ApiResult<LfsObject> {
    let invalid = |what: &str, shown: &str, why: &dyn std::fmt::Display| {
        let shown: String = shown.chars().take(64).collect();
        ApiError::new(ErrorKind::Unprocessable, format!("invalid {what} `{shown}`: {why}"))
    };
    let sha256: Sha256 = wire.oid.parse().map_err(|error| invalid("oid", &wire.oid, &error))?;
    let size = u64::try_from(wire.size);
    let size = size.map_err(|_| invalid("size", &wire.size.to_string(), &"it is negative"))?;
    Ok(LfsObject { sha256, size })
}

/// Answers for an object that cannot exist.
fn refused(wire: ObjectWire, error: &ApiError) -> ObjectAnswer {
    let parts = error.parts();
    let error = ObjectError { code: parts.status.as_u16(), message: parts.message.to_owned() };
    let actions = BTreeMap::new();
    ObjectAnswer { oid: wire.oid, size: wire.size, authenticated: None, actions, error: Some(error) }
}

/// Returns the step by which `git-xet` finds the store: where to renew its token, and the first one.
async fn xet_upload(
    api: &Api,
    base: &BaseUrl,
    caller: &Caller,
    repo: &Repo,
    request: &BatchRequest,
    session: String,
) -> ApiResult<ActionWire> {
    let token = token(api, base, caller, repo, XetScope::Write).await?;
    let named = request.r#ref.as_ref().map(|reference| reference.name.as_str());
    let name = named.filter(|name| !name.is_empty()).unwrap_or("main");
    let name = name.strip_prefix("refs/heads/").unwrap_or(name);
    let href =
        format!("{base}/api/{}/{}/xet-write-token/{}", repo.kind().plural(), repo.id(), link::segment(name));
    let mut header: BTreeMap<String, String> =
        named_pairs(&token).into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    header.insert("X-Xet-Session-Id".to_owned(), session);
    Ok(ActionWire { href, header })
}

fn convert(answer: LfsAnswer, base: &BaseUrl, verify: &str, xet: Option<&ActionWire>) -> ObjectAnswer {
    let LfsAnswer { object, action } = answer;
    let oid = object.sha256;
    let at = |href: String| ActionWire { href, ..ActionWire::default() };
    let mut actions = BTreeMap::new();
    let mut error = None;
    let mut authenticated = None;
    match action {
        LfsAction::Nothing => {}
        LfsAction::Basic { .. } | LfsAction::Multipart { .. } if xet.is_some() => {
            actions.extend(
                xet.map(|xet| ("upload", ActionWire { href: xet.href.clone(), header: xet.header.clone() })),
            );
        }
        LfsAction::Basic { grant } => {
            actions.insert("upload", at(format!("{base}/api/lfs/objects/{oid}?grant={grant}")));
            actions.insert("verify", at(verify.to_owned()));
        }
        LfsAction::Multipart { grant, chunk_bytes, parts } => {
            let part = |number| format!("{base}/api/lfs/objects/{oid}/parts/{number}?grant={grant}");
            let mut header: BTreeMap<String, String> =
                (1..=parts).map(|number| (number.to_string(), part(number))).collect();
            header.insert("chunk_size".to_owned(), chunk_bytes.to_string());
            let href = format!("{base}/api/lfs/objects/{oid}/complete?grant={grant}");
            actions.insert("upload", ActionWire { href, header });
            actions.insert("verify", at(verify.to_owned()));
        }
        LfsAction::Download { grant } => {
            // Else git-lfs would look for a password that it has no use for.
            authenticated = Some(true);
            actions.insert("download", at(format!("{base}/api/lfs/objects/{oid}?grant={grant}")));
        }
        LfsAction::Error { code, message } => error = Some(ObjectError { code, message }),
    }
    let size = i64::try_from(object.size).unwrap_or(i64::MAX);
    ObjectAnswer { oid: oid.to_string(), size, authenticated, actions, error }
}

/// Confirms that an upload arrived.
async fn verify(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Json(wire): Json<ObjectWire>,
) -> ApiResult {
    let repo = address.open(&api.hub, &caller, Action::Propose).await?;
    api.hub.lfs_verify(&repo, object(&wire)?).await?;
    Ok(lfs_json(Json(serde_json::json!({}))))
}

fn lfs_json<T: serde::Serialize>(answer: Json<T>) -> Response {
    let mut response = answer.into_response();
    if response.status().is_success() {
        response.headers_mut().insert(CONTENT_TYPE, LFS_JSON);
    }
    response
}

#[cfg(test)]
mod tests;
