//! `lyceum org`.

use std::process::ExitCode;

use lyceum_core::AccountName;
use lyceum_hub::{NewOrganisation, Role};
use serde_json::json;

use super::{Common, user};
use crate::failure::Result;
use crate::{hub, output};

/// Make organisations and give them members
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Create(Create),
    Add(Add),
    Remove(Remove),
}

/// Make an organisation
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum org create lab --full-name \"The Lab\" --private-by-default")]
pub(crate) struct Create {
    /// Account name: letters, digits, `-`, `_` and `.`
    name: String,
    /// Name for people
    #[arg(long, value_name = "NAME")]
    full_name: Option<String>,
    /// Make new repos private unless their creator says otherwise
    #[arg(long)]
    private_by_default: bool,
}

/// Add a user to an organisation, or change the user's role
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum org add lab ada --role write")]
pub(crate) struct Add {
    /// The organisation
    org: String,
    /// The user
    user: String,
    /// What the user may do
    #[arg(long, value_enum)]
    role: RoleName,
}

/// Remove a user from an organisation and its resource groups
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum org remove lab ada")]
pub(crate) struct Remove {
    /// The organisation
    org: String,
    /// The user
    user: String,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum RoleName {
    /// See private repos
    Read,
    /// Also create repos and write to the own ones
    Contributor,
    /// Also write to every repo, change its settings and delete it
    Write,
    /// Also manage members and resource groups
    Admin,
}

impl RoleName {
    fn role(self) -> Role {
        match self {
            Self::Read => Role::Read,
            Self::Contributor => Role::Contributor,
            Self::Write => Role::Write,
            Self::Admin => Role::Admin,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Contributor => "contributor",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

pub(crate) async fn run(common: &Common, command: Command) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    match command {
        Command::Create(create) => {
            let organisation = NewOrganisation {
                name: create.name,
                full_name: create.full_name,
                private_by_default: create.private_by_default,
            };
            let account = hub::open(&settings).await?.create_organisation(organisation).await?;
            if common.json {
                output::print_json(&user::to_json(&account));
            } else {
                output::print(&format!("Created organisation {}", account.name));
            }
        }
        Command::Add(add) => {
            let name = |text: &str| AccountName::parse(text).map_err(lyceum_hub::Error::from);
            let (org, member) = (name(&add.org)?, name(&add.user)?);
            hub::open(&settings).await?.add_member(&org, &member, add.role.role()).await?;
            if common.json {
                output::print_json(&json!({
                    "org": org.as_str(), "user": member.as_str(), "role": add.role.word(),
                }));
            } else {
                output::print(&format!("{member} is now a member of {org} with role {}", add.role.word()));
            }
        }
        Command::Remove(remove) => {
            let name = |text: &str| AccountName::parse(text).map_err(lyceum_hub::Error::from);
            let (org, member) = (name(&remove.org)?, name(&remove.user)?);
            hub::open(&settings).await?.drop_member(&org, &member).await?;
            if common.json {
                output::print_json(&json!({ "org": org.as_str(), "user": member.as_str(), "role": null }));
            } else {
                output::print(&format!("{member} is no longer a member of {org}"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
