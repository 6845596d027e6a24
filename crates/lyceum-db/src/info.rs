//! Derived facts about a repo's contents, and its tags. All of it can be rebuilt from git and the store.

use std::collections::BTreeSet;

use lyceum_core::{Oid, RepoKind, Timestamp};

use crate::error::Result;
use crate::queries::{Queries, Sql, batches};
use crate::repo::Visibility;
use crate::value::{Columns, Record, bind, words};

words! {
    /// What a tag row speaks of.
    Facet {
        /// Any tag.
        Tag = "tag",
        /// The task of a model.
        Pipeline = "pipeline",
        /// The library of a model.
        Library = "library",
    }
}

/// What is known of a repo's files at its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoInfo {
    /// Whose contents.
    pub repo_id: i64,
    /// The commit that was looked at.
    pub commit_oid: Oid,
    /// The name of that commit's author.
    pub author: String,
    /// The card's metadata as a JSON object.
    pub card: Option<String>,
    /// All tags as a JSON array, in the order to show.
    pub tags: String,
    /// The task.
    pub pipeline_tag: Option<String>,
    /// The library.
    pub library: Option<String>,
    /// Parts of `config.json`, as a JSON object.
    pub config: Option<String>,
    /// How transformers loads it, as a JSON object.
    pub transformers_info: Option<String>,
    /// Parameter counts, as a JSON object.
    pub safetensors: Option<String>,
    /// What the GGUF header says, as a JSON object.
    pub gguf: Option<String>,
    /// A short description.
    pub description: Option<String>,
    /// Number of files.
    pub siblings_count: u64,
    /// Bytes of all files.
    pub used_bytes: u64,
    /// When this was derived.
    pub updated_at: Timestamp,
}

macro_rules! info_columns {
    () => {
        "i.repo_id, i.commit_oid, i.author, i.tags, i.pipeline_tag, i.library, i.description, i.siblings_count, \
         i.used_bytes, i.updated_at, i.card, i.config, i.transformers_info, i.safetensors, i.gguf"
    };
}
pub(crate) use info_columns;

macro_rules! info_columns_brief {
    () => {
        "i.repo_id, i.commit_oid, i.author, i.tags, i.pipeline_tag, i.library, i.description, i.siblings_count, \
         i.used_bytes, i.updated_at, NULL, NULL, NULL, NULL, NULL"
    };
}
pub(crate) use info_columns_brief;

impl Record for RepoInfo {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            repo_id: columns.get()?,
            commit_oid: columns.get()?,
            author: columns.get()?,
            tags: columns.get()?,
            pipeline_tag: columns.get()?,
            library: columns.get()?,
            description: columns.get()?,
            siblings_count: columns.get()?,
            used_bytes: columns.get()?,
            updated_at: columns.get()?,
            card: columns.get()?,
            config: columns.get()?,
            transformers_info: columns.get()?,
            safetensors: columns.get()?,
            gguf: columns.get()?,
        })
    }
}

impl Queries {
    /// Replaces what is known of a repo, and the tags it is found by; false if the repo is gone.
    pub async fn put_repo_info(&mut self, info: &RepoInfo, tags: &[String]) -> Result<bool> {
        let mut lock = Sql::new("SELECT kind, visibility FROM repo WHERE id = ");
        lock.bind(info.repo_id).push(self.dialect().for_update());
        let (sql, arguments) = lock.finish();
        let Some((kind, visibility)) = self.optional::<(RepoKind, Visibility)>(sql, arguments).await? else {
            return Ok(false);
        };
        self.execute(
            "INSERT INTO repo_info (repo_id, commit_oid, author, card, tags, pipeline_tag, library, config, \
             transformers_info, safetensors, gguf, description, siblings_count, used_bytes, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
             ON CONFLICT (repo_id) DO UPDATE SET commit_oid = excluded.commit_oid, author = excluded.author, \
             card = excluded.card, tags = excluded.tags, pipeline_tag = excluded.pipeline_tag, \
             library = excluded.library, config = excluded.config, transformers_info = excluded.transformers_info, \
             safetensors = excluded.safetensors, gguf = excluded.gguf, description = excluded.description, \
             siblings_count = excluded.siblings_count, used_bytes = excluded.used_bytes, \
             updated_at = excluded.updated_at",
            bind![
                info.repo_id,
                info.commit_oid,
                info.author,
                info.card,
                info.tags,
                info.pipeline_tag,
                info.library,
                info.config,
                info.transformers_info,
                info.safetensors,
                info.gguf,
                info.description,
                info.siblings_count,
                info.used_bytes,
                info.updated_at,
            ],
        )
        .await?;
        self.execute("DELETE FROM repo_tag WHERE repo_id = $1", bind![info.repo_id]).await?;
        let mut rows: BTreeSet<(Facet, &str)> = tags.iter().map(|tag| (Facet::Tag, tag.as_str())).collect();
        rows.extend(info.pipeline_tag.iter().map(|tag| (Facet::Pipeline, tag.as_str())));
        rows.extend(info.library.iter().map(|tag| (Facet::Library, tag.as_str())));
        let rows: Vec<_> = rows.into_iter().collect();
        let public = visibility != Visibility::Private;
        for part in batches(&rows) {
            let mut sql = Sql::new("INSERT INTO repo_tag (facet, tag, repo_id, kind, public) VALUES ");
            for (index, (facet, tag)) in part.iter().enumerate() {
                sql.push(if index == 0 { "(" } else { ", (" }).bind(facet).push(", ").bind(tag).push(", ");
                sql.bind(info.repo_id).push(", ").bind(kind).push(", ").bind(public).push(")");
            }
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(true)
    }

    /// Returns what is known of a repo.
    pub async fn repo_info(&mut self, repo_id: i64) -> Result<Option<RepoInfo>> {
        self.optional(
            concat!("SELECT ", info_columns!(), " FROM repo_info i WHERE i.repo_id = $1"),
            bind![repo_id],
        )
        .await
    }

    /// Returns the values of a facet that start with `prefix` and how many repos that everybody sees have each, the
    /// most used first. Reads every such row: the answer is to be kept for a while.
    pub async fn tag_counts(
        &mut self,
        kind: RepoKind,
        facet: Facet,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<(String, u64)>> {
        self.all(
            "SELECT tag, COUNT(*) AS repos FROM repo_tag WHERE facet = $1 AND tag >= $2 AND tag < $3 AND kind = $4 \
             AND public = 1 GROUP BY tag ORDER BY repos DESC, tag LIMIT $5",
            // Nothing sorts after the last code point.
            bind![facet, prefix, format!("{prefix}\u{10FFFF}"), kind, limit],
        )
        .await
    }
}
