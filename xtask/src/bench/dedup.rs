//! What travels when a file is edited, and when it is uploaded a second time by somebody's fresh client.

use std::fs;

use anyhow::{Context as _, Result};

use super::{Bench, Row};
use crate::server::{self, Server};
use crate::{environment, process};

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let folder = bench.scratch.path().join("dedup");
    fs::create_dir_all(&folder)?;
    let server = Server::start(&folder.join("data"))?;
    let token = server::user(server.data(), "alice")?;
    // The counting proxy is the client tests' own.
    let mut script = process::command(bench.python.join("bin/python"));
    script.current_dir(environment::root().join("clients/python")).arg("measure_dedup.py").arg(&folder);
    script.env("HF_ENDPOINT", server.endpoint()).env("HF_TOKEN", token).env("LYCEUM_USER", "alice");
    script.env("HF_HUB_DISABLE_UPDATE_CHECK", "1").env("HF_HUB_DISABLE_TELEMETRY", "1").env("NO_PROXY", "*");
    let output: serde_json::Value = serde_json::from_str(&process::capture(&mut script)?)?;
    let number =
        |name: &str| output[name].as_f64().with_context(|| format!("no `{name}` in the measurement"));
    println!(
        "20 MB file: {:.0} bytes of xorbs first, {:.0} after an edit, {:.0} all in all",
        number("first")?,
        number("edited")?,
        number("edited_all")?
    );
    let share = 100.0 * number("edited")? / number("size")?;
    Ok(vec![
        Row::at_most("edited 20 MB file, bytes sent again", share, 1.0, "%"),
        Row::at_most("identical upload from a fresh client, xorb bytes", number("identical")?, 0.0, "bytes"),
    ])
}
