//! `/admin/jobs`: work in the background, and a button to try again what failed.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect};
use http::StatusCode;
use lyceum_hub::JobState;
use serde::Deserialize;

use super::{Admin, Button, Menu, with_query};
use crate::error::{PageError, PageResult};
use crate::form::{Form, Query};
use crate::format;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    show: Option<String>,
    after: Option<String>,
}

struct Row {
    id: i64,
    key: String,
    state: String,
    attempts: u32,
    error: String,
    /// Whether there is something to try again.
    failed: bool,
}

#[derive(Template)]
#[template(path = "admin/jobs.html")]
struct Jobs {
    layout: Layout,
    menu: Menu,
    queues: Vec<lyceum_hub::QueueState>,
    failed: bool,
    rows: Vec<Row>,
    next: Option<String>,
}

impl Row {
    fn new(job: JobState, now: lyceum_core::Timestamp) -> Self {
        let running = job.locked_until.is_some_and(|until| until > now);
        let state = match job.run_at {
            _ if running => "running".to_owned(),
            None => "given up".to_owned(),
            Some(at) if at <= now => "waiting".to_owned(),
            Some(at) => format!("next at {}", format::time(at)),
        };
        Self {
            id: job.id,
            key: job.key,
            state,
            attempts: job.attempts,
            failed: job.last_error.is_some() && !running,
            error: job.last_error.unwrap_or_default(),
        }
    }
}

/// Answers the queues and a page of jobs: those that failed, or all.
pub(crate) async fn show(admin: Admin, Query(wanted): Query<Wanted>) -> PageResult {
    let failed = wanted.show.as_deref() != Some("all");
    let found = admin.hub.jobs(failed, wanted.after.as_deref()).await?;
    let shown = if failed { "failed" } else { "all" };
    let now = admin.web.hub.clock().now();
    let page = Jobs {
        layout: admin.layout("Jobs"),
        menu: Menu { open: "/admin/jobs" },
        queues: admin.hub.queues().await?,
        failed,
        rows: found.jobs.into_iter().map(|job| Row::new(job, now)).collect(),
        next: found.next.map(|after| with_query("/admin/jobs", &[("show", shown), ("after", &after)])),
    };
    Ok(render(StatusCode::OK, CachePolicy::Never, &page))
}

/// Tries a job again.
pub(crate) async fn retry(admin: Admin, Path(job): Path<String>, Form(sent): Form<Button>) -> PageResult {
    admin.session.check_form(&sent.token)?;
    let job = job.parse().map_err(|_| PageError::not_found().seen_by(false))?;
    admin.hub.retry_job(job).await?;
    Ok(Redirect::to("/admin/jobs").into_response())
}
