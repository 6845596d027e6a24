//! What users change of their own accounts.

use std::net::IpAddr;

use lyceum_db::TokenKind;
use serde_json::json;

use super::{append_event, check_text, new_session};
use crate::{Caller, Error, ErrorKind, Hub, Result};

/// Length of the secret of a browser session.
pub(super) const SESSION_CHARS: usize = 43;

impl Hub {
    /// Changes the name under which people read of the caller.
    pub async fn change_full_name(&self, caller: &Caller, full_name: &str) -> Result<()> {
        let identity = caller.signed_in()?;
        identity.may_write()?;
        check_text("full name", Some(full_name))?;
        let full_name = match full_name.trim() {
            "" => identity.name.to_string(),
            name => name.to_owned(),
        };
        let id = identity.user_id;
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let account = tx.account(id).await?.ok_or_else(gone)?;
                    tx.set_profile(id, &full_name, account.private_by_default).await?;
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    /// Replaces the password of a user who knows it, and ends all of his browser sessions; returns the secret of a new
    /// one. Wrong ones count as guesses from that address.
    pub async fn change_password(
        &self,
        caller: &Caller,
        old: &str,
        new: &str,
        from: Option<IpAddr>,
    ) -> Result<String> {
        let identity = caller.signed_in()?;
        identity.may_write()?;
        let account = self.check_password(identity.name.as_str(), old, from).await?;
        let password = self.hash_password(new.to_owned()).await?;
        let (id, now) = (account.id, self.inner.clock.now());
        let secret = self.inner.entropy.alphanumeric(SESSION_CHARS);
        let session = new_session(id, &secret, now);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.set_password(id, &password).await? {
                        return Err(gone());
                    }
                    tx.delete_tokens_of_kind(id, TokenKind::Session, None).await?;
                    tx.insert_token(&session).await?;
                    append_event(tx, None, Some(id), "change-password", &json!({}), now).await
                })
            })
            .await?;
        Ok(secret)
    }

    /// Ends all browser sessions of the caller but the one that asks.
    pub async fn end_other_sessions(&self, caller: &Caller) -> Result<()> {
        let identity = caller.signed_in()?;
        identity.may_write()?;
        let (id, kept, now) = (identity.user_id, identity.token_id, self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let ended = tx.delete_tokens_of_kind(id, TokenKind::Session, kept).await?;
                    append_event(tx, None, Some(id), "end-sessions", &json!({ "ended": ended }), now).await
                })
            })
            .await
    }
}

/// The account went while its owner changed it.
fn gone() -> Error {
    Error::new(ErrorKind::NotFound, "the account is gone")
}
