//! `/admin/storage`: what is stored, what sharing saves, and whose it is.

use askama::Template;
use http::StatusCode;

use super::{Admin, Menu};
use crate::error::PageResult;
use crate::format;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};

struct Fact {
    name: &'static str,
    value: String,
}

struct Row {
    name: String,
    organisation: bool,
    repos: String,
    files: String,
    quota: String,
}

#[derive(Template)]
#[template(path = "admin/storage.html")]
struct Storage {
    layout: Layout,
    menu: Menu,
    at: String,
    facts: Vec<Fact>,
    rows: Vec<Row>,
}

/// Answers the report.
pub(crate) async fn show(admin: Admin) -> PageResult {
    let report = admin.hub.storage().await?;
    let usage = report.usage;
    let saved = |from: u64, to: u64| {
        let bytes = from.saturating_sub(to);
        let percent = if from == 0 { 0.0 } else { bytes as f64 * 100.0 / from as f64 };
        format!("{} ({percent:.0} %)", format::size(bytes))
    };
    let fact = |name, value| Fact { name, value };
    let rows = report.owners.iter().map(|owner| Row {
        name: owner.account.name.to_string(),
        organisation: owner.account.organisation,
        repos: format::count(owner.repos),
        files: format::size(owner.logical_bytes),
        quota: match owner.quota {
            Some(quota) => match (quota.logical_limit, quota.stored_limit) {
                (Some(limit), _) => format!("{} of files", format::size(limit)),
                (None, Some(limit)) => format!("{} stored", format::size(limit)),
                (None, None) => "no limit".to_owned(),
            },
            None => "no limit".to_owned(),
        },
    });
    let page = Storage {
        layout: admin.layout("Storage"),
        menu: Menu { open: "/admin/storage" },
        at: format::time(report.at),
        facts: vec![
            fact("Repositories and buckets", format::count(usage.repos)),
            fact("Files as their users see them", format::size(usage.logical_bytes)),
            fact("Large files, each chunk once", format::size(usage.raw_bytes)),
            fact("Stored for large files", format::size(usage.stored_bytes)),
            fact("Stored for git histories", format::size(usage.git_bytes)),
            fact("Saved by sharing chunks", saved(usage.logical_bytes, usage.raw_bytes)),
            fact("Saved by compression", saved(usage.raw_bytes, usage.stored_bytes)),
            fact("Xorbs", format::count(usage.xorbs)),
        ],
        rows: rows.collect(),
    };
    Ok(render(StatusCode::OK, CachePolicy::Never, &page))
}
