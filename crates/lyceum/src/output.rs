//! The only place that writes to standard output and standard error.
//!
//! A closed pipe ends the output, not the process: `lyceum config | head` must not panic.

use std::io::Write as _;

/// Writes a line to standard output.
pub(crate) fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _closed_pipe = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Writes a line to standard error.
pub(crate) fn diagnose(line: &str) {
    let _closed_pipe = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes a JSON value on one line to standard output.
pub(crate) fn print_json(value: &serde_json::Value) {
    print(&value.to_string());
}
