//! What is shown of users and organisations: overviews, followers, members.

use std::collections::HashSet;

use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_core::{AccountName, RepoKind};
use lyceum_db::AccountKind;
use serde_json::json;

use crate::account::append_event;
use crate::{Account, Caller, Error, ErrorKind, Hub, Result};

/// An account in a list.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user or organisation.
    pub account: Account,
    /// Whether the caller follows it; `None` for nobody.
    pub following: Option<bool>,
}

/// One page of accounts.
#[derive(Debug, Clone)]
pub struct PeoplePage {
    /// The accounts.
    pub people: Vec<Person>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// Which accounts to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeopleOf {
    /// Who follows a user or organisation.
    Followers(AccountKind),
    /// Whom a user follows.
    Following,
    /// Who belongs to an organisation.
    Members,
}

/// An account with what it has and does, counted as far as the caller may see it.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The account.
    pub person: Person,
    /// Its models.
    pub models: u64,
    /// Its datasets.
    pub datasets: u64,
    /// Its spaces.
    pub spaces: u64,
    /// Its kernels.
    pub kernels: u64,
    /// Users who follow it.
    pub followers: u64,
    /// What only a user or only an organisation has.
    pub more: OverviewOf,
}

/// The part of an [`Overview`] that differs between users and organisations.
#[derive(Debug, Clone)]
pub enum OverviewOf {
    /// A user.
    User {
        /// Discussions and pull requests that the user opened.
        discussions: u64,
        /// Upvotes of the user's collections.
        upvotes: u64,
        /// Repos that the user likes.
        likes: u64,
        /// Accounts that the user follows.
        following: u64,
        /// The user's organisations.
        organisations: Vec<Account>,
    },
    /// An organisation.
    Organisation {
        /// Its members.
        members: u64,
    },
}

impl Hub {
    /// Makes the caller follow an account, or no longer. Doing so twice changes nothing.
    pub async fn set_follow(
        &self,
        caller: &Caller,
        name: &AccountName,
        kind: AccountKind,
        follow: bool,
    ) -> Result<()> {
        let identity = caller.signed_in()?;
        identity.may_write()?;
        let account = self.account(name, kind).await?;
        if account.id == identity.user_id {
            return Err(Error::new(ErrorKind::Invalid, "you cannot follow yourself"));
        }
        let (user_id, now) = (identity.user_id, self.inner.clock.now());
        let action = if follow { "follow" } else { "unfollow" };
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if tx.set_follow(user_id, account.id, follow, now).await? {
                        let detail = json!({ "account": account.name.as_str() });
                        append_event(tx, None, Some(user_id), action, &detail, now).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    /// Lists accounts that have to do with another one, in the order in which they were made.
    pub async fn people(
        &self,
        caller: &Caller,
        name: &AccountName,
        of: PeopleOf,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PeoplePage> {
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let after = after.map(id_cursor).transpose()?;
        let kind = match of {
            PeopleOf::Followers(kind) => kind,
            PeopleOf::Following => AccountKind::User,
            PeopleOf::Members => AccountKind::Org,
        };
        let account = self.account(name, kind).await?;
        let mut db = self.inner.db.read().await?;
        let rows = match of {
            PeopleOf::Followers(_) => db.followers_of(account.id, after, limit as u32).await?,
            PeopleOf::Following => db.followed_by(account.id, after, limit as u32).await?,
            PeopleOf::Members => {
                let members = db.members_of(account.id, after, limit as u32).await?;
                members.into_iter().map(|(account, _)| account).collect()
            }
        };
        drop(db);
        self.people_page(caller, rows, limit).await
    }

    /// Shows an account with what it has and does.
    pub async fn overview(&self, caller: &Caller, name: &AccountName, kind: AccountKind) -> Result<Overview> {
        let account = self.account(name, kind).await?;
        let id = account.id;
        let mut db = self.inner.db.read().await?;
        let repos = db.repo_counts(id, caller.viewer()).await?;
        let (followers, more) = match kind {
            AccountKind::User => {
                let counts = db.user_counts(id, caller.viewer()).await?;
                let organisations = db.memberships_of(id).await?;
                let more = OverviewOf::User {
                    discussions: counts.discussions,
                    upvotes: counts.upvotes,
                    likes: counts.likes,
                    following: counts.following,
                    organisations: organisations.into_iter().map(|(account, _)| account.into()).collect(),
                };
                (counts.followers, more)
            }
            AccountKind::Org => {
                let counts = db.org_counts(id).await?;
                (counts.followers, OverviewOf::Organisation { members: counts.members })
            }
        };
        drop(db);
        let count = |kind| repos.iter().find(|(other, _)| *other == kind).map_or(0, |(_, count)| *count);
        let page = self.people_page(caller, vec![account], 1).await?;
        let person = page.people.into_iter().next().ok_or_else(|| Error::internal("an account vanished"))?;
        Ok(Overview {
            person,
            models: count(RepoKind::Model),
            datasets: count(RepoKind::Dataset),
            spaces: count(RepoKind::Space),
            kernels: count(RepoKind::Kernel),
            followers,
            more,
        })
    }

    /// Adds to accounts whether the caller follows each; a full page has a next one.
    pub(crate) async fn people_page(
        &self,
        caller: &Caller,
        rows: Vec<lyceum_db::Account>,
        limit: usize,
    ) -> Result<PeoplePage> {
        let next = if rows.len() == limit { rows.last().map(|last| last.id.to_string()) } else { None };
        let followed: Option<HashSet<i64>> = match caller.user_id() {
            Some(user) if !rows.is_empty() => {
                let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
                Some(self.inner.db.read().await?.follows_among(user, &ids).await?.into_iter().collect())
            }
            Some(_) => Some(HashSet::new()),
            None => None,
        };
        let person = |row: lyceum_db::Account| Person {
            following: followed.as_ref().map(|followed| followed.contains(&row.id)),
            account: row.into(),
        };
        Ok(PeoplePage { people: rows.into_iter().map(person).collect(), next })
    }
}

/// Reads the cursor of a list in order of id.
pub(crate) fn id_cursor(cursor: &str) -> Result<i64> {
    cursor.parse().map_err(|_| Error::new(ErrorKind::Invalid, "invalid `cursor`"))
}
