//! `/{repo}`: the card, and beside it what is known of the repo.

mod aside;
mod evaluation;
mod like;
mod snippet;

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_core::{RepoPath, Revision};
use lyceum_hub::{Action, ErrorKind, Gated, Repo, Visibility};

use crate::error::PageError;
use crate::layout::Layout;
use crate::page::gate::Gate;
use crate::page::repo::aside::Aside;
use crate::page::repo::evaluation::Evaluation;
use crate::page::repo::snippet::{Snippet, citation, snippets};
use crate::prose::Prose;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

pub(crate) use like::set as set_like;

#[derive(Template)]
#[template(path = "repo.html")]
struct RepoPage {
    layout: Layout,
    head: RepoHead,
    gated: bool,
    gate: Option<Gate>,
    aside: Aside,
    card: Option<Prose>,
    evaluations: Vec<Evaluation>,
    snippets: Vec<Snippet>,
    citation: String,
}

/// Answers a repo.
pub(crate) async fn show(visit: Visit) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    let hub = &visit.web.hub;
    let info = hub.repo_info(&repo, hub.head(&repo).await?, false).await?;
    let text = card(&visit, &repo).await?;
    let citation = citation(&visit, &info, text.as_deref().unwrap_or_default());
    let card = match text {
        Some(text) => {
            let place = visit.place(&visit.address.repo, Revision::main().as_str(), "");
            Some(Prose::render(text, &place).await?)
        }
        None => None,
    };
    let gated = info.gated != Gated::No;
    let mut head = visit.head(&repo, "card");
    head.badges.extend((info.visibility == Visibility::Private).then_some("private"));
    head.badges.extend(gated.then_some("gated"));
    head.like = Some(like::button(&visit, &repo, &info).await?);
    let page = RepoPage {
        layout: Layout::new(head.link.id.to_string(), &visit.session),
        gated,
        gate: Gate::before(&visit, &repo).await?,
        aside: Aside::of(&visit, &repo, &info).await?,
        card,
        evaluations: evaluation::of(info.card_data.as_ref()),
        snippets: snippets(&visit, &info),
        citation,
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

/// Returns the card without its metadata, unless the content is gated for this caller.
async fn card(visit: &Visit, repo: &Repo) -> Result<Option<String>, PageError> {
    let readable = visit.web.hub.open(&visit.session.caller, repo.kind(), repo.id(), Action::Read).await;
    let readable = match readable {
        Ok(repo) => repo,
        Err(error)
            if matches!(error.kind(), ErrorKind::Gated | ErrorKind::Forbidden | ErrorKind::Disabled) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let path = RepoPath::parse("README.md").expect("the card's name is a valid path");
    let text = visit.text(&readable, &Revision::main(), &path).await?;
    Ok(text.map(|text| body(&text).trim().to_owned()).filter(|body| !body.is_empty()))
}

/// Returns what follows the front matter.
pub(crate) fn body(readme: &str) -> &str {
    let Some(rest) =
        readme.strip_prefix("---").and_then(|rest| rest.trim_start_matches('\r').strip_prefix('\n'))
    else {
        return readme;
    };
    let mut offset = 0;
    for line in rest.split_inclusive('\n') {
        offset += line.len();
        if line.trim_end() == "---" {
            return &rest[offset..];
        }
    }
    readme
}

#[cfg(test)]
mod tests;
