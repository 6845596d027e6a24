//! `/{account}`: the repos of a user or organisation that the caller may see.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use lyceum_core::{AccountName, RepoKind};

use crate::Web;
use crate::error::{PageError, PageResult};
use crate::layout::Layout;
use crate::page::list::{Row, newest};
use crate::response::{CachePolicy, render};
use crate::session::Session;

/// Repos of each kind on the page.
const SHOWN: usize = 100;

struct Group {
    kind: &'static str,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    layout: Layout,
    name: String,
    groups: Vec<Group>,
}

/// Answers the page of an account; one with nothing to see is as if it did not exist.
pub(crate) async fn show(State(web): State<Web>, session: Session, Path(name): Path<String>) -> PageResult {
    let name = AccountName::parse(&name)?;
    let mut groups = Vec::new();
    for kind in RepoKind::ALL.into_iter().chain([RepoKind::Bucket]) {
        let rows = newest(&web, &session, kind, Some(name.to_string()), SHOWN).await?;
        if !rows.is_empty() {
            groups.push(Group { kind: kind.plural(), rows });
        }
    }
    if groups.is_empty() {
        return Err(PageError::not_found().seen_by(session.anonymous()));
    }
    let page = AccountPage { layout: Layout::new(name.as_str(), &session), name: name.to_string(), groups };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}
