//! `/{repo}/compare?base=…&head=…`: what differs between two revisions.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_core::Revision;
use lyceum_hub::{Action, Comparison, ErrorKind};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::diff::{Diff, Pair, Sign};
use crate::form::Query;
use crate::layout::Layout;
use crate::page::commit::differences;
use crate::page::picker::Picker;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    base: Option<String>,
    head: Option<String>,
    view: Option<String>,
}

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage {
    layout: Layout,
    head: RepoHead,
    /// What is suggested.
    names: Vec<String>,
    old: String,
    new: String,
    diff: Option<Diff>,
    problem: Option<String>,
    split: bool,
    other_view: String,
    diff_revision: String,
}

/// Answers a comparison; without two revisions, the form that asks for them.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    let head = visit.head(&repo, "history");
    let (old, new) =
        (wanted.base.unwrap_or_else(|| Revision::main().to_string()), wanted.head.unwrap_or_default());
    let (mut diff, mut problem) = (None, None);
    if !new.is_empty() {
        let unknown = "One of them is neither a branch nor a tag nor a commit of this repository.".to_owned();
        let compared = match (Revision::parse(&old), Revision::parse(&new)) {
            (Ok(base), Ok(head)) => differences(&visit, Comparison { base: Some(base), head }).await,
            _ => Ok((None, Some(unknown.clone()))),
        };
        (diff, problem) = match compared {
            Err(Detour::Failed(error)) if error.kind() == ErrorKind::RevisionNotFound => {
                (None, Some(unknown))
            }
            compared => compared?,
        };
    }
    let split = wanted.view.as_deref() == Some("split");
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let here = format!("{}?base={}&head={}", head.link.compare(), encode(&old), encode(&new));
    let picker = Picker::new(&visit, &repo, &head, |_| String::new()).await?;
    let page = ComparePage {
        layout: Layout::new(format!("Compare revisions of {}", head.link.id), &visit.session),
        names: picker.branches.into_iter().chain(picker.tags).map(|choice| choice.name).collect(),
        diff,
        problem,
        split,
        other_view: if split { here } else { format!("{here}&view=split") },
        diff_revision: new.clone(),
        old,
        new,
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}
