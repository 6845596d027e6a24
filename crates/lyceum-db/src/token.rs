//! Access tokens, sessions and refresh tokens. Only their SHA-256 is stored.

use lyceum_core::Timestamp;

use crate::account::{Account, account_columns};
use crate::error::Result;
use crate::queries::Queries;
use crate::value::{Columns, Record, bind, words};

words! {
    /// What a token may do.
    TokenRole {
        /// Read what its user may read.
        Read = "read",
        /// All that its user may do.
        Write = "write",
        /// What its scopes say, of what its user may do.
        FineGrained = "fineGrained",
    }

    /// How a token came to be.
    TokenKind {
        /// Made by the user in the settings.
        Access = "access",
        /// Issued to an application.
        OAuth = "oauth",
        /// A browser that is signed in.
        Session = "session",
        /// Given to a program that an issuer vouched for.
        Publisher = "publisher",
    }
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The key of the row.
    pub id: i64,
    /// Whose it is.
    pub user_id: i64,
    /// What the user calls it.
    pub name: String,
    /// What it may do.
    pub role: TokenRole,
    /// How it came to be.
    pub kind: TokenKind,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last seen; written now and then, not at each request.
    pub last_used_at: Option<Timestamp>,
    /// When it ends; the caller compares.
    pub expires_at: Option<Timestamp>,
    /// What a fine-grained one may do and where, as JSON.
    pub scopes: Option<String>,
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose it is.
    pub user_id: i64,
    /// What the user calls it.
    pub name: String,
    /// What it may do.
    pub role: TokenRole,
    /// How it came to be.
    pub kind: TokenKind,
    /// The SHA-256 of the secret.
    pub hash: [u8; 32],
    /// When it is made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// What a fine-grained one may do and where, as JSON.
    pub scopes: Option<String>,
    /// The publisher that it is given to, with which it ends.
    pub publisher_id: Option<i64>,
}

/// A token that an application exchanges, once, for a new access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The SHA-256 of the secret.
    pub hash: [u8; 32],
    /// Whose it is.
    pub user_id: i64,
    /// Which application it was issued to.
    pub client_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was exchanged.
    pub used_at: Option<Timestamp>,
}

macro_rules! token_columns {
    () => {
        "t.id, t.user_id, t.name, t.role, t.kind, t.created_at, t.last_used_at, t.expires_at, t.scopes"
    };
}

macro_rules! refresh_columns {
    () => {
        "hash, user_id, client_id, created_at, expires_at, used_at"
    };
}

impl Record for Token {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            user_id: columns.get()?,
            name: columns.get()?,
            role: columns.get()?,
            kind: columns.get()?,
            created_at: columns.get()?,
            last_used_at: columns.get()?,
            expires_at: columns.get()?,
            scopes: columns.get()?,
        })
    }
}

impl Record for RefreshToken {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            hash: columns.get()?,
            user_id: columns.get()?,
            client_id: columns.get()?,
            created_at: columns.get()?,
            expires_at: columns.get()?,
            used_at: columns.get()?,
        })
    }
}

impl Queries {
    /// Stores a token; `None` if the hash is there already.
    pub async fn insert_token(&mut self, new: &NewToken) -> Result<Option<i64>> {
        self.optional(
            "INSERT INTO token (user_id, name, role, kind, hash, created_at, expires_at, scopes, publisher_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (hash) DO NOTHING RETURNING id",
            bind![
                new.user_id,
                new.name,
                new.role,
                new.kind,
                new.hash,
                new.created_at,
                new.expires_at,
                new.scopes,
                new.publisher_id,
            ],
        )
        .await
    }

    /// Returns a token and its user by the SHA-256 of the secret. Every authenticated request asks this.
    pub async fn token_by_hash(&mut self, hash: &[u8; 32]) -> Result<Option<(Token, Account)>> {
        self.optional(
            concat!(
                "SELECT ",
                token_columns!(),
                ", ",
                account_columns!(),
                " FROM token t JOIN account a ON a.id = t.user_id WHERE t.hash = $1"
            ),
            bind![hash],
        )
        .await
    }

    /// Returns a token and its user by the key of the row.
    pub async fn token(&mut self, id: i64) -> Result<Option<(Token, Account)>> {
        self.optional(
            concat!(
                "SELECT ",
                token_columns!(),
                ", ",
                account_columns!(),
                " FROM token t JOIN account a ON a.id = t.user_id WHERE t.id = $1"
            ),
            bind![id],
        )
        .await
    }

    /// Notes that a token was used.
    pub async fn touch_token(&mut self, id: i64, at: Timestamp) -> Result<()> {
        self.execute("UPDATE token SET last_used_at = $2 WHERE id = $1", bind![id, at]).await?;
        Ok(())
    }

    /// Deletes a token; false if there is none.
    pub async fn delete_token(&mut self, id: i64) -> Result<bool> {
        Ok(self.execute("DELETE FROM token WHERE id = $1", bind![id]).await? == 1)
    }

    /// Deletes a user's tokens of a kind but the one with the id `kept`; returns how many.
    pub async fn delete_tokens_of_kind(
        &mut self,
        user_id: i64,
        kind: TokenKind,
        kept: Option<i64>,
    ) -> Result<u64> {
        let sql = "DELETE FROM token WHERE user_id = $1 AND kind = $2 AND id <> $3";
        self.execute(sql, bind![user_id, kind, kept.unwrap_or(0)]).await
    }

    /// Returns a page of a user's tokens, oldest first, after the one with the id `after`.
    pub async fn tokens_of(&mut self, user_id: i64, after: i64, limit: u32) -> Result<Vec<Token>> {
        self.all(
            concat!(
                "SELECT ",
                token_columns!(),
                " FROM token t WHERE t.user_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3"
            ),
            bind![user_id, after, limit],
        )
        .await
    }

    /// Deletes sessions, tokens, refresh tokens and device grants that ended before `at`, at most `limit` of each; returns
    /// how many.
    pub async fn delete_expired_tokens(&mut self, at: Timestamp, limit: u32) -> Result<u64> {
        let mut deleted = 0;
        for sql in [
            "DELETE FROM token WHERE id IN (SELECT id FROM token WHERE expires_at < $1 LIMIT $2)",
            "DELETE FROM refresh_token WHERE hash IN \
             (SELECT hash FROM refresh_token WHERE expires_at < $1 LIMIT $2)",
            "DELETE FROM device_grant WHERE device_hash IN \
             (SELECT device_hash FROM device_grant WHERE expires_at < $1 LIMIT $2)",
        ] {
            deleted += self.execute(sql, bind![at, limit]).await?;
        }
        Ok(deleted)
    }

    /// Stores a refresh token; false if the hash is there already.
    pub async fn insert_refresh_token(&mut self, new: &RefreshToken) -> Result<bool> {
        let sql = concat!(
            "INSERT INTO refresh_token (",
            refresh_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (hash) DO NOTHING"
        );
        let arguments =
            bind![new.hash, new.user_id, new.client_id, new.created_at, new.expires_at, new.used_at];
        Ok(self.execute(sql, arguments).await? == 1)
    }

    /// Returns a refresh token, used or not.
    pub async fn refresh_token(&mut self, hash: &[u8; 32]) -> Result<Option<RefreshToken>> {
        self.optional(
            concat!("SELECT ", refresh_columns!(), " FROM refresh_token WHERE hash = $1"),
            bind![hash],
        )
        .await
    }

    /// Deletes all refresh tokens of a user.
    pub async fn delete_refresh_tokens(&mut self, user_id: i64) -> Result<()> {
        self.execute("DELETE FROM refresh_token WHERE user_id = $1", bind![user_id]).await?;
        Ok(())
    }

    /// Marks a refresh token as used and returns it; `None` if there is none, or it was used or has ended before.
    pub async fn take_refresh_token(
        &mut self,
        hash: &[u8; 32],
        at: Timestamp,
    ) -> Result<Option<RefreshToken>> {
        self.optional(
            concat!(
                "UPDATE refresh_token SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING ",
                refresh_columns!()
            ),
            bind![hash, at],
        )
        .await
    }
}
