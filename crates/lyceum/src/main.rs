//! The lyceum binary: settings, wiring and the command line.

fn main() {}
