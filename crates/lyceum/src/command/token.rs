//! `lyceum token`.

use std::process::ExitCode;

use lyceum_core::AccountName;
use lyceum_hub::{NewToken, TokenRole};
use serde_json::json;

use super::Common;
use crate::failure::Result;
use crate::{hub, output};

/// Make access tokens
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Create(Create),
}

/// Make an access token and print it
///
/// It is shown this once; the hub keeps only its hash. Works beside a running server.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  export HF_TOKEN=$(lyceum token create ada --name laptop)")]
pub(crate) struct Create {
    /// The user whose token it is
    user: String,
    /// Name under which it is listed
    #[arg(long, value_name = "NAME", default_value = "command line")]
    name: String,
    /// Whether it may only read, or also write
    #[arg(long, value_enum, default_value = "write")]
    role: RoleName,
    /// Import this token instead of making a new one, so that clients keep theirs after a migration
    #[arg(long, value_name = "TOKEN")]
    value: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum RoleName {
    Read,
    Write,
}

pub(crate) async fn run(common: &Common, command: Command) -> Result<ExitCode> {
    let Command::Create(create) = command;
    let settings = common.load()?.settings;
    let user = AccountName::parse(&create.user).map_err(lyceum_hub::Error::from)?;
    let (role, word) = match create.role {
        RoleName::Read => (TokenRole::Read, "read"),
        RoleName::Write => (TokenRole::Write, "write"),
    };
    let token = NewToken { name: create.name.clone(), role, value: create.value };
    let secret = hub::open(&settings).await?.create_token(&user, token).await?;
    if common.json {
        output::print_json(&json!({
            "token": secret, "user": user.as_str(), "name": create.name, "role": word,
        }));
    } else {
        output::print(&secret);
    }
    Ok(ExitCode::SUCCESS)
}
