//! Tests of the command line and the settings as documented.

use std::path::Path;

use clap::CommandFactory as _;

use crate::command::{Arguments, render_settings};
use crate::settings::{Loaded, Overrides};

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_has_an_example() {
    for command in leaves(Arguments::command()) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example:"), "`{}` has no example", command.get_name());
    }
}

#[test]
fn the_documented_commands_are_the_commands() {
    let mut text = String::from(
        "# Commands\n\nWhat `--help` of each command prints.\n\
         This page is compared with the program by a test; `UPDATE_DOCS=1 cargo nextest run -p lyceum documented` writes it.\n",
    );
    for mut command in leaves(Arguments::command().term_width(100)) {
        let name = command.get_bin_name().unwrap_or_default().to_owned();
        let help = command.render_long_help().to_string();
        let help = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        text.extend(["\n## ", &name, "\n\n```text\n", help.trim_end(), "\n```\n"]);
    }
    check_document("commands.md", &text);
}

#[test]
fn the_documented_settings_are_the_settings() {
    let defaults = Loaded::load_with(&Overrides::default(), |_| None).unwrap();
    check_document("settings.toml", &(render_settings(&defaults) + "\n"));
}

/// Returns every command that does something, with its whole name.
fn leaves(mut command: clap::Command) -> Vec<clap::Command> {
    command.build();
    let inner: Vec<_> =
        command.get_subcommands().filter(|inner| inner.get_name() != "help").cloned().collect();
    if inner.is_empty() { vec![command] } else { inner.into_iter().flat_map(leaves).collect() }
}

/// Compares a page of `docs/` with what the program says.
fn check_document(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not a setting")]
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/{name} is out of date; set UPDATE_DOCS=1 and run this test again");
}
