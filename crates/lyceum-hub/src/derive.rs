//! Facts that are read out of a repo's files: card, tags, library, parameters.
//!
//! They depend only on the commit, can always be rebuilt, and are kept in the database for lists and in memory for
//! everything else. A job derives them after each change of the default branch; whoever needs them sooner does it himself.

use std::sync::Arc;

use lyceum_core::limits::MAX_CARD_BYTES;
use lyceum_core::{Oid, RepoKind, RepoPath, Timestamp};
use lyceum_git::read_commit;
use lyceum_trust::{card, gguf, library};
use serde_json::{Map, Value, json};

use crate::reference::default_branch;
use crate::safetensors::{shards, sibling};
use crate::{Action, Entry, Error, FileHandle, Hub, Repo, Result};

/// Job queue.
pub(crate) const QUEUE: &str = "describe";
/// Wait before a change is described, so that a burst of commits is described once, in milliseconds.
const DELAY_MS: i64 = 500;
/// Largest `config.json` that is read.
const MAX_CONFIG_BYTES: usize = 1 << 20;
/// Most safetensors files whose parameters are counted.
const MAX_COUNTED_FILES: usize = 200;
/// First bytes of a GGUF file that are read at most: headers hold the whole vocabulary.
const MAX_GGUF_BYTES: u64 = 64 << 20;
/// First bytes of a GGUF file that are read at first.
const GGUF_START_BYTES: u64 = 1 << 20;
/// First bytes of a card that it is found by.
const MAX_TEXT_BYTES: usize = 16 << 10;
/// Longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 300;
/// Keys of `config.json` that clients ask for.
const CONFIG_KEYS: &[&str] =
    &["architectures", "auto_map", "diffusers", "model_type", "quantization_config", "tokenizer_config"];

/// Facts of one commit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) author: String,
    pub(crate) card: Option<Value>,
    pub(crate) tags: Vec<String>,
    pub(crate) pipeline_tag: Option<String>,
    pub(crate) library: Option<String>,
    pub(crate) config: Option<Value>,
    pub(crate) transformers_info: Option<Value>,
    pub(crate) safetensors: Option<Value>,
    pub(crate) gguf: Option<Value>,
    pub(crate) description: Option<String>,
    pub(crate) files: u64,
    pub(crate) used_bytes: u64,
}

/// Asks for a repo to be described soon, in the transaction that changed it.
pub(crate) async fn enqueue(tx: &mut lyceum_db::Queries, repo_id: i64, now: Timestamp) -> Result<()> {
    let run_at = Timestamp(now.0 + DELAY_MS);
    Ok(tx.enqueue(QUEUE, &format!("{QUEUE}:{repo_id}"), &repo_id.to_string(), run_at, now).await?)
}

impl Hub {
    /// Runs the job: describes the head of a repo's default branch, if both still exist.
    pub(crate) async fn describe_repo(&self, repo_id: i64) -> Result<()> {
        let mut db = self.inner.db.read().await?;
        let Some(record) = db.repo(repo_id).await? else {
            return Ok(());
        };
        let branch = default_branch(&record);
        let Some(head) = db.ref_get(repo_id, &branch).await? else {
            return Ok(());
        };
        drop(db);
        // The job acts for the hub itself, which may read everything.
        let repo = Repo { record, action: Action::Read };
        self.facts(&repo, head.peeled).await?;
        if !self.inner.db.read().await?.has_repo_text(repo_id).await? {
            // Described by an older program.
            self.describe_again(&repo).await?;
        }
        Ok(())
    }

    /// Returns the facts of a commit: from memory, else from the database, else from the files.
    pub(crate) async fn facts(&self, repo: &Repo, commit: Oid) -> Result<Arc<Facts>> {
        if let Some(facts) = self.inner.git.facts(repo.record.id, commit) {
            return Ok(facts);
        }
        let stored = self.inner.db.read().await?.repo_info(repo.record.id).await?;
        let facts = match stored.filter(|stored| stored.commit_oid == commit) {
            Some(stored) => Arc::new(Facts::try_from(stored)?),
            None => {
                let (facts, text) = self.derive(repo, commit).await?;
                self.store_facts(repo, commit, &facts, text).await?;
                Arc::new(facts)
            }
        };
        self.inner.git.keep_facts(repo.record.id, commit, &facts);
        Ok(facts)
    }

    /// Describes the head of a repo's default branch anew, after what it is described by was not there before.
    pub(crate) async fn describe_again(&self, repo: &Repo) -> Result<()> {
        let Some(head) = self.head(repo).await? else {
            return Ok(());
        };
        let (facts, text) = self.derive(repo, head).await?;
        self.store_facts(repo, head, &facts, text).await?;
        self.inner.git.keep_facts(repo.record.id, head, &Arc::new(facts));
        Ok(())
    }

    /// Stores facts if they are those of the default branch's head, in which case lists show them.
    async fn store_facts(&self, repo: &Repo, commit: Oid, facts: &Facts, text: String) -> Result<()> {
        let branch = default_branch(&repo.record);
        let row = facts.row(repo.record.id, commit, self.inner.clock.now());
        let tags = facts.tags.clone();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let head = tx.ref_get(row.repo_id, &branch).await?;
                    if head.is_some_and(|head| head.peeled == row.commit_oid)
                        && tx.put_repo_info(&row, &tags).await?
                    {
                        tx.put_repo_text(row.repo_id, &text).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    /// Returns the facts of a commit, and what its card says.
    async fn derive(&self, repo: &Repo, commit: Oid) -> Result<(Facts, String)> {
        let entries = self.all_files(repo, commit).await?;
        let author = read_commit(&self.objects(repo), commit).await.map_err(Error::internal)?.author.name;
        let mut facts = Facts {
            author,
            files: entries.len() as u64,
            used_bytes: entries.iter().map(|entry| entry.size).sum(),
            ..Facts::default()
        };

        let readme = self.small_file(repo, commit, "README.md", MAX_CARD_BYTES).await?;
        let readme = readme.map(|readme| String::from_utf8_lossy(&readme).into_owned()).unwrap_or_default();
        // A card that cannot be read is a card without metadata: committing it was allowed.
        let metadata = card::parse(&readme).ok().flatten();
        let config = self.small_file(repo, commit, "config.json", MAX_CONFIG_BYTES).await?;
        let config: Option<Value> = config.and_then(|config| serde_json::from_slice(&config).ok());

        if repo.kind() == RepoKind::Model {
            self.derive_model(repo, commit, &entries, config.as_ref(), metadata.as_ref(), &mut facts).await?;
        } else {
            facts.description = description(&readme);
        }
        facts.tags.extend(card::tags(repo.kind(), metadata.as_ref().unwrap_or(&Map::new())));
        facts.tags.extend(card::arxiv(&readme));
        let mut seen = std::collections::HashSet::new();
        facts.tags.retain(|tag| seen.insert(tag.clone()));
        facts.card = metadata.map(Value::Object);
        let body = card::split(&readme).map_or(readme.as_str(), |(_, body)| body);
        Ok((facts, body[..body.floor_char_boundary(MAX_TEXT_BYTES)].to_owned()))
    }

    async fn derive_model(
        &self,
        repo: &Repo,
        commit: Oid,
        entries: &[Entry],
        config: Option<&Value>,
        card: Option<&card::Metadata>,
        facts: &mut Facts,
    ) -> Result<()> {
        let names: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
        let guess = library::guess(&names, config);
        let said = |key: &str| card.and_then(|card| card.get(key)).and_then(Value::as_str).map(str::to_owned);
        facts.library = said("library_name").or(guess.library_name);
        facts.pipeline_tag = said("pipeline_tag").or(guess.pipeline_tag);
        facts.tags.extend(facts.library.clone());
        facts.tags.extend(guess.tags);
        facts.tags.extend(facts.pipeline_tag.clone());
        if let Some(auto_model) = guess.auto_model {
            facts.transformers_info = Some(
                json!({ "auto_model": auto_model, "pipeline_tag": facts.pipeline_tag, "processor": guess.processor }),
            );
        }
        let chosen = config.and_then(Value::as_object).map(|config| {
            let chosen = config.iter().filter(|(key, _)| CONFIG_KEYS.contains(&key.as_str()));
            Value::Object(chosen.map(|(key, value)| (key.clone(), value.clone())).collect())
        });
        facts.config = chosen;
        facts.safetensors = self.count_parameters(repo, commit, entries).await?;
        if let Some(entry) = entries.iter().find(|entry| entry.path.ends_with(".gguf")) {
            facts.gguf = self.summarize_gguf(&handle(repo, commit, entry)).await?;
        }
        Ok(())
    }

    /// Adds up the parameters of the main weights: `model.safetensors`, its shards, or whatever lies at the root.
    async fn count_parameters(&self, repo: &Repo, commit: Oid, entries: &[Entry]) -> Result<Option<Value>> {
        let find = |path: &str| entries.iter().find(|entry| entry.path == path);
        let weights: Vec<&Entry> = match (find("model.safetensors"), find("model.safetensors.index.json")) {
            (Some(whole), _) => vec![whole],
            (None, Some(index)) => {
                let index_path = RepoPath::parse(&index.path)?;
                let text =
                    self.read_start(&handle(repo, commit, index), MAX_CONFIG_BYTES as u64 * 16).await?;
                let index: Value = serde_json::from_slice(&text).unwrap_or_default();
                let named = shards(&index).unwrap_or_default();
                named.iter().filter_map(|shard| find(sibling(&index_path, shard).ok()?.as_str())).collect()
            }
            (None, None) => entries
                .iter()
                .filter(|entry| entry.path.ends_with(".safetensors") && !entry.path.contains('/'))
                .collect(),
        };
        let mut counts = std::collections::BTreeMap::<String, u64>::new();
        for entry in weights.into_iter().take(MAX_COUNTED_FILES) {
            // Files are what their authors made of them: one that lies about its format simply has no count.
            let Ok(header) = self.safetensors_header(&handle(repo, commit, entry)).await else {
                return Ok(None);
            };
            for (dtype, count) in header.parameters() {
                let sum = counts.entry(dtype).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        let total = counts.values().fold(0_u64, |total, count| total.saturating_add(*count));
        Ok((!counts.is_empty()).then(|| json!({ "parameters": counts, "total": total })))
    }

    async fn summarize_gguf(&self, file: &FileHandle) -> Result<Option<Value>> {
        let mut wanted = GGUF_START_BYTES;
        loop {
            let Ok(start) = self.read_start(file, wanted).await else {
                return Ok(None);
            };
            let more = match gguf::parse(&start) {
                Ok(gguf::Parsed::Complete(summary)) => {
                    return serde_json::to_value(summary).map(Some).map_err(Error::internal);
                }
                Ok(gguf::Parsed::NeedMore(more)) => more as u64,
                Err(_) => return Ok(None),
            };
            if more <= wanted || more > MAX_GGUF_BYTES || wanted >= file.entry.size {
                return Ok(None);
            }
            wanted = more;
        }
    }
}

impl Facts {
    fn row(&self, repo_id: i64, commit: Oid, now: Timestamp) -> lyceum_db::RepoInfo {
        let text = |value: &Option<Value>| value.as_ref().map(Value::to_string);
        lyceum_db::RepoInfo {
            repo_id,
            commit_oid: commit,
            author: self.author.clone(),
            card: text(&self.card),
            tags: json!(self.tags).to_string(),
            pipeline_tag: self.pipeline_tag.clone(),
            library: self.library.clone(),
            config: text(&self.config),
            transformers_info: text(&self.transformers_info),
            safetensors: text(&self.safetensors),
            gguf: text(&self.gguf),
            description: self.description.clone(),
            siblings_count: self.files,
            used_bytes: self.used_bytes,
            updated_at: now,
        }
    }

    /// Returns roughly how much memory this takes.
    pub(crate) fn weight_bytes(&self) -> usize {
        let value = |value: &Option<Value>| value.as_ref().map_or(0, |value| value.to_string().len() * 2);
        let tags: usize = self.tags.iter().map(|tag| tag.len() + 24).sum();
        512 + tags
            + value(&self.card)
            + value(&self.config)
            + value(&self.transformers_info)
            + value(&self.safetensors)
            + value(&self.gguf)
    }
}

impl TryFrom<lyceum_db::RepoInfo> for Facts {
    type Error = Error;

    fn try_from(row: lyceum_db::RepoInfo) -> Result<Self> {
        let value = |text: Option<String>| {
            text.map(|text| serde_json::from_str(&text)).transpose().map_err(Error::internal)
        };
        Ok(Self {
            author: row.author,
            card: value(row.card)?,
            tags: serde_json::from_str(&row.tags).map_err(Error::internal)?,
            pipeline_tag: row.pipeline_tag,
            library: row.library,
            config: value(row.config)?,
            transformers_info: value(row.transformers_info)?,
            safetensors: value(row.safetensors)?,
            gguf: value(row.gguf)?,
            description: row.description,
            files: row.siblings_count,
            used_bytes: row.used_bytes,
        })
    }
}

fn handle(repo: &Repo, commit: Oid, entry: &Entry) -> FileHandle {
    FileHandle { repo: repo.clone(), commit, entry: entry.clone() }
}

/// Returns the first paragraph of a card as one line of plain text.
fn description(readme: &str) -> Option<String> {
    let body = card::split(readme).map_or(readme, |(_, body)| body);
    let paragraph = body
        .split("\n\n")
        .map(str::trim)
        .find(|text| !text.is_empty() && !text.starts_with(['#', '<', '!', '|', '-', '`']))?;
    let line: String = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(line.chars().take(MAX_DESCRIPTION_CHARS).collect())
}
