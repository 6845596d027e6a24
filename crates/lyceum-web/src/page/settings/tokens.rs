//! `/settings/tokens`: access tokens, each shown once when it is made.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use lyceum_core::{AccountName, RepoId, RepoKind};
use lyceum_hub::{
    FineGrained, NewToken, Permission, ScopeTarget, TokenInfo, TokenKind, TokenLimits, TokenRole, TokenScope,
};
use serde::Deserialize;

use super::{owner, problem};
use crate::Web;
use crate::error::{PageError, PageResult};
use crate::form::Form;
use crate::format;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::session::Session;

const PATH: &str = "/settings/tokens";
/// Most values of a sent form that are looked at.
const MAX_VALUES: usize = 100;
/// Days after which a token may end.
const DAYS: [i64; 5] = [7, 30, 90, 180, 365];
const DAY_SECONDS: i64 = 24 * 3600;
/// What a fine-grained token may be allowed, in words.
const PERMISSIONS: [(Permission, &str); 6] = [
    (Permission::ReadContent, "Read files, also private and gated ones"),
    (Permission::WriteContent, "Change files and create repositories"),
    (Permission::WriteRepo, "All of a repository: settings, gate, deletion"),
    (Permission::Discuss, "Take part in discussions and pull requests"),
    (Permission::ReadWebhooks, "See webhooks"),
    (Permission::WriteWebhooks, "Make and change webhooks"),
];

struct Row {
    id: i64,
    name: String,
    role: &'static str,
    limits: String,
    made: String,
    used: Option<String>,
    ends: Option<String>,
    ended: bool,
}

/// What was typed, to be shown again beside a problem.
#[derive(Default)]
struct Draft {
    name: String,
    places: String,
}

#[derive(Template)]
#[template(path = "settings_tokens.html")]
struct Tokens {
    layout: Layout,
    rows: Vec<Row>,
    permissions: [(&'static str, &'static str); 6],
    days: [i64; 5],
    draft: Draft,
    /// The new token, this once.
    secret: Option<String>,
    problem: Option<String>,
}

/// The form that revokes a token.
#[derive(Deserialize)]
pub(crate) struct Revocation {
    token: String,
}

/// Lists the tokens.
pub(crate) async fn show(State(web): State<Web>, session: Session) -> PageResult {
    if let Err(elsewhere) = owner(&session, PATH) {
        return Ok(elsewhere.into_response());
    }
    page(&web, &session, Draft::default(), None, None).await
}

/// Makes a token and shows it.
pub(crate) async fn create(
    State(web): State<Web>,
    session: Session,
    Form(sent): Form<Vec<(String, String)>>,
) -> PageResult {
    let value = |wanted: &str| {
        sent.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    session.check_form(value("token"))?;
    let draft = Draft { name: value("name").to_owned(), places: value("places").to_owned() };
    let owner = session.caller.signed_in()?.name.clone();
    let wanted = match wanted(&web, &sent) {
        Ok(wanted) => wanted,
        Err(problem) => return page(&web, &session, draft, None, Some(problem)).await,
    };
    let (token, limits) = wanted;
    match web.hub.create_limited_token(&owner, token, limits).await {
        Ok(secret) => page(&web, &session, Draft::default(), Some(secret), None).await,
        Err(error) => page(&web, &session, draft, None, Some(problem(error)?)).await,
    }
}

/// Ends a token.
pub(crate) async fn revoke(
    State(web): State<Web>,
    session: Session,
    Path(id): Path<String>,
    Form(sent): Form<Revocation>,
) -> PageResult {
    session.check_form(&sent.token)?;
    let owner = session.caller.signed_in()?.name.clone();
    let id = id.parse().map_err(|_| PageError::not_found())?;
    web.hub.revoke_token(&owner, id).await?;
    Ok(Redirect::to(PATH).into_response())
}

/// Reads what token is wanted; an error is a sentence for its sender.
fn wanted(web: &Web, sent: &[(String, String)]) -> Result<(NewToken, TokenLimits), String> {
    if sent.len() > MAX_VALUES {
        return Err("The form has too many fields.".to_owned());
    }
    let all = |wanted: &'static str| {
        sent.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.trim())
    };
    let one = |wanted| all(wanted).next().unwrap_or_default();
    let name = one("name");
    if name.is_empty() {
        return Err("A token needs a name, so that you know it again.".to_owned());
    }
    let role = TokenRole::parse(one("role")).ok_or("Choose what the token may do.")?;
    let days: Option<i64> = one("days").parse().ok().filter(|days| DAYS.contains(days));
    let expires_at = days.map(|days| web.hub.clock().now().plus_seconds(days * DAY_SECONDS));
    let mut limits = TokenLimits { expires_at, ..TokenLimits::default() };
    if role == TokenRole::FineGrained {
        let permissions: Vec<Permission> = all("permission").filter_map(Permission::parse).collect();
        limits.read_gated = one("gated") == "yes";
        let places: Vec<&str> = one("places").split_whitespace().collect();
        if permissions.is_empty() && !limits.read_gated {
            return Err("Choose at least one permission.".to_owned());
        }
        if !permissions.is_empty() && places.is_empty() {
            return Err("Say for which accounts or repositories.".to_owned());
        }
        for place in places {
            let target = target(place).ok_or_else(|| {
                format!("“{place}” is neither an account nor a repository; write “ada”, “ada/model” or “datasets/ada/letters”.")
            })?;
            limits.scopes.push(TokenScope { target, permissions: permissions.clone() });
        }
    }
    Ok((NewToken { name: name.to_owned(), role, value: None }, limits))
}

/// Reads an account, or a repo as addresses write it.
fn target(place: &str) -> Option<ScopeTarget> {
    let kinds = RepoKind::ALL.into_iter().chain([RepoKind::Bucket]);
    let (kind, id) = kinds
        .filter_map(|kind| Some((kind, place.strip_prefix(kind.plural())?.strip_prefix('/')?)))
        .find(|(_, id)| id.contains('/'))
        .unwrap_or((RepoKind::Model, place));
    if id.contains('/') {
        return Some(ScopeTarget::Repo(kind, RepoId::parse(id).ok()?));
    }
    Some(ScopeTarget::Account(AccountName::parse(id).ok()?))
}

async fn page(
    web: &Web,
    session: &Session,
    draft: Draft,
    secret: Option<String>,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let owner = session.caller.signed_in()?.name.clone();
    let now = web.hub.clock().now();
    let tokens = web.hub.tokens(&owner, 0).await?.into_iter();
    let row = |token: TokenInfo| Row {
        id: token.id,
        name: token.name,
        role: match token.role {
            TokenRole::Read => "read",
            TokenRole::Write => "write",
            TokenRole::FineGrained => "fine-grained",
        },
        limits: token.fine_grained.as_ref().map(limits).unwrap_or_default(),
        made: token.created_at.day(),
        used: token.last_used_at.map(format::time),
        ends: token.expires_at.map(|end| end.day()),
        ended: token.expires_at.is_some_and(|end| end <= now),
    };
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = Tokens {
        rows: tokens.filter(|token| token.kind != TokenKind::Session).map(row).rev().collect(),
        permissions: PERMISSIONS.map(|(permission, words)| (permission.as_str(), words)),
        days: DAYS,
        draft,
        secret,
        problem,
        layout: Layout::new("Access tokens", session),
    };
    Ok(render(status, CachePolicy::Never, &page))
}

/// Returns the limits of a token in a line.
fn limits(limits: &FineGrained) -> String {
    let names = |permissions: &[Permission]| {
        permissions.iter().map(|permission| permission.as_str()).collect::<Vec<_>>().join(", ")
    };
    let scoped = limits.scoped.iter().map(|scope| format!("{}: {}", scope.name, names(&scope.permissions)));
    let everywhere = (!limits.global.is_empty()).then(|| format!("everywhere: {}", names(&limits.global)));
    let gated = limits.read_gated.then(|| "gated repositories".to_owned());
    everywhere.into_iter().chain(scoped).chain(gated).collect::<Vec<_>>().join("; ")
}
