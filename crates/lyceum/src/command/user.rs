//! `lyceum user`.

use std::io::BufRead as _;
use std::process::ExitCode;

use lyceum_core::AccountName;
use lyceum_hub::{Account, NewServiceAccount, NewUser};
use serde_json::json;

use super::Common;
use crate::failure::{Failure, Result};
use crate::{hub, output};

/// Longest password that is read.
const MAX_PASSWORD_BYTES: u64 = 1024;

/// Make users, say what they may, and connect them with providers of identities
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Create(Create),
    SetAdmin(SetAdmin),
    Disable(Disable),
    Enable(Enable),
    Link(Link),
    Unlink(Unlink),
}

/// Make a user
///
/// Works beside a running server. Without a password the user has only tokens, and cannot sign in
/// with a browser. A service account is a program: it belongs to organisations and has tokens like
/// anybody else, and can never have a password.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum user create ada --full-name \"Ada Lovelace\" --admin\n  \
    printf %s \"$PASSWORD\" | lyceum user create ada --password-stdin")]
pub(crate) struct Create {
    /// Account name: letters, digits, `-`, `_` and `.`
    name: String,
    /// Name for people
    #[arg(long, value_name = "NAME")]
    full_name: Option<String>,
    /// Mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Let the user administer the hub
    #[arg(long)]
    admin: bool,
    /// Make a service account, for a program rather than a person
    #[arg(long, conflicts_with_all = ["admin", "password_stdin"])]
    service: bool,
    /// Read a password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
}

/// Let a user administer the hub, or no longer
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum user set-admin ada\n  lyceum user set-admin ada --remove")]
pub(crate) struct SetAdmin {
    /// The user
    name: String,
    /// Take the role instead of giving it
    #[arg(long)]
    remove: bool,
}

/// Keep a user out
///
/// None of the user's tokens, sessions and passwords works any more, from this moment. What the user owns stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum user disable ada")]
pub(crate) struct Disable {
    /// The user
    name: String,
}

/// Let a user in again who was kept out
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum user enable ada")]
pub(crate) struct Enable {
    /// The user
    name: String,
}

/// Let whom a provider of identities knows in as a user
///
/// An account that a provider's user gets at the first sign-in is connected already. This connects one
/// that was there before. The page that refuses to let somebody in shows the subject.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum user link ada --provider corp --subject 248289761001")]
pub(crate) struct Link {
    /// The user
    name: String,
    /// Name of the provider in the settings
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// What the provider calls the user, in the claim `sub`
    #[arg(long, value_name = "SUBJECT")]
    subject: String,
}

/// Keep whom a provider of identities knows out of a user's account
///
/// Roles that groups of the provider gave are taken. Sessions that are open stay; `lyceum token revoke` ends them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum user unlink ada --provider corp")]
pub(crate) struct Unlink {
    /// The user
    name: String,
    /// Name of the provider in the settings
    #[arg(long, value_name = "NAME")]
    provider: String,
}

pub(crate) async fn run(common: &Common, command: Command) -> Result<ExitCode> {
    match command {
        Command::Create(options) => create(common, options).await,
        Command::SetAdmin(options) => set_admin(common, &options).await,
        Command::Disable(options) => set_disabled(common, &options.name, true).await,
        Command::Enable(options) => set_disabled(common, &options.name, false).await,
        Command::Link(options) => link(common, &options).await,
        Command::Unlink(options) => unlink(common, &options).await,
    }
}

async fn set_admin(common: &Common, options: &SetAdmin) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let (name, admin) =
        (AccountName::parse(&options.name).map_err(lyceum_hub::Error::from)?, !options.remove);
    hub::open(&settings).await?.set_admin(&name, admin).await?;
    if common.json {
        output::print_json(&json!({ "user": name.as_str(), "admin": admin }));
    } else if admin {
        output::print(&format!("{name} administers the hub"));
    } else {
        output::print(&format!("{name} does not administer the hub any more"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn set_disabled(common: &Common, name: &str, disabled: bool) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let name = AccountName::parse(name).map_err(lyceum_hub::Error::from)?;
    hub::open(&settings).await?.set_disabled(&name, disabled).await?;
    if common.json {
        output::print_json(&json!({ "user": name.as_str(), "disabled": disabled }));
    } else if disabled {
        output::print(&format!("{name} is kept out"));
    } else {
        output::print(&format!("{name} may sign in again"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn link(common: &Common, link: &Link) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let name = AccountName::parse(&link.name).map_err(lyceum_hub::Error::from)?;
    hub::open(&settings).await?.link_identity(&name, &link.provider, &link.subject).await?;
    if common.json {
        output::print_json(&json!({
            "user": name.as_str(), "provider": link.provider, "subject": link.subject,
        }));
    } else {
        output::print(&format!("Subject {} of {} signs in as {name}", link.subject, link.provider));
    }
    Ok(ExitCode::SUCCESS)
}

async fn unlink(common: &Common, unlink: &Unlink) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let name = AccountName::parse(&unlink.name).map_err(lyceum_hub::Error::from)?;
    hub::open(&settings).await?.unlink_identity(&name, &unlink.provider).await?;
    if common.json {
        output::print_json(&json!({ "user": name.as_str(), "provider": unlink.provider, "subject": null }));
    } else {
        output::print(&format!("{name} is not connected with {} any more", unlink.provider));
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(common: &Common, create: Create) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    if create.service {
        let service =
            NewServiceAccount { name: create.name, full_name: create.full_name, email: create.email };
        let account = hub::open(&settings).await?.create_service_account(service).await?;
        print(common, &account, "service account");
        return Ok(ExitCode::SUCCESS);
    }
    let password = create.password_stdin.then(read_password).transpose()?;
    let user = NewUser {
        name: create.name,
        full_name: create.full_name,
        email: create.email,
        admin: create.admin,
        password,
    };
    let account = hub::open(&settings).await?.create_user(user).await?;
    print(common, &account, if account.admin { "administrator" } else { "user" });
    Ok(ExitCode::SUCCESS)
}

fn print(common: &Common, account: &Account, role: &str) {
    if common.json {
        output::print_json(&to_json(account));
    } else {
        output::print(&format!("Created {role} {}", account.name));
    }
}

/// Returns what `--json` prints of an account.
pub(super) fn to_json(account: &Account) -> serde_json::Value {
    json!({
        "name": account.name.as_str(),
        "type": if account.organisation { "org" } else { "user" },
        "full_name": account.full_name,
        "email": account.email,
        "admin": account.admin,
        "service": account.service,
        "created_at": account.created_at.to_string(),
    })
}

fn read_password() -> Result<String> {
    use std::io::Read as _;
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_PASSWORD_BYTES + 2)
        .read_line(&mut line)
        .map_err(|error| Failure::from(error).context("read the password"))?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err(Failure::usage("standard input holds no password")
            .hint("printf %s \"$PASSWORD\" | lyceum user create NAME --password-stdin"));
    }
    if password.len() as u64 > MAX_PASSWORD_BYTES {
        return Err(Failure::usage(format!("the password is longer than {MAX_PASSWORD_BYTES} bytes")));
    }
    Ok(password.to_owned())
}
