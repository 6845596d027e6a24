//! `lyceum fsck`.

use std::process::ExitCode;

use lyceum_hub::FsckReport;
use serde_json::json;

use super::Common;
use crate::failure::Result;
use crate::{hub, output};

/// Check that everything stored is whole and everything named is stored
///
/// Works beside a running server. Progress goes to standard error; the exit code is 1 if anything is wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum fsck --deep --data /srv/lyceum")]
pub(crate) struct Options {
    /// Also read and hash every stored byte
    #[arg(long)]
    deep: bool,
}

pub(crate) async fn run(common: &Common, options: Options) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let hub = hub::open(&settings).await?;
    let report = hub.fsck(options.deep, output::diagnose).await?;
    if common.json {
        output::print_json(&to_json(&report, options.deep));
    } else {
        for finding in &report.findings {
            output::print(&format!("{}: {}", finding.object, finding.message));
        }
        let verdict = match report.findings.len() {
            0 => "clean".to_owned(),
            1 => "1 finding".to_owned(),
            count => format!("{count} findings"),
        };
        output::print(&format!(
            "{verdict}: checked {} repos, {} git objects, {} large files, {} xorbs",
            report.repos, report.objects, report.files, report.xorbs
        ));
    }
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn to_json(report: &FsckReport, deep: bool) -> serde_json::Value {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| json!({ "object": finding.object, "message": finding.message }))
        .collect();
    json!({
        "clean": report.findings.is_empty(),
        "deep": deep,
        "repos": report.repos,
        "objects": report.objects,
        "files": report.files,
        "xorbs": report.xorbs,
        "findings": findings,
    })
}
