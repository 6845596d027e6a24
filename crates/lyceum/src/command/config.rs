//! `lyceum config`.

use std::process::ExitCode;

use serde_json::json;

use super::Common;
use crate::failure::Result;
use crate::output;
use crate::settings::{KEYS, Loaded, oidc, upstream};

/// Print every setting with its value, default and meaning
///
/// What it prints is a settings file for --config. A password in the database address is left out.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lyceum config > lyceum.toml\n  LYCEUM_LOG_FORMAT=json lyceum config --json"
)]
pub(crate) struct Options {}

pub(crate) fn run(common: &Common) -> Result<ExitCode> {
    let loaded = common.load()?;
    if common.json {
        output::print_json(&describe(&loaded));
    } else {
        output::print(&render(&loaded));
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(loaded: &Loaded) -> serde_json::Value {
    let settings: Vec<_> = KEYS
        .iter()
        .map(|key| {
            json!({
                "name": key.name,
                "value": typed(&loaded.shown(key.name)),
                "default": typed(&Loaded::default_of(key.name)),
                "environment": key.environment,
                "source": loaded.source(key.name).words(),
                "description": key.description,
            })
        })
        .collect();
    json!({
        "settings": settings,
        "oidc": oidc::describe(&loaded.settings.oidc),
        "upstream": upstream::describe(&loaded.settings.upstream),
    })
}

/// Turns a TOML value of one of the simple types into JSON.
fn typed(value: &str) -> serde_json::Value {
    let simple = toml::from_str::<toml::Table>(&format!("value = {value}"));
    match simple.ok().and_then(|mut table| table.remove("value")) {
        Some(toml::Value::Integer(number)) => json!(number),
        Some(toml::Value::Boolean(flag)) => json!(flag),
        Some(toml::Value::String(text)) => json!(text),
        _ => json!(value),
    }
}

/// Returns the settings as a file, each with its documentation.
pub(crate) fn render(loaded: &Loaded) -> String {
    let mut lines =
        vec!["# Settings of Lyceum. Later ones win: default, file, environment, command line.".to_owned()];
    let mut area = "";
    for key in KEYS {
        let (section, name) = key.name.split_once('.').unwrap_or(("", key.name));
        lines.push(String::new());
        if section != area {
            area = section;
            lines.extend([format!("[{section}]"), String::new()]);
        }
        lines.push(format!("# {}", key.description));
        lines.push(format!(
            "# Default: {}. Environment: {}. Set by: {}.",
            Loaded::default_of(key.name),
            key.environment,
            loaded.source(key.name).words(),
        ));
        lines.push(format!("{name} = {}", loaded.shown(key.name)));
    }
    lines.extend(oidc::render(&loaded.settings.oidc));
    lines.extend(upstream::render(&loaded.settings.upstream));
    lines.join("\n")
}
