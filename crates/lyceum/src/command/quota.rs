//! `lyceum quota`.

use std::process::ExitCode;

use lyceum_core::AccountName;
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
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    logical: Option<u64>,
    /// Most bytes that its files take on the disk, whatever they share counted once
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
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

/// Parses a number of bytes with a unit: decimal as `kB`, `MB`, `GB`, `TB`, or binary as `KiB`, `MiB`, `GiB`, `TiB`.
fn bytes(text: &str) -> std::result::Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1000_u64.pow(2),
        "gb" => 1000_u64.pow(3),
        "tb" => 1000_u64.pow(4),
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err("the unit must be one of kB, MB, GB, TB, KiB, MiB, GiB, TiB".to_owned()),
    };
    let number: f64 =
        number.parse().map_err(|_| "a size is a number with a unit, as in 500GiB".to_owned())?;
    let bytes = number * factor as f64;
    // Sizes beyond 8 EiB are beyond every database and file system.
    if bytes >= i64::MAX as f64 {
        return Err("the size is too large".to_owned());
    }
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn reads_sizes() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(bytes(text).ok(), expected, "{text}");
        check("0", Some(0));
        check("123", Some(123));
        check("500GiB", Some(500 << 30));
        check("1.5 tb", Some(1_500_000_000_000));
        check("1 KiB", Some(1024));
        check("", None);
        check("GiB", None);
        check("-1", None);
        check("10 GiBs", None);
        check("1.2.3", None);
        check("99999999TiB", None);
    }
}
