//! What search indexes are made of, and the changes that they follow.

use crate::access::{standing_columns, standing_join};
use crate::account::{Account, account_columns};
use crate::error::Result;
use crate::info::{RepoInfo, info_columns};
use crate::queries::{MAX_LIST, Queries, Sql, batches};
use crate::repo::{Repo, RepoAccess, repo_columns};
use crate::value::{Columns, Record, bind};

/// A change of a repo or an account, or of neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogueChange {
    /// Its number. On PostgreSQL a lower one may become visible after a higher one.
    pub seq: i64,
    /// The repo that changed, or is gone.
    pub repo_id: Option<i64>,
    /// The account that changed, or is gone.
    pub account_id: Option<i64>,
}

/// A repo with all that it is found by.
#[derive(Debug, Clone)]
pub struct CatalogueRepo {
    /// The repo.
    pub repo: Repo,
    /// What its card says, in plain words; `None` if that was never looked at.
    pub text: Option<String>,
    /// What is known of its contents.
    pub info: Option<RepoInfo>,
}

/// A repo as a caller meets it in a list.
#[derive(Debug, Clone)]
pub struct ListedRepo {
    /// The repo, and how the caller stands to it.
    pub access: RepoAccess,
    /// What is known of its contents.
    pub info: Option<RepoInfo>,
}

impl Record for CatalogueChange {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { seq: columns.get()?, repo_id: columns.get()?, account_id: columns.get()? })
    }
}

impl Record for CatalogueRepo {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        let (repo, text) = (Repo::read(columns)?, columns.get()?);
        Ok(Self { repo, text, info: read_info(columns)? })
    }
}

impl Record for ListedRepo {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { access: RepoAccess::read(columns)?, info: read_info(columns)? })
    }
}

fn read_info(columns: &mut Columns<'_>) -> Result<Option<RepoInfo>> {
    Ok(if columns.null()? { None } else { Some(RepoInfo::read(columns)?) })
}

macro_rules! catalogue_repos {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            repo_columns!(),
            ", t.text, ",
            info_columns!(),
            " FROM repo r LEFT JOIN repo_text t ON t.repo_id = r.id LEFT JOIN repo_info i ON i.repo_id = r.id ",
            $rest
        )
    };
}

impl Queries {
    /// Returns the first changes after one, in order.
    pub async fn catalogue_changes(&mut self, after: i64, limit: u32) -> Result<Vec<CatalogueChange>> {
        self.all(
            "SELECT seq, repo_id, account_id FROM catalogue_change WHERE seq > $1 ORDER BY seq LIMIT $2",
            bind![after, limit],
        )
        .await
    }

    /// Returns the changes that exist among `numbers`, in no order.
    pub async fn catalogue_changes_among(&mut self, numbers: &[i64]) -> Result<Vec<CatalogueChange>> {
        let mut found = Vec::new();
        for numbers in numbers.chunks(MAX_LIST) {
            let mut sql = Sql::new("SELECT seq, repo_id, account_id FROM catalogue_change WHERE seq IN ");
            sql.list(numbers);
            let (sql, arguments) = sql.finish();
            found.extend(self.all::<CatalogueChange>(sql, arguments).await?);
        }
        Ok(found)
    }

    /// Returns the number of the last change.
    pub async fn last_catalogue_change(&mut self) -> Result<i64> {
        let last: Option<i64> = self.one("SELECT MAX(seq) FROM catalogue_change", bind![]).await?;
        Ok(last.unwrap_or(0))
    }

    /// Notes that repos changed in what nothing else notes, such as their downloads.
    pub async fn note_catalogue_changes(&mut self, repo_ids: &[i64]) -> Result<()> {
        for part in batches(repo_ids) {
            let mut sql = Sql::new("INSERT INTO catalogue_change (repo_id) VALUES ");
            for (index, id) in part.iter().enumerate() {
                sql.push(if index == 0 { "(" } else { ", (" }).bind(id).push(")");
            }
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Forgets all changes but the last so many; who has not seen those yet must begin anew.
    pub async fn forget_catalogue_changes(&mut self, keep: u32) -> Result<u64> {
        let before = self.last_catalogue_change().await? - i64::from(keep);
        self.execute("DELETE FROM catalogue_change WHERE seq <= $1", bind![before]).await
    }

    /// Returns a page of all repos in order of id, with what they are found by.
    pub async fn catalogue_repos(&mut self, after: i64, limit: u32) -> Result<Vec<CatalogueRepo>> {
        self.all(catalogue_repos!("WHERE r.id > $1 ORDER BY r.id LIMIT $2"), bind![after, limit]).await
    }

    /// Returns the repos that exist among `ids`, with what they are found by, in no order.
    pub async fn catalogue_repos_among(&mut self, ids: &[i64]) -> Result<Vec<CatalogueRepo>> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MAX_LIST) {
            let mut sql = Sql::new(catalogue_repos!("WHERE r.id IN "));
            sql.list(ids);
            let (sql, arguments) = sql.finish();
            found.extend(self.all::<CatalogueRepo>(sql, arguments).await?);
        }
        Ok(found)
    }

    /// Returns a page of all accounts in order of id.
    pub async fn catalogue_accounts(&mut self, after: i64, limit: u32) -> Result<Vec<Account>> {
        self.all(
            concat!("SELECT ", account_columns!(), " FROM account a WHERE a.id > $1 ORDER BY a.id LIMIT $2"),
            bind![after, limit],
        )
        .await
    }

    /// Returns the repos that exist among `ids` and how the user, 0 being nobody, stands to each, in no order.
    pub async fn listed_repos(&mut self, ids: &[i64], user: i64) -> Result<Vec<ListedRepo>> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MAX_LIST) {
            // Number 2 is the user, as the columns of a standing have it.
            let mut sql = Sql::new(concat!(
                "SELECT ",
                repo_columns!(),
                ", ",
                standing_columns!(),
                ", ",
                info_columns!(),
                " FROM repo r",
                standing_join!(),
                " LEFT JOIN repo_info i ON i.repo_id = r.id WHERE "
            ));
            sql.bind(0_i64).push(" < ").bind(user).push(" + 1 AND r.id IN ").list(ids);
            let (sql, arguments) = sql.finish();
            found.extend(self.all::<ListedRepo>(sql, arguments).await?);
        }
        Ok(found)
    }

    /// Returns the resource groups that a user is in, of the organisations that the user is in.
    pub async fn resource_groups_of(&mut self, user_id: i64) -> Result<Vec<i64>> {
        self.all(
            "SELECT g.group_id FROM resource_group_member g JOIN resource_group s ON s.id = g.group_id \
             JOIN membership m ON m.org_id = s.org_id AND m.user_id = g.user_id WHERE g.user_id = $1",
            bind![user_id],
        )
        .await
    }

    /// Keeps what a repo's card says, in plain words.
    pub async fn put_repo_text(&mut self, repo_id: i64, text: &str) -> Result<()> {
        self.execute(
            "INSERT INTO repo_text (repo_id, text) VALUES ($1, $2) ON CONFLICT (repo_id) DO UPDATE SET text = excluded.text",
            bind![repo_id, text],
        )
        .await?;
        Ok(())
    }

    /// Reports whether it is known what a repo's card says.
    pub async fn has_repo_text(&mut self, repo_id: i64) -> Result<bool> {
        let found: Option<i64> =
            self.optional("SELECT repo_id FROM repo_text WHERE repo_id = $1", bind![repo_id]).await?;
        Ok(found.is_some())
    }
}
