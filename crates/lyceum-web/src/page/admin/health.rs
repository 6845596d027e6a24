//! `/admin`: whether all is well.

use askama::Template;
use http::StatusCode;

use super::{Admin, Menu};
use crate::error::PageResult;
use crate::layout::Layout;
use crate::machine::{Health, HealthFinding};
use crate::response::{CachePolicy, render};

struct Row {
    name: String,
    state: &'static str,
    alarming: bool,
    message: String,
    remedy: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/health.html")]
struct HealthPage {
    layout: Layout,
    menu: Menu,
    rows: Vec<Row>,
    waiting: u64,
    given_up: u64,
}

impl From<HealthFinding> for Row {
    fn from(finding: HealthFinding) -> Self {
        let state = match finding.health {
            Health::Good => "ok",
            Health::Doubtful => "warning",
            Health::Broken => "error",
        };
        Self {
            name: finding.name,
            state,
            alarming: finding.health != Health::Good,
            message: finding.message,
            remedy: finding.remedy,
        }
    }
}

/// Answers what the checks find now.
pub(crate) async fn show(admin: Admin) -> PageResult {
    let findings = match &admin.web.machine.health {
        Some(check) => check().await,
        None => Vec::new(),
    };
    let queues = admin.hub.queues().await?;
    let page = HealthPage {
        layout: admin.layout("Health"),
        menu: Menu { open: "/admin" },
        rows: findings.into_iter().map(Row::from).collect(),
        waiting: queues.iter().map(|queue| queue.waiting).sum(),
        given_up: queues.iter().map(|queue| queue.given_up).sum(),
    };
    Ok(render(StatusCode::OK, CachePolicy::Never, &page))
}
