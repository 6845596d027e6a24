//! Tying accounts to identities by hand, for the operator.

use lyceum_core::AccountName;
use lyceum_db::AccountKind;
use serde_json::json;

use super::{MAX_SUBJECT_CHARS, groups};
use crate::account::append_event;
use crate::{Error, ErrorKind, Hub, Result};

impl Hub {
    /// Lets whom a provider knows by `subject` in as this user.
    pub async fn link_identity(&self, user: &AccountName, provider: &str, subject: &str) -> Result<()> {
        let issuer = self.provider(provider)?.settings.issuer.clone();
        if subject.is_empty() || subject.chars().count() > MAX_SUBJECT_CHARS {
            let message = format!("a subject has 1 to {MAX_SUBJECT_CHARS} characters");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let (subject, now) = (subject.to_owned(), self.inner.clock.now());
        let user = self.account(user, AccountKind::User).await?;
        if user.service {
            return Err(Error::new(ErrorKind::Invalid, "a service account never signs in with a browser"));
        }
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.insert_identity(&issuer, &subject, user.id, now).await? {
                        let known = tx.user_by_identity(&issuer, &subject).await?;
                        let owner = known.map_or_else(String::new, |known| known.name.to_string());
                        let message =
                            format!("subject `{subject}` is connected with account `{owner}` already");
                        return Err(Error::new(ErrorKind::AlreadyExists, message));
                    }
                    let detail = json!({ "user": user.name.as_str(), "issuer": issuer, "subject": subject });
                    append_event(tx, None, None, "link-identity", &detail, now).await
                })
            })
            .await
    }

    /// Keeps whom a provider knows as this user out, and takes the roles that its groups gave. Sessions stay.
    pub async fn unlink_identity(&self, user: &AccountName, provider: &str) -> Result<()> {
        let settings = self.provider(provider)?.settings.clone();
        let user = self.account(user, AccountKind::User).await?;
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if tx.delete_identities(user.id, &settings.issuer).await? == 0 {
                        let message = format!("`{}` is not connected with `{}`", user.name, settings.name);
                        return Err(Error::new(ErrorKind::NotFound, message));
                    }
                    groups::synchronise(tx, &settings, &serde_json::Map::new().into(), &user, now).await?;
                    let detail = json!({ "user": user.name.as_str(), "issuer": settings.issuer });
                    append_event(tx, None, None, "unlink-identity", &detail, now).await
                })
            })
            .await
    }
}
