//! `/`: what this is, and the newest repos that the caller may see.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use lyceum_core::RepoKind;

use crate::Web;
use crate::error::PageResult;
use crate::layout::Layout;
use crate::page::list::{Row, newest};
use crate::response::{CachePolicy, render};
use crate::session::Session;

/// Repos of each kind on the page.
const NEWEST: usize = 10;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    layout: Layout,
    address: Option<String>,
    models: Vec<Row>,
    datasets: Vec<Row>,
}

/// Answers `/`.
pub(crate) async fn show(State(web): State<Web>, session: Session) -> PageResult {
    let models = newest(&web, &session, RepoKind::Model, None, NEWEST).await?;
    let datasets = newest(&web, &session, RepoKind::Dataset, None, NEWEST).await?;
    let page = Home { layout: Layout::new("Lyceum", &session), address: web.public_url, models, datasets };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}
