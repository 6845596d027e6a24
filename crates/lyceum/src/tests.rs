//! Tests of the command line as declared.

use clap::CommandFactory as _;

use crate::command::Arguments;

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_has_an_example() {
    fn visit(command: &clap::Command) {
        let mut leaf = true;
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            leaf = false;
            visit(inner);
        }
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(!leaf || help.contains("Example:"), "`{}` has no example", command.get_name());
    }
    visit(&Arguments::command());
}
