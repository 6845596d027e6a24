//! Who follows whom.

use lyceum_core::Timestamp;

use crate::account::{Account, account_columns};
use crate::error::Result;
use crate::queries::{MAX_LIST, Queries, Sql};
use crate::value::bind;

impl Queries {
    /// Makes a user follow an account, or no longer; false if nothing changed.
    pub async fn set_follow(
        &mut self,
        follower_id: i64,
        followed_id: i64,
        follow: bool,
        at: Timestamp,
    ) -> Result<bool> {
        let changed = if follow {
            let sql = "INSERT INTO follow (follower_id, followed_id, created_at) VALUES ($1, $2, $3) \
                       ON CONFLICT (follower_id, followed_id) DO NOTHING";
            self.execute(sql, bind![follower_id, followed_id, at]).await?
        } else {
            let sql = "DELETE FROM follow WHERE follower_id = $1 AND followed_id = $2";
            self.execute(sql, bind![follower_id, followed_id]).await?
        };
        Ok(changed == 1)
    }

    /// Returns a page of the users who follow an account, in order of id, after the user `after`.
    pub async fn followers_of(
        &mut self,
        account_id: i64,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Account>> {
        self.all(
            concat!(
                "SELECT ",
                account_columns!(),
                " FROM follow f JOIN account a ON a.id = f.follower_id WHERE f.followed_id = $1 \
                 AND f.follower_id > $2 ORDER BY f.follower_id LIMIT $3"
            ),
            bind![account_id, after.unwrap_or(0), limit],
        )
        .await
    }

    /// Returns a page of the accounts that a user follows, in order of id, after the account `after`.
    pub async fn followed_by(
        &mut self,
        user_id: i64,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Account>> {
        self.all(
            concat!(
                "SELECT ",
                account_columns!(),
                " FROM follow f JOIN account a ON a.id = f.followed_id WHERE f.follower_id = $1 \
                 AND f.followed_id > $2 ORDER BY f.followed_id LIMIT $3"
            ),
            bind![user_id, after.unwrap_or(0), limit],
        )
        .await
    }

    /// Returns which of the accounts `ids` a user follows, in no order.
    pub async fn follows_among(&mut self, user_id: i64, ids: &[i64]) -> Result<Vec<i64>> {
        let mut followed = Vec::new();
        for ids in ids.chunks(MAX_LIST) {
            let mut sql = Sql::new("SELECT followed_id FROM follow WHERE follower_id = ");
            sql.bind(user_id).push(" AND followed_id IN ").list(ids);
            let (sql, arguments) = sql.finish();
            followed.extend(self.all::<i64>(sql, arguments).await?);
        }
        Ok(followed)
    }
}
