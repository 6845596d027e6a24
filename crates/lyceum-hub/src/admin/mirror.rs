//! Mirrors, listed and looked at.

use lyceum_core::{RepoId, RepoKind};
use serde_json::json;

use super::{Administration, MAX_PAGE};
use crate::account::append_event;
use crate::mirror::{MirrorInfo, QUEUE};
use crate::people::id_cursor;
use crate::{Error, Result};

/// One page of mirrors, in the order in which their repos were made.
#[derive(Debug, Clone)]
pub struct MirrorPage {
    /// The mirrors.
    pub mirrors: Vec<MirrorInfo>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Administration {
    /// Lists mirrors.
    pub async fn mirrors(&self, after: Option<&str>) -> Result<MirrorPage> {
        let after = after.map(id_cursor).transpose()?.unwrap_or(0);
        let rows = self.hub.inner.db.read().await?.mirrors(after, MAX_PAGE as u32).await?;
        let next = rows.last().filter(|_| rows.len() == MAX_PAGE).map(|(last, _)| last.repo_id.to_string());
        let mirrors = rows.into_iter().map(|(mirror, record)| MirrorInfo::new(mirror, record)).collect();
        Ok(MirrorPage { mirrors, next })
    }

    /// Has a mirror looked at as soon as its worker can.
    pub async fn look_at_mirror(&self, kind: RepoKind, id: &RepoId) -> Result<()> {
        let (mirror, _) = self.hub.mirror_named(kind, id).await?;
        let (actor, now) = (self.actor, self.hub.inner.clock.now());
        self.hub
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let key = format!("{QUEUE}:{}", mirror.repo_id);
                    tx.enqueue(QUEUE, &key, &mirror.repo_id.to_string(), now, now).await?;
                    let repo = Some(mirror.repo_id);
                    append_event(tx, repo, Some(actor), "look-at-mirror", &json!({}), now).await?;
                    Ok::<_, Error>(())
                })
            })
            .await
    }
}
