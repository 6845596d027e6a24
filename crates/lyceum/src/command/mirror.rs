//! `lyceum mirror`.

use std::process::ExitCode;

use lyceum_core::{RepoId, RepoKind};
use lyceum_hub::{Hub, MirrorInfo, MirrorSource, NewMirror, SyncReport};
use serde_json::json;

use super::Common;
use crate::failure::{Failure, Result};
use crate::{hub, output};

/// Follow repositories of other hubs, which the settings name
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Add(Add),
    List(List),
    Sync(Sync),
    Remove(Remove),
}

/// Follow a repository of another hub
///
/// Commits, branches, tags, licence and gate are those of the other repository, and nobody writes to it here. Large
/// files are fetched when somebody first asks for them. The address starts with the name of an `[[upstream]]` section
/// of the settings, which must allow the repository.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum mirror add hf://google/bert --every 1h\n  \
    lyceum mirror add hf://datasets/lab/data@v1.0 --as archive/data --full")]
pub(crate) struct Add {
    /// Where it is: `hf://namespace/name`, with `datasets/` and the like in front, and `@branch` or `@tag` behind
    source: String,
    /// What it holds, if the address does not say
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<KindName>,
    /// Its name here, if it is another; an organisation that does not exist is made
    #[arg(long = "as", value_name = "NAMESPACE/NAME")]
    local: Option<String>,
    /// Look at it again and again: every so many minutes (`30m`), hours (`12h`) or days (`1d`)
    #[arg(long, value_name = "SPAN", value_parser = seconds)]
    every: Option<u64>,
    /// Fetch all large files at once, now and whenever it is looked at
    #[arg(long)]
    full: bool,
}

/// List the repositories that follow others
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum mirror list --json")]
pub(crate) struct List {}

/// Bring a repository up to date with the one that it follows
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lyceum mirror sync google/bert\n  lyceum mirror sync datasets/lab/data --full"
)]
pub(crate) struct Sync {
    /// Its name here, with `datasets/` and the like in front
    name: String,
    /// Fetch all large files that are not here yet
    #[arg(long)]
    full: bool,
}

/// Let a repository follow no other any more; it stays as it is, and can be written to
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum mirror remove google/bert")]
pub(crate) struct Remove {
    /// Its name here, with `datasets/` and the like in front
    name: String,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum KindName {
    Model,
    Dataset,
    Space,
    Kernel,
}

impl KindName {
    fn kind(self) -> RepoKind {
        match self {
            Self::Model => RepoKind::Model,
            Self::Dataset => RepoKind::Dataset,
            Self::Space => RepoKind::Space,
            Self::Kernel => RepoKind::Kernel,
        }
    }
}

pub(crate) async fn run(common: &Common, command: Command) -> Result<ExitCode> {
    let settings = common.load()?.settings;
    let hub = hub::open(&settings).await?;
    match command {
        Command::Add(add) => self::add(common, &hub, add).await?,
        Command::List(List {}) => list(common, &hub).await?,
        Command::Sync(sync) => self::sync(common, &hub, sync).await?,
        Command::Remove(remove) => self::remove(common, &hub, &remove.name).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(common: &Common, hub: &Hub, add: Add) -> Result<()> {
    let mut source = MirrorSource::parse(&add.source)?;
    if let Some(kind) = add.kind {
        source.kind = kind.kind();
    }
    let local = add.local.as_deref().map(RepoId::parse).transpose().map_err(lyceum_hub::Error::from)?;
    let new = NewMirror { source, local, every_seconds: add.every, whole: add.full };
    let made = hub.add_mirror(new).await.map_err(explain)?;
    if common.json {
        output::print_json(&to_json(&made));
    } else {
        output::print(&format!("{} follows {}", name(made.kind, &made.id), made.source));
        if add.full {
            output::print(&bytes(made.received_bytes, made.reused_bytes));
        }
    }
    Ok(())
}

async fn list(common: &Common, hub: &Hub) -> Result<()> {
    let mirrors = hub.mirrors().await?;
    if common.json {
        output::print_json(&mirrors.iter().map(to_json).collect());
        return Ok(());
    }
    for mirror in &mirrors {
        let synced = mirror.synced_at.map_or("never".to_owned(), |time| time.to_string());
        output::print(&format!("{} follows {}", name(mirror.kind, &mirror.id), mirror.source));
        let every =
            mirror.every_seconds.map_or(String::new(), |every| format!(", looked at every {every} s"));
        output::print(&format!("        up to date {synced}{every}"));
        output::print(&format!("        {}", bytes(mirror.received_bytes, mirror.reused_bytes)));
        if let Some(error) = &mirror.error {
            output::print(&format!("        failed: {error}"));
        }
    }
    Ok(())
}

async fn sync(common: &Common, hub: &Hub, sync: Sync) -> Result<()> {
    let (kind, id) = parse_name(&sync.name)?;
    let before = hub.mirror_info(kind, &id).await?;
    let report = hub.sync_mirror(kind, &id, sync.full).await.map_err(explain)?;
    let after = hub.mirror_info(kind, &id).await?;
    let received = after.received_bytes.saturating_sub(before.received_bytes);
    let reused = after.reused_bytes.saturating_sub(before.reused_bytes);
    let SyncReport { changed, git_bytes, files } = report;
    if common.json {
        output::print_json(&json!({
            "kind": kind.singular(), "id": id.to_string(), "changed": changed, "gitBytes": git_bytes,
            "files": files, "receivedBytes": received, "reusedBytes": reused,
        }));
        return Ok(());
    }
    let name = name(kind, &id);
    match changed {
        0 => output::print(&format!("{name} is what {} is", after.source)),
        _ => output::print(&format!(
            "{name} follows {}: {changed} branches and tags changed, {git_bytes} bytes of history",
            after.source
        )),
    }
    if files > 0 {
        output::print(&format!("{files} large files: {}", bytes(received, reused)));
    }
    Ok(())
}

async fn remove(common: &Common, hub: &Hub, text: &str) -> Result<()> {
    let (kind, id) = parse_name(text)?;
    let missing = hub.remove_mirror(kind, &id).await?;
    if common.json {
        output::print_json(
            &json!({ "kind": kind.singular(), "id": id.to_string(), "missingFiles": missing }),
        );
        return Ok(());
    }
    output::print(&format!("{} follows no other repository any more", name(kind, &id)));
    if missing > 0 {
        output::print(&format!("{missing} of its large files were never fetched and are missing now"));
    }
    Ok(())
}

/// Tells what moved, as every command does.
fn bytes(received: u64, reused: u64) -> String {
    format!("{received} bytes received, {reused} bytes were here already")
}

fn name(kind: RepoKind, id: &RepoId) -> String {
    format!("{}{id}", kind.url_prefix())
}

fn parse_name(text: &str) -> Result<(RepoKind, RepoId)> {
    let (kind, id) = match text.split_once('/') {
        Some((kind, id)) if id.contains('/') => {
            let known = RepoKind::ALL.into_iter().find(|known| known.plural() == kind);
            (known.ok_or_else(|| Failure::usage(format!("`{kind}` is no type of repository")))?, id)
        }
        _ => (RepoKind::Model, text),
    };
    Ok((kind, RepoId::parse(id).map_err(lyceum_hub::Error::from)?))
}

/// Reads a span of time.
fn seconds(text: &str) -> std::result::Result<u64, String> {
    let wrong = || "a span is a number with a unit, as in 30m, 12h or 1d".to_owned();
    let (number, factor) = [("m", 60), ("h", 3600), ("d", 24 * 3600)]
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .ok_or_else(wrong)?;
    let number: u32 = number.parse().map_err(|_| wrong())?;
    if number == 0 { Err(wrong()) } else { Ok(u64::from(number) * factor) }
}

/// Says what can be done about what the settings do not allow.
fn explain(error: lyceum_hub::Error) -> Failure {
    let message = error.message();
    let hint = if message.contains("no upstream called") {
        Some("add an `[[upstream]]` section with this name to the settings; `lyceum config` prints one")
    } else if message.contains("settings do not allow") {
        Some("add the repository, or a pattern for it, to `allow` of the `[[upstream]]` section")
    } else {
        None
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn to_json(mirror: &MirrorInfo) -> serde_json::Value {
    json!({
        "kind": mirror.kind.singular(),
        "id": mirror.id.to_string(),
        "source": mirror.source.to_string(),
        "everySeconds": mirror.every_seconds,
        "full": mirror.whole,
        "syncedAt": mirror.synced_at.map(|time| time.to_string()),
        "error": mirror.error,
        "receivedBytes": mirror.received_bytes,
        "reusedBytes": mirror.reused_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_spans() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(seconds(text).ok(), expected, "{text}");
        check("30m", Some(1800));
        check("1h", Some(3600));
        check("7d", Some(604_800));
        for wrong in ["", "h", "0h", "5", "-1h", "1.5h", "1w"] {
            check(wrong, None);
        }
    }

    #[test]
    fn reads_names() {
        let check = |text: &str| parse_name(text).ok().map(|(kind, id)| name(kind, &id));
        assert_eq!(check("lab/m").as_deref(), Some("lab/m"));
        assert_eq!(check("datasets/lab/d").as_deref(), Some("datasets/lab/d"));
        assert_eq!(check("models/lab/m").as_deref(), Some("lab/m"));
        assert_eq!(check("things/lab/m"), None);
        assert_eq!(check("m"), None);
    }
}
