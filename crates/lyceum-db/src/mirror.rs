//! Repos that follow one of another hub.

use lyceum_core::{RepoId, Timestamp, XetHash};

use crate::error::Result;
use crate::queries::Queries;
use crate::repo::{Repo, repo_columns};
use crate::value::{Columns, Record, bind};

/// What a mirror follows, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The repo here.
    pub repo_id: i64,
    /// The name of the other hub in the settings.
    pub upstream: String,
    /// The id of the repo there.
    pub remote: RepoId,
    /// The one branch or tag that is followed; all of them if absent.
    pub revision: Option<String>,
    /// How often it is looked at; never by itself if absent.
    pub every_seconds: Option<u64>,
    /// Whether large files are fetched before anybody asks for them.
    pub whole: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last the same as there.
    pub synced_at: Option<Timestamp>,
    /// When following it last failed; absent once it succeeded again.
    pub failed_at: Option<Timestamp>,
    /// Why.
    pub error: Option<String>,
    /// Bytes of large files that came over the network.
    pub received_bytes: u64,
    /// Bytes of large files that did not need to, because they were here.
    pub reused_bytes: u64,
}

macro_rules! mirror_columns {
    () => {
        "m.repo_id, m.upstream, m.remote_namespace, m.remote_name, m.revision, m.every_seconds, m.whole, m.created_at, \
         m.synced_at, m.failed_at, m.error, m.received_bytes, m.reused_bytes"
    };
}

impl Record for Mirror {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            repo_id: columns.get()?,
            upstream: columns.get()?,
            remote: RepoId::read(columns)?,
            revision: columns.get()?,
            every_seconds: columns.get()?,
            whole: columns.get()?,
            created_at: columns.get()?,
            synced_at: columns.get()?,
            failed_at: columns.get()?,
            error: columns.get()?,
            received_bytes: columns.get()?,
            reused_bytes: columns.get()?,
        })
    }
}

impl Queries {
    /// Makes a repo a mirror. Times, error and counts of `mirror` are not used, except when it was made.
    pub async fn insert_mirror(&mut self, mirror: &Mirror) -> Result<()> {
        self.execute(
            "INSERT INTO mirror (repo_id, upstream, remote_namespace, remote_name, revision, every_seconds, whole, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            bind![
                mirror.repo_id,
                mirror.upstream,
                mirror.remote.namespace(),
                mirror.remote.name(),
                mirror.revision,
                mirror.every_seconds,
                mirror.whole,
                mirror.created_at,
            ],
        )
        .await?;
        self.execute("UPDATE repo SET mirror = 1 WHERE id = $1", bind![mirror.repo_id]).await?;
        Ok(())
    }

    /// Returns what a repo mirrors.
    pub async fn mirror(&mut self, repo_id: i64) -> Result<Option<Mirror>> {
        let sql = concat!("SELECT ", mirror_columns!(), " FROM mirror m WHERE m.repo_id = $1");
        self.optional(sql, bind![repo_id]).await
    }

    /// Returns a page of mirrors with their repos, in the order in which the repos were made, after the repo `after`.
    pub async fn mirrors(&mut self, after: i64, limit: u32) -> Result<Vec<(Mirror, Repo)>> {
        self.all(
            concat!(
                "SELECT ",
                mirror_columns!(),
                ", ",
                repo_columns!(),
                " FROM mirror m JOIN repo r ON r.id = m.repo_id WHERE m.repo_id > $1 ORDER BY m.repo_id LIMIT $2"
            ),
            bind![after, limit],
        )
        .await
    }

    /// Notes that a mirror is the same as the repo that it follows, which may have another id by now.
    pub async fn mark_mirror_synced(&mut self, repo_id: i64, remote: &RepoId, at: Timestamp) -> Result<()> {
        self.execute(
            "UPDATE mirror SET synced_at = $2, remote_namespace = $3, remote_name = $4, failed_at = NULL, error = NULL \
             WHERE repo_id = $1",
            bind![repo_id, at, remote.namespace(), remote.name()],
        )
        .await?;
        Ok(())
    }

    /// Notes why a mirror could not follow.
    pub async fn mark_mirror_failed(&mut self, repo_id: i64, error: &str, at: Timestamp) -> Result<()> {
        let sql = "UPDATE mirror SET failed_at = $2, error = $3 WHERE repo_id = $1";
        self.execute(sql, bind![repo_id, at, error]).await?;
        Ok(())
    }

    /// Counts bytes of a mirror's large files.
    pub async fn add_mirror_bytes(&mut self, repo_id: i64, received: u64, reused: u64) -> Result<()> {
        self.execute(
            "UPDATE mirror SET received_bytes = received_bytes + $2, reused_bytes = reused_bytes + $3 WHERE repo_id = $1",
            bind![repo_id, received, reused],
        )
        .await?;
        Ok(())
    }

    /// Makes a mirror an ordinary repo; false if it is none.
    pub async fn delete_mirror(&mut self, repo_id: i64) -> Result<bool> {
        let deleted = self.execute("DELETE FROM mirror WHERE repo_id = $1", bind![repo_id]).await? == 1;
        self.execute("UPDATE repo SET mirror = 0 WHERE id = $1", bind![repo_id]).await?;
        Ok(deleted)
    }

    /// Notes that an organisation exists to hold mirrors.
    pub async fn insert_mirror_namespace(&mut self, account_id: i64) -> Result<()> {
        let sql = "INSERT INTO mirror_namespace (account_id) VALUES ($1) ON CONFLICT (account_id) DO NOTHING";
        self.execute(sql, bind![account_id]).await?;
        Ok(())
    }

    /// Says whether an organisation exists to hold mirrors, and has no members.
    pub async fn mirror_namespace(&mut self, account_id: i64) -> Result<bool> {
        let found: Option<i64> = self
            .optional(
                "SELECT n.account_id FROM mirror_namespace n WHERE n.account_id = $1 \
                 AND NOT EXISTS (SELECT 1 FROM membership m WHERE m.org_id = n.account_id)",
                bind![account_id],
            )
            .await?;
        Ok(found.is_some())
    }

    /// Notes that an upstream has sent a whole xorb.
    pub async fn insert_mirror_xorb(&mut self, upstream: &str, xorb: &XetHash) -> Result<()> {
        let sql = "INSERT INTO mirror_xorb (upstream, xorb) VALUES ($1, $2) ON CONFLICT (upstream, xorb) DO NOTHING";
        self.execute(sql, bind![upstream, xorb]).await?;
        Ok(())
    }

    /// Says whether an upstream has sent a whole xorb.
    pub async fn mirror_xorb(&mut self, upstream: &str, xorb: &XetHash) -> Result<bool> {
        let sql = "SELECT COUNT(*) FROM mirror_xorb WHERE upstream = $1 AND xorb = $2";
        let found: u64 = self.one(sql, bind![upstream, xorb]).await?;
        Ok(found > 0)
    }
}
