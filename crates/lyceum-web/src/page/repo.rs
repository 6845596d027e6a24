//! `/{repo}`: card, facts and files.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_core::{RepoPath, Revision};
use lyceum_hub::{Action, ErrorKind, Gated, Repo, RepoInfo, TreeOptions, Visibility};

use crate::format;
use crate::layout::Layout;
use crate::page::gate::Gate;
use crate::page::tree::FileRow;
use crate::prose::Prose;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

struct Fact {
    name: &'static str,
    value: String,
}

#[derive(Template)]
#[template(path = "repo.html")]
struct RepoPage {
    layout: Layout,
    head: RepoHead,
    private: bool,
    gated: bool,
    gate: Option<Gate>,
    facts: Vec<Fact>,
    tags: Vec<String>,
    card: Option<Prose>,
    files: Vec<FileRow>,
    more_files: bool,
}

/// Answers a repo.
pub(crate) async fn show(visit: Visit) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    let head = visit.head(&repo, "card");
    let info = visit.web.hub.repo_info(&repo, visit.web.hub.head(&repo).await?, false).await?;
    let listed = visit.web.hub.tree(&repo, &Revision::main(), None, TreeOptions::default()).await;
    let (files, more_files) = match listed {
        Ok(page) => {
            let row = |entry| FileRow::new(&head.link, &head.revision, entry);
            (page.entries.iter().map(row).collect(), page.next.is_some())
        }
        Err(error) if error.kind() == ErrorKind::RevisionNotFound => (Vec::new(), false),
        Err(error) => return Err(error.into()),
    };
    let page = RepoPage {
        layout: Layout::new(head.link.id.to_string(), &visit.session),
        private: info.visibility == Visibility::Private,
        gated: info.gated != Gated::No,
        gate: Gate::before(&visit, &repo).await?,
        facts: facts(&info),
        tags: info.tags,
        card: card(&visit, &repo).await?,
        files,
        more_files,
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

/// Returns the card without its metadata, unless the content is gated for this caller.
async fn card(visit: &Visit, repo: &Repo) -> Result<Option<Prose>, Detour> {
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
    let Some(text) = text.map(|text| body(&text).trim().to_owned()).filter(|body| !body.is_empty()) else {
        return Ok(None);
    };
    let place = visit.place(&visit.address.repo, Revision::main().as_str());
    Ok(Some(Prose::render(text, &place).await?))
}

/// Returns what follows the front matter.
fn body(readme: &str) -> &str {
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

fn facts(info: &RepoInfo) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| Fact { name, value }));
    add("Task", info.pipeline_tag.clone());
    add("Library", info.library_name.clone());
    add("SDK", info.sdk.clone());
    let parameters =
        info.safetensors.as_ref().and_then(|value| value.get("total")).and_then(serde_json::Value::as_u64);
    add("Parameters", parameters.map(format::count));
    add("Size", Some(format::size(info.used_storage)));
    add("Downloads", Some(format::count(info.downloads_all_time)));
    add("Changed", Some(format::time(info.last_modified)));
    add("Created", Some(format::time(info.created_at)));
    facts
}

#[cfg(test)]
mod tests;
