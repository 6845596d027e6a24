//! `lyceum gc`.

use std::process::ExitCode;

use lyceum_hub::{GARBAGE_GRACE_DAYS, GarbageReport};
use serde_json::json;

use super::Common;
use crate::failure::Result;
use crate::{hub, output};

/// Delete stored bytes that nothing names any more
///
/// The server does this once a day; this command does it now, beside a running server. What a first run finds to be
/// unused, a second one deletes, if it is an hour later. Progress goes to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum gc --data /srv/lyceum\n  lyceum gc --grace-days 7 --json")]
pub(crate) struct Options {
    /// How long bytes that nothing names are kept; clients remember for three weeks what is stored
    #[arg(long, value_name = "DAYS", default_value_t = GARBAGE_GRACE_DAYS, value_parser = clap::value_parser!(u32).range(1..=3650))]
    grace_days: u32,
}

pub(crate) async fn run(common: &Common, options: Options) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let hub = hub::open(&settings).await?;
    let report = hub.collect_garbage(options.grace_days, output::diagnose).await?;
    let GarbageReport { claims, files, xorbs, xorb_bytes, segments, segment_bytes, attachments, logins } =
        report;
    if common.json {
        output::print_json(&json!({
            "uploads": claims,
            "files": files,
            "xorbs": xorbs,
            "xorbBytes": xorb_bytes,
            "segments": segments,
            "segmentBytes": segment_bytes,
            "attachments": attachments,
            "logins": logins,
        }));
    } else {
        output::print(&format!(
            "deleted {claims} uploads that no commit named, {files} files that nothing names, \
             {xorbs} xorbs of {xorb_bytes} bytes, {segments} segments of {segment_bytes} bytes, \
             {attachments} attachments, {logins} logins that ended"
        ));
    }
    Ok(ExitCode::SUCCESS)
}
