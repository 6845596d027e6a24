//! `cargo xtask bench`: the speed and memory table.

#[derive(clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(_: &Options) -> anyhow::Result<()> {
    Ok(())
}
