//! Likes.

use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_core::{AccountName, RepoId, RepoKind, Timestamp};
use lyceum_db::AccountKind;
use serde_json::json;

use crate::account::append_event;
use crate::people::{PeoplePage, id_cursor};
use crate::{Caller, Error, ErrorKind, Hub, Permission, Repo, Result};

/// A repo that a user likes.
#[derive(Debug, Clone)]
pub struct Like {
    /// What it holds.
    pub kind: RepoKind,
    /// Its id.
    pub id: RepoId,
    /// Since when.
    pub created_at: Timestamp,
}

/// One page of likes.
#[derive(Debug, Clone)]
pub struct LikePage {
    /// The likes, the newest first.
    pub likes: Vec<Like>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Hub {
    /// Makes the caller like a repo opened with [`Action::Discover`](crate::Action::Discover), or no longer. Doing so
    /// twice changes nothing.
    pub async fn set_like(&self, caller: &Caller, repo: &Repo, like: bool) -> Result<()> {
        let identity = caller.signed_in()?;
        identity.may(&[Permission::Like], identity.user_id)?;
        let (repo_id, user_id, now) = (repo.record.id, identity.user_id, self.inner.clock.now());
        let action = if like { "like-repo" } else { "unlike-repo" };
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    // Deleted meanwhile: the row that the like would refer to is gone.
                    if tx.repo(repo_id).await?.is_none() {
                        return Err(crate::access::not_found());
                    }
                    if tx.set_like(repo_id, user_id, like, now).await? {
                        append_event(tx, Some(repo_id), Some(user_id), action, &json!({}), now).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    /// Reports whether the caller likes a repo opened with [`Action::Discover`](crate::Action::Discover).
    pub async fn likes(&self, caller: &Caller, repo: &Repo) -> Result<bool> {
        let Some(user_id) = caller.user_id() else {
            return Ok(false);
        };
        // The page after the one before begins with him if he does.
        let found = self.inner.db.read().await?.likers(repo.record.id, Some(user_id - 1), 1).await?;
        Ok(found.first().is_some_and(|account| account.id == user_id))
    }

    /// Lists what a user likes, as far as the caller may see it.
    pub async fn likes_of(
        &self,
        caller: &Caller,
        user: &AccountName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<LikePage> {
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let after = after.map(like_cursor).transpose()?;
        let user = self.account(user, AccountKind::User).await?;
        let mut db = self.inner.db.read().await?;
        let rows = db.liked_repos(user.id, caller.viewer(), after, limit as u32).await?;
        let next = match rows.last() {
            Some((repo, at)) if rows.len() == limit => Some(format!("{}.{}", at.0, repo.id)),
            _ => None,
        };
        let like =
            |(repo, created_at): (lyceum_db::Repo, _)| Like { kind: repo.kind, id: repo.name, created_at };
        Ok(LikePage { likes: rows.into_iter().map(like).collect(), next })
    }

    /// Lists who likes a repo opened with [`Action::Discover`](crate::Action::Discover).
    pub async fn likers(
        &self,
        caller: &Caller,
        repo: &Repo,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PeoplePage> {
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let after = after.map(id_cursor).transpose()?;
        let rows = self.inner.db.read().await?.likers(repo.record.id, after, limit as u32).await?;
        self.people_page(caller, rows, limit).await
    }
}

fn like_cursor(cursor: &str) -> Result<(Timestamp, i64)> {
    let parse = || {
        let (at, id) = cursor.split_once('.')?;
        Some((Timestamp(at.parse().ok()?), id.parse().ok()?))
    };
    parse().ok_or_else(|| Error::new(ErrorKind::Invalid, "invalid `cursor`"))
}
