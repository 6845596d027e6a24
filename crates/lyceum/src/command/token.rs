//! `lyceum token`.

use std::process::ExitCode;

use lyceum_core::{AccountName, Timestamp};
use lyceum_hub::{FineGrained, NewToken, Permission, TokenInfo, TokenLimits, TokenRole, TokenScope};
use serde_json::{Value, json};

use super::Common;
use crate::failure::{Failure, Result};
use crate::{hub, output};

/// Seconds of a day.
const DAY: i64 = 24 * 3600;
/// Longest life of a token that is given in days or hours.
const MAX_DAYS: i64 = 36_500;

/// Make, list and revoke access tokens
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make an access token and print it
///
/// It is shown this once; the hub keeps only its hash. Works beside a running server.
///
/// A fine-grained token may do only what its scopes say, and never more than its user may at that moment.
/// A scope is a place and what is allowed there: `user:NAME`, `org:NAME`, `model:NAMESPACE/NAME` (or
/// another kind of repository) or `everywhere`, then `=` and permissions with commas.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  export HF_TOKEN=$(lyceum token create ada --name laptop)\n  \
    lyceum token create ada --role fine-grained --expires 90d \\\n    \
    --scope org:lab=repo.content.read --scope model:ada/bert=repo.content.write,discussion.write")]
pub(crate) struct Create {
    /// The user whose token it is
    user: String,
    /// Name under which it is listed
    #[arg(long, value_name = "NAME", default_value = "command line")]
    name: String,
    /// Whether it may only read, or also write, or do what its scopes say
    #[arg(long, value_enum, default_value = "write")]
    role: RoleName,
    /// What a fine-grained token may do, and where; can be given several times
    #[arg(long, value_name = "PLACE=PERMISSIONS")]
    scope: Vec<String>,
    /// Let a fine-grained token read the public gated repositories that its user was let into
    #[arg(long)]
    read_gated: bool,
    /// When it ends: a day, a time in UTC, or so many days (`90d`) or hours (`12h`) from now
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// Import this token instead of making a new one, so that clients keep theirs after a migration
    #[arg(long, value_name = "TOKEN")]
    value: Option<String>,
}

/// List a user's access tokens, without their secrets
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum token list ada")]
pub(crate) struct List {
    /// The user
    user: String,
}

/// End an access token at once
///
/// Requests that carry it are refused from then on, and so is what it was given to move large files.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum token revoke ada 17")]
pub(crate) struct Revoke {
    /// The user whose token it is
    user: String,
    /// Number of the token, as `lyceum token list` shows it
    id: i64,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum RoleName {
    Read,
    Write,
    FineGrained,
}

pub(crate) async fn run(common: &Common, command: Command) -> Result<ExitCode> {
    match command {
        Command::Create(options) => create(common, options).await,
        Command::List(options) => list(common, options).await,
        Command::Revoke(options) => revoke(common, options).await,
    }
}

async fn create(common: &Common, create: Create) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let user = name(&create.user)?;
    let role = match create.role {
        RoleName::Read => TokenRole::Read,
        RoleName::Write => TokenRole::Write,
        RoleName::FineGrained => TokenRole::FineGrained,
    };
    let scopes = create.scope.iter().map(|scope| TokenScope::parse(scope));
    let scopes = scopes.collect::<lyceum_hub::Result<Vec<_>>>()?;
    let hub = hub::open(&settings).await?;
    let now = hub.clock().now();
    let expires_at = create.expires.as_deref().map(|when| parse_end(when, now)).transpose()?;
    let limits = TokenLimits { expires_at, scopes, read_gated: create.read_gated };
    let token = NewToken { name: create.name.clone(), role, value: create.value };
    let secret = hub.create_limited_token(&user, token, limits).await?;
    if common.json {
        output::print_json(&json!({
            "token": secret, "user": user.as_str(), "name": create.name, "role": role.as_str(),
            "expires_at": expires_at.map(|end| end.to_string()),
        }));
    } else {
        output::print(&secret);
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(common: &Common, list: List) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let user = name(&list.user)?;
    let hub = hub::open(&settings).await?;
    let (mut tokens, mut after) = (Vec::new(), 0);
    loop {
        let page = hub.tokens(&user, after).await?;
        let Some(last) = page.last() else {
            break;
        };
        after = last.id;
        tokens.extend(page);
    }
    if common.json {
        output::print_json(&Value::Array(tokens.iter().map(to_json).collect()));
        return Ok(ExitCode::SUCCESS);
    }
    for token in &tokens {
        let time = |time: Option<Timestamp>| time.map_or_else(|| "never".to_owned(), Timestamp::day);
        output::print(&format!(
            "{:>6}  {:<11} {:<8} last used {:<10}  ends {:<10}  {}",
            token.id,
            token.role.as_str(),
            token.kind.as_str(),
            time(token.last_used_at),
            time(token.expires_at),
            token.name,
        ));
        for line in token.fine_grained.iter().flat_map(scopes) {
            output::print(&format!("        {line}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn revoke(common: &Common, revoke: Revoke) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let user = name(&revoke.user)?;
    hub::open(&settings).await?.revoke_token(&user, revoke.id).await?;
    if common.json {
        output::print_json(&json!({ "user": user.as_str(), "revoked": revoke.id }));
    } else {
        output::print(&format!("Revoked token {} of {user}", revoke.id));
    }
    Ok(ExitCode::SUCCESS)
}

fn name(text: &str) -> Result<AccountName> {
    Ok(AccountName::parse(text).map_err(lyceum_hub::Error::from)?)
}

/// Reads a date, or a span from now.
fn parse_end(text: &str, now: Timestamp) -> Result<Timestamp> {
    let span = |number: &str, seconds: i64| {
        let number: i64 = number.parse().ok()?;
        (1..=MAX_DAYS * DAY / seconds).contains(&number).then(|| now.plus_seconds(number * seconds))
    };
    let spans = [("d", DAY), ("h", 3600)];
    for (unit, seconds) in spans {
        if let Some(end) = text.strip_suffix(unit).and_then(|number| span(number, seconds)) {
            return Ok(end);
        }
    }
    Timestamp::parse(text).map_err(|error| {
        Failure::usage(error.to_string()).hint("give a day like 2030-12-31, or a span like 90d or 12h")
    })
}

/// Returns a line for each scope, in the form that `--scope` takes.
fn scopes(limits: &FineGrained) -> Vec<String> {
    let names = |permissions: &[Permission]| {
        permissions.iter().map(|permission| permission.as_str()).collect::<Vec<_>>().join(",")
    };
    let mut lines: Vec<String> = limits
        .scoped
        .iter()
        .map(|scope| format!("{}:{}={}", scope.kind, scope.name, names(&scope.permissions)))
        .collect();
    if !limits.global.is_empty() {
        lines.push(format!("everywhere={}", names(&limits.global)));
    }
    if limits.read_gated {
        lines.push("reads gated repositories".to_owned());
    }
    lines
}

fn to_json(token: &TokenInfo) -> Value {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    json!({
        "id": token.id,
        "name": token.name,
        "role": token.role.as_str(),
        "kind": token.kind.as_str(),
        "created_at": token.created_at.to_string(),
        "last_used_at": time(token.last_used_at),
        "expires_at": time(token.expires_at),
        "scopes": token.fine_grained.as_ref().map(scopes),
    })
}

#[cfg(test)]
mod tests;
