//! `lyceum quota`.

use std::process::ExitCode;

use lyceum_core::{AccountName, parse_size};
use lyceum_hub::{Quota, StorageLimits};
use serde_json::json;

use super::Common;
use crate::failure::Result;
use crate::{hub, output};

/// Limit what users and organisations may store
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Set(Set),
    Show(Show),
}

/// Set the limits of a user or organisation; a limit that is not named is lifted
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lyceum quota set lab --logical 2TiB --stored 500GiB\n  lyceum quota set lab"
)]
pub(crate) struct Set {
    /// The user or organisation
    name: String,
    /// Most bytes of large files, counted once per repo: `500GiB`, `1.5TB`
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    logical: Option<u64>,
    /// Most bytes that its files take on the disk, whatever they share counted once
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    stored: Option<u64>,
}

/// Show the limits of a user or organisation and what is used of them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum quota show lab")]
pub(crate) struct Show {
    /// The user or organisation
    name: String,
}

pub(crate) async fn run(common: &Common, command: Command) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let hub = hub::open(&settings).await?;
    let parse = |name: &str| AccountName::parse(name).map_err(lyceum_hub::Error::from);
    let (name, quota) = match command {
        Command::Set(Set { name, logical, stored }) => {
            let name = parse(&name)?;
            let quota = hub.set_quota(&name, StorageLimits { logical, stored }).await?;
            (name, quota)
        }
        Command::Show(show) => {
            let name = parse(&show.name)?;
            let quota = hub.quota(&name).await?;
            (name, quota)
        }
    };
    if common.json {
        output::print_json(&to_json(&name, quota.as_ref()));
    } else {
        output::print(&to_text(&name, quota.as_ref()));
    }
    Ok(ExitCode::SUCCESS)
}

fn to_json(name: &AccountName, quota: Option<&Quota>) -> serde_json::Value {
    json!({
        "name": name.as_str(),
        "logicalLimit": quota.and_then(|quota| quota.logical_limit),
        "storedLimit": quota.and_then(|quota| quota.stored_limit),
        "logicalBytes": quota.map(|quota| quota.logical_bytes),
        "storedBytes": quota.map(|quota| quota.stored_bytes),
    })
}

fn to_text(name: &AccountName, quota: Option<&Quota>) -> String {
    let Some(quota) = quota else {
        return format!("{name} may store without limits");
    };
    let of = |limit: Option<u64>| limit.map_or("no limit".to_owned(), |limit| format!("{limit} bytes"));
    format!(
        "{name} uses {} bytes of {}\n{name} takes {} bytes on the disk of {}",
        quota.logical_bytes,
        of(quota.logical_limit),
        quota.stored_bytes,
        of(quota.stored_limit)
    )
}
