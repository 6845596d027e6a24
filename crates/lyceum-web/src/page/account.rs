//! `/{account}`: a user or organisation, with what it owns, likes and follows.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use http::StatusCode;
use lyceum_core::{AccountName, RepoKind};
use lyceum_hub::{
    AccountKind, CollectionFilter, CollectionSort, ErrorKind, Overview, OverviewOf, PeopleOf, Role,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::Web;
use crate::error::{PageError, PageResult};
use crate::form::{Form, Query};
use crate::format;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::page::collections::CollectionRow;
use crate::page::list::{Row, newest};
use crate::response::{CachePolicy, render};
use crate::session::Session;

/// Repos of each kind on the page.
const SHOWN: usize = 100;
/// Likes, people or collections on a page.
const PAGE: usize = 50;

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    show: Option<String>,
    after: Option<String>,
}

/// The form of the button that follows.
#[derive(Deserialize)]
pub(crate) struct Follow {
    token: String,
    follow: bool,
}

struct Group {
    kind: &'static str,
    rows: Vec<Row>,
}

struct LikeRow {
    path: String,
    kind: &'static str,
    id: String,
    since: String,
}

struct PersonRow {
    name: String,
    full_name: String,
    organisation: bool,
}

struct Tab {
    name: &'static str,
    key: &'static str,
    count: Option<u64>,
}

/// What a tab shows.
#[derive(Default)]
struct Content {
    groups: Vec<Group>,
    likes: Vec<LikeRow>,
    people: Vec<PersonRow>,
    collections: Vec<CollectionRow>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    layout: Layout,
    name: String,
    full_name: String,
    organisation: bool,
    service: bool,
    disabled: bool,
    /// Organisations of a user.
    organisations: Vec<String>,
    joined: String,
    /// Whether the caller follows it; `None` if he cannot.
    following: Option<bool>,
    /// Whether the caller administers the organisation.
    settings: bool,
    /// The caller's name, if he is a member of the organisation.
    member: Option<String>,
    tabs: Vec<Tab>,
    open: &'static str,
    content: Content,
}

/// Answers the page of an account.
pub(crate) async fn show(
    State(web): State<Web>,
    session: Session,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> PageResult {
    let name = AccountName::parse(&name)?;
    let overview = overview(&web, &session, &name).await?;
    let account = &overview.person.account;
    let kind = if account.organisation { AccountKind::Org } else { AccountKind::User };
    let name = account.name.clone();
    let tabs = tabs(&overview);
    let open = wanted.show.as_deref().and_then(|show| tabs.iter().find(|tab| tab.key == show));
    let open = open.map_or("repositories", |tab| tab.key);
    let role = match kind {
        AccountKind::Org => web.hub.own_role(&session.caller, account).await?,
        AccountKind::User => None,
    };
    let content = content(&web, &session, &name, kind, open, wanted.after.as_deref()).await?;
    let caller = session.caller.identity();
    let myself = caller.is_some_and(|identity| identity.user_id == account.id);
    let page = AccountPage {
        layout: Layout::new(name.as_str(), &session),
        full_name: account.full_name.clone(),
        organisation: account.organisation,
        service: account.service,
        disabled: account.disabled,
        joined: format::time(account.created_at),
        following: overview.person.following.filter(|_| !myself),
        settings: role == Some(Role::Admin),
        member: caller.filter(|_| role.is_some()).map(|identity| identity.name.to_string()),
        organisations: match overview.more {
            OverviewOf::User { organisations, .. } => {
                organisations.into_iter().map(|organisation| organisation.name.to_string()).collect()
            }
            OverviewOf::Organisation { .. } => Vec::new(),
        },
        name: name.to_string(),
        tabs,
        open,
        content,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

/// Makes the caller follow an account, or no longer.
pub(crate) async fn follow(
    State(web): State<Web>,
    session: Session,
    Path(name): Path<String>,
    Form(sent): Form<Follow>,
) -> PageResult {
    session.check_form(&sent.token)?;
    let name = AccountName::parse(&name)?;
    let account = overview(&web, &session, &name).await?.person.account;
    let kind = if account.organisation { AccountKind::Org } else { AccountKind::User };
    web.hub.set_follow(&session.caller, &account.name, kind, sent.follow).await?;
    Ok(Redirect::to(&format!("/{}", account.name)).into_response())
}

async fn overview(web: &Web, session: &Session, name: &AccountName) -> Result<Overview, PageError> {
    let mut found = web.hub.overview(&session.caller, name, AccountKind::User).await;
    if found.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        found = web.hub.overview(&session.caller, name, AccountKind::Org).await;
    }
    found.map_err(|error| PageError::from(error).seen_by(session.anonymous()))
}

fn tabs(overview: &Overview) -> Vec<Tab> {
    let tab = |name, key, count| Tab { name, key, count };
    let mut tabs = vec![tab("Repositories", "repositories", None), tab("Collections", "collections", None)];
    match &overview.more {
        OverviewOf::User { likes, following, .. } => {
            tabs.push(tab("Likes", "likes", Some(*likes)));
            tabs.push(tab("Following", "following", Some(*following)));
        }
        OverviewOf::Organisation { members } => tabs.push(tab("Members", "members", Some(*members))),
    }
    tabs.push(tab("Followers", "followers", Some(overview.followers)));
    tabs
}

async fn content(
    web: &Web,
    session: &Session,
    name: &AccountName,
    kind: AccountKind,
    open: &str,
    after: Option<&str>,
) -> Result<Content, PageError> {
    let mut content = Content::default();
    let next = |next: Option<String>| {
        let encode = |after: String| utf8_percent_encode(&after, NON_ALPHANUMERIC).to_string();
        next.map(|after| format!("/{name}?show={open}&after={}", encode(after)))
    };
    let of = match open {
        "likes" => {
            let page = web.hub.likes_of(&session.caller, name, after, PAGE).await?;
            content.next = next(page.next);
            content.likes = page
                .likes
                .into_iter()
                .map(|like| LikeRow {
                    kind: like.kind.singular(),
                    id: like.id.to_string(),
                    path: RepoLink { kind: like.kind, id: like.id }.path(),
                    since: format::time(like.created_at),
                })
                .collect();
            return Ok(content);
        }
        "collections" => {
            let filter = CollectionFilter {
                owners: vec![name.to_string()],
                items: Vec::new(),
                search: None,
                sort: CollectionSort::LastModified,
                after: after.map(str::to_owned),
                limit: PAGE,
            };
            let page = web.hub.collections(&session.caller, filter).await?;
            content.next = next(page.next);
            content.collections = page.collections.into_iter().map(CollectionRow::from).collect();
            return Ok(content);
        }
        "following" => PeopleOf::Following,
        "followers" => PeopleOf::Followers(kind),
        "members" => PeopleOf::Members,
        _ => {
            for kind in RepoKind::ALL.into_iter().chain([RepoKind::Bucket]) {
                let rows = newest(web, session, kind, Some(name.to_string()), SHOWN).await?;
                if !rows.is_empty() {
                    content.groups.push(Group { kind: kind.plural(), rows });
                }
            }
            return Ok(content);
        }
    };
    let page = web.hub.people(&session.caller, name, of, after, PAGE).await?;
    content.next = next(page.next);
    let row = |person: lyceum_hub::Person| PersonRow {
        name: person.account.name.to_string(),
        full_name: person.account.full_name,
        organisation: person.account.organisation,
    };
    content.people = page.people.into_iter().map(row).collect();
    Ok(content)
}
