//! Numbered, forward-only migrations.
//!
//! A migration that was applied must never change: its checksum is stored and compared at each start.

use lyceum_core::Clock;
use sha2::{Digest as _, Sha256};

use crate::db::Tx;
use crate::dialect::Dialect;
use crate::error::{Inner, Result};
use crate::value::bind;

/// Any number that no other program locks in the same PostgreSQL database; "lyceum" as text.
const LOCK: &str = "SELECT pg_advisory_xact_lock(119268614436205)";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS migration (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
                     checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/// One step of the schema; its number is its place in the list, from 1.
pub(crate) struct Migration {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { name: "initial", text: include_str!("../migrations/0001_initial.sql") },
    Migration { name: "discussions", text: include_str!("../migrations/0002_discussions.sql") },
    Migration { name: "access", text: include_str!("../migrations/0003_access.sql") },
    Migration { name: "bucket", text: include_str!("../migrations/0004_bucket.sql") },
    Migration { name: "social", text: include_str!("../migrations/0005_social.sql") },
    Migration { name: "quotas", text: include_str!("../migrations/0006_quotas.sql") },
    Migration { name: "event_bytes", text: include_str!("../migrations/0007_event_bytes.sql") },
    Migration { name: "identity", text: include_str!("../migrations/0008_identity.sql") },
    Migration { name: "lfs_lock", text: include_str!("../migrations/0009_lfs_lock.sql") },
    Migration { name: "mirror", text: include_str!("../migrations/0010_mirror.sql") },
    Migration { name: "collect", text: include_str!("../migrations/0011_collect.sql") },
    Migration { name: "shared_messages", text: include_str!("../migrations/0012_shared_messages.sql") },
    Migration { name: "disabled", text: include_str!("../migrations/0013_disabled.sql") },
    Migration { name: "catalogue", text: include_str!("../migrations/0014_catalogue.sql") },
];

/// Brings the schema up to date, in one transaction that keeps other replicas waiting.
pub(crate) async fn migrate(tx: &mut Tx, clock: &Clock) -> Result<()> {
    apply(tx, MIGRATIONS, clock).await
}

pub(crate) async fn apply(tx: &mut Tx, migrations: &[Migration], clock: &Clock) -> Result<()> {
    match tx.dialect() {
        Dialect::Sqlite => drop(tx.execute("BEGIN IMMEDIATE", bind![]).await?),
        Dialect::Postgres => {
            tx.execute("BEGIN", bind![]).await?;
            tx.script(LOCK.to_owned()).await?;
        }
    }
    let result = apply_locked(tx, migrations, clock).await;
    if result.is_ok() {
        tx.execute("COMMIT", bind![]).await?;
    } else {
        tx.set_state(crate::queries::State::Good);
        tx.execute("ROLLBACK", bind![]).await?;
    }
    result
}

async fn apply_locked(tx: &mut Tx, migrations: &[Migration], clock: &Clock) -> Result<()> {
    tx.script(TABLE.to_owned()).await?;
    let applied: Vec<(String, String)> =
        tx.all("SELECT name, checksum FROM migration ORDER BY number", bind![]).await?;
    if applied.len() > migrations.len() {
        let (have, know) = (applied.len(), migrations.len());
        return Err(Inner::Migration(format!(
            "the database is newer than this program: it is at migration {have}, and {know} are known"
        ))
        .into());
    }
    for (index, migration) in migrations.iter().enumerate() {
        let (number, name) = (index + 1, migration.name);
        let checksum = checksum(migration.text);
        match applied.get(index) {
            Some((_, stored)) if *stored == checksum => {}
            Some((stored, _)) => {
                return Err(Inner::Migration(format!(
                    "migration {number} `{name}` is not the `{stored}` that this database was made with"
                ))
                .into());
            }
            None => {
                tracing::info!(number, name, "applying a database migration");
                let script = tx.dialect().render(migration.text);
                tx.script(script).await?;
                tx.execute(
                    "INSERT INTO migration (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
                    bind![number as u64, name, checksum, clock.now()],
                )
                .await?;
            }
        }
    }
    Ok(())
}

fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
