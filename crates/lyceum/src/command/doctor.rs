//! `lyceum doctor`.

mod check;

use std::process::ExitCode;

use serde_json::json;

use super::Common;
use crate::failure::Result;
use crate::output;

pub(crate) use check::{Finding, State, serving};

/// Check the data folder, the database and the machine
///
/// Changes nothing but the schema of an older database. The exit code is 1 if something must be repaired.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum doctor --config /etc/lyceum.toml")]
pub(crate) struct Options {}

pub(crate) async fn run(common: &Common) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let findings = check::all(&settings).await;
    let broken = findings.iter().any(|finding| finding.state == State::Broken);
    if common.json {
        let checks: Vec<_> = findings.iter().map(to_json).collect();
        output::print_json(&json!({ "ok": !broken, "checks": checks }));
    } else {
        for finding in &findings {
            output::print(&format!("{:<8} {:<13} {}", finding.state.word(), finding.name, finding.message));
            if let Some(remedy) = &finding.remedy {
                output::print(&format!("{:<22} hint: {remedy}", ""));
            }
        }
    }
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn to_json(finding: &Finding) -> serde_json::Value {
    json!({
        "name": finding.name,
        "state": finding.state.word(),
        "message": finding.message,
        "remedy": finding.remedy,
    })
}
