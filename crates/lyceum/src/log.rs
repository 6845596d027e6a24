//! Structured logs on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::failure::{Failure, Result};
use crate::settings::{LogFormat, LogSettings};

/// Starts logging; call once per process.
pub(crate) fn start(settings: &LogSettings) -> Result<()> {
    let filter = EnvFilter::builder().parse(&settings.filter).map_err(|error| {
        Failure::usage(format!("setting `log.filter` is malformed: {error}"))
            .hint("use a level such as `info`, or `lyceum_api=debug,info`")
    })?;
    let builder = fmt::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).try_init(),
    };
    started.map_err(|error| Failure::new(format!("start logging: {error}")))
}
