//! `lyceum publisher`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use lyceum_core::{AccountName, Timestamp};
use lyceum_hub::{NewPublisher, Publisher, ScopeTarget};
use serde_json::{Value, json};

use super::Common;
use crate::failure::{Failure, Result};
use crate::{hub, output};

/// Trust programs that an issuer vouches for, such as jobs of a CI service
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Add(Add),
    List(List),
    Remove(Remove),
}

/// Trust a program
///
/// It exchanges what the issuer says of it for tokens that last an hour and may only write content in
/// this place. They are tokens of a user, who must have the right to write there himself, or of a
/// service account. The issuer must be in the setting `publishers.issuers`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum publisher add model:lab/bert --user ada \\\n    \
    --issuer https://token.actions.githubusercontent.com \\\n    \
    --claim repository=octo/bert --claim ref=refs/heads/main")]
pub(crate) struct Add {
    /// What it may write to: `org:NAME`, or `model:NAMESPACE/NAME` or another kind
    place: String,
    /// The user whose tokens it gets
    #[arg(long, value_name = "USER")]
    user: String,
    /// Who vouches for it
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// What the issuer must say of it, exactly (`sub` may end with `*`); can be given several times
    #[arg(long, value_name = "NAME=VALUE", required = true)]
    claim: Vec<String>,
}

/// List the programs that a place trusts
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum publisher list org:lab")]
pub(crate) struct List {
    /// `org:NAME`, or `model:NAMESPACE/NAME` or another kind
    place: String,
}

/// Trust a program no longer
///
/// The tokens that it was given end at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum publisher remove org:lab 3")]
pub(crate) struct Remove {
    /// `org:NAME`, or `model:NAMESPACE/NAME` or another kind
    place: String,
    /// Number of the publisher, as `lyceum publisher list` shows it
    id: i64,
}

pub(crate) async fn run(common: &Common, command: Command) -> Result<ExitCode> {
    match command {
        Command::Add(options) => add(common, options).await,
        Command::List(options) => list(common, &options).await,
        Command::Remove(options) => remove(common, &options).await,
    }
}

async fn add(common: &Common, add: Add) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let place = ScopeTarget::parse(&add.place)?;
    let user = AccountName::parse(&add.user).map_err(lyceum_hub::Error::from)?;
    let mut claims = BTreeMap::new();
    for claim in &add.claim {
        let (name, value) = claim.split_once('=').ok_or_else(|| {
            Failure::usage(format!("claim `{claim}` must look like `repository=octo/bert`"))
        })?;
        claims.insert(name.to_owned(), value.to_owned());
    }
    let hub = hub::open(&settings).await?;
    let place = hub.publishers_of(&place).await?;
    let new = NewPublisher { issuer: add.issuer, claims };
    let publisher = hub.add_publisher(&place, new, Some(&user)).await?;
    if common.json {
        output::print_json(&to_json(&publisher));
    } else {
        output::print(&format!("{} now trusts publisher {}", add.place, publisher.id));
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(common: &Common, list: &List) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let place = ScopeTarget::parse(&list.place)?;
    let hub = hub::open(&settings).await?;
    let publishers = hub.list_publishers(&hub.publishers_of(&place).await?).await?;
    if common.json {
        output::print_json(&Value::Array(publishers.iter().map(to_json).collect()));
        return Ok(ExitCode::SUCCESS);
    }
    for publisher in &publishers {
        let used = publisher.used_at.map_or_else(|| "never".to_owned(), Timestamp::day);
        output::print(&format!(
            "{:>6}  user {:<16} last used {used:<10}  {}",
            publisher.id, publisher.user, publisher.issuer
        ));
        for (name, value) in &publisher.claims {
            output::print(&format!("        {name}={value}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn remove(common: &Common, remove: &Remove) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let place = ScopeTarget::parse(&remove.place)?;
    let hub = hub::open(&settings).await?;
    hub.remove_publisher(&hub.publishers_of(&place).await?, remove.id).await?;
    if common.json {
        output::print_json(&json!({ "place": remove.place, "removed": remove.id }));
    } else {
        output::print(&format!("{} trusts publisher {} no longer", remove.place, remove.id));
    }
    Ok(ExitCode::SUCCESS)
}

fn to_json(publisher: &Publisher) -> Value {
    json!({
        "id": publisher.id,
        "issuer": publisher.issuer,
        "claims": publisher.claims,
        "user": publisher.user,
        "created_at": publisher.created_at.to_string(),
        "last_used_at": publisher.used_at.map(|at| at.to_string()),
    })
}
