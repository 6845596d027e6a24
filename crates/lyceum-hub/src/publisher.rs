//! Trusted publishers: programs that get a short-lived token because an issuer vouches for them, without any secret that
//! could be stolen from them.
//!
//! An administrator says for a repo, or for all of an organisation's, which issuer must say what of a program. Its tokens
//! are tokens of that administrator (or of whom the operator names), may only write content there, and end with the
//! publisher, with his rights, and within the hour.

use std::collections::BTreeMap;

use lyceum_core::{AccountName, Timestamp};
use lyceum_db::{AccountKind, PublisherOf};
use lyceum_oidc::Claims;
use serde_json::{Value, json};

use crate::account::append_event;
use crate::{Action, Caller, Error, ErrorKind, Hub, Permission, Repo, Result, ScopeTarget};

mod exchange;

pub use exchange::PublisherToken;

/// Most publishers of one repo or organisation.
const MAX_PUBLISHERS: u32 = 50;
/// Most claims that one must have.
const MAX_CLAIMS: usize = 16;
/// Longest name of a claim.
const MAX_NAME_CHARS: usize = 64;
/// Longest value of a claim.
const MAX_VALUE_CHARS: usize = 512;

/// Claims that tell one program from all others of an issuer. Without one of them anybody who has an account there could
/// have a program that fits.
const IDENTIFYING: [&str; 5] = ["sub", "repository", "repository_id", "project_path", "project_id"];
/// Claims of the token itself, which are checked in another way.
const OF_TOKEN: [&str; 8] = ["iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp"];

/// A program that an issuer vouches for.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// Database id, by which it is removed.
    pub id: i64,
    /// Who vouches for it.
    pub issuer: String,
    /// What must be said of it.
    pub claims: BTreeMap<String, String>,
    /// Whose tokens it gets.
    pub user: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last got a token.
    pub used_at: Option<Timestamp>,
}

/// A program to trust.
#[derive(Debug, Clone)]
pub struct NewPublisher {
    /// Who vouches for it.
    pub issuer: String,
    /// What must be said of it, exactly; `sub` may end with `*`.
    pub claims: BTreeMap<String, String>,
}

/// A repo or an organisation whose publishers the caller may see and change.
#[derive(Debug, Clone)]
pub struct Publishers {
    of: PublisherOf,
    repo_id: Option<i64>,
    shown: String,
    /// Who makes the change; `None` for the operator.
    actor: Option<i64>,
}

impl Hub {
    /// Returns the publishers of a repo opened with [`Action::Administer`].
    pub fn publishers_of_repo(&self, caller: &Caller, repo: &Repo) -> Result<Publishers> {
        if repo.action < Action::Administer {
            return Err(Error::internal("publishers were asked for of a repo that was not opened for it"));
        }
        let identity = caller.signed_in()?;
        // A program that is registered outlives the token that did it, and must not escape its limits.
        identity.may_write()?;
        Ok(Publishers {
            of: PublisherOf::Repo(repo.record.id),
            repo_id: Some(repo.record.id),
            shown: format!("{}{}", repo.kind().url_prefix(), repo.id()),
            actor: Some(identity.user_id),
        })
    }

    /// Returns the publishers of all that an organisation owns, for an administrator of it.
    pub async fn publishers_of_organisation(
        &self,
        caller: &Caller,
        name: &AccountName,
    ) -> Result<Publishers> {
        caller.signed_in()?.may_write()?;
        let (identity, organisation) = self.organisation_for(caller, name, Permission::WriteMembers).await?;
        Ok(Publishers {
            of: PublisherOf::Account(organisation.id),
            repo_id: None,
            shown: organisation.name.to_string(),
            actor: Some(identity.user_id),
        })
    }

    /// Returns the publishers of a place, for the operator.
    pub async fn publishers_of(&self, place: &ScopeTarget) -> Result<Publishers> {
        let missing = |what: String| Error::new(ErrorKind::NotFound, format!("there is no {what}"));
        let mut db = self.inner.db.read().await?;
        let (of, repo_id, shown) = match place {
            ScopeTarget::Repo(kind, id) => {
                let repo =
                    db.repo_by_key(*kind, id).await?.ok_or_else(|| missing(format!("{kind} `{id}`")))?;
                let shown = format!("{}{}", kind.url_prefix(), repo.name);
                (PublisherOf::Repo(repo.id), Some(repo.id), shown)
            }
            ScopeTarget::Account(name) => {
                let found = db.account_by_name(name).await?.filter(|found| found.kind == AccountKind::Org);
                let found = found.ok_or_else(|| missing(format!("organisation `{name}`")))?;
                (PublisherOf::Account(found.id), None, found.name.to_string())
            }
            ScopeTarget::Everywhere => {
                let message = "publishers are trusted for a repo or an organisation";
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        };
        Ok(Publishers { of, repo_id, shown, actor: None })
    }

    /// Lists publishers, oldest first.
    pub async fn list_publishers(&self, place: &Publishers) -> Result<Vec<Publisher>> {
        let mut db = self.inner.db.read().await?;
        let rows = db.publishers_of(place.of, MAX_PUBLISHERS).await?;
        let mut users: Vec<i64> = rows.iter().map(|row| row.user_id).collect();
        users.sort_unstable();
        users.dedup();
        let users = db.accounts(&users).await?;
        let name = |id: i64| users.iter().find(|user| user.id == id).map(|user| user.name.to_string());
        rows.into_iter().map(|row| Publisher::of(&row, name(row.user_id).unwrap_or_default())).collect()
    }

    /// Trusts a program, whose tokens will be tokens of `user`, or of the caller.
    pub async fn add_publisher(
        &self,
        place: &Publishers,
        new: NewPublisher,
        user: Option<&AccountName>,
    ) -> Result<Publisher> {
        if !self.inner.publisher_issuers.iter().any(|issuer| issuer.url() == new.issuer) {
            let known: Vec<_> = self.inner.publisher_issuers.iter().map(|issuer| issuer.url()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("issuer `{}` is not trusted by this hub; those are: {known}", new.issuer);
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        check_claims(&new.claims)?;
        let user = match (user, place.actor) {
            (Some(name), _) => self.account(name, AccountKind::User).await?,
            (None, Some(id)) => {
                let found = self.inner.db.read().await?.account(id).await?;
                found.ok_or_else(|| Error::internal("the caller's account is gone"))?
            }
            (None, None) => {
                return Err(Error::new(ErrorKind::Invalid, "whose tokens the program gets must be said"));
            }
        };
        let (place, now) = (place.clone(), self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if tx.publishers_of(place.of, MAX_PUBLISHERS).await?.len() >= MAX_PUBLISHERS as usize {
                        let message = format!("`{}` has {MAX_PUBLISHERS} publishers already", place.shown);
                        return Err(Error::new(ErrorKind::TooLarge, message));
                    }
                    let row = lyceum_db::NewPublisher {
                        of: place.of,
                        user_id: user.id,
                        issuer: new.issuer,
                        claims: json!(new.claims).to_string(),
                        created_at: now,
                    };
                    let id = tx.insert_publisher(&row).await?;
                    let (issuer, claims) = (row.issuer, new.claims);
                    let detail = json!({
                        "publisher": id, "of": place.shown, "issuer": issuer, "claims": claims,
                        "user": user.name.as_str(),
                    });
                    append_event(tx, place.repo_id, place.actor, "add-publisher", &detail, now).await?;
                    let user = user.name.to_string();
                    Ok(Publisher { id, issuer, claims, user, created_at: now, used_at: None })
                })
            })
            .await
    }

    /// Trusts a program no longer; what it was given ends at once.
    pub async fn remove_publisher(&self, place: &Publishers, id: i64) -> Result<()> {
        let (place, now) = (place.clone(), self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let gone = tx.delete_publisher(place.of, id).await?.ok_or_else(|| {
                        Error::new(ErrorKind::NotFound, format!("`{}` has no publisher {id}", place.shown))
                    })?;
                    let detail = json!({ "publisher": id, "of": place.shown, "issuer": gone.issuer });
                    append_event(tx, place.repo_id, place.actor, "remove-publisher", &detail, now).await
                })
            })
            .await
    }
}

impl Publisher {
    fn of(row: &lyceum_db::Publisher, user: String) -> Result<Self> {
        Ok(Self {
            id: row.id,
            issuer: row.issuer.clone(),
            claims: serde_json::from_str(&row.claims).map_err(Error::internal)?,
            user,
            created_at: row.created_at,
            used_at: row.used_at,
        })
    }
}

fn check_claims(claims: &BTreeMap<String, String>) -> Result<()> {
    let invalid = |message: String| Err(Error::new(ErrorKind::Invalid, message));
    if claims.len() > MAX_CLAIMS {
        return invalid(format!("a publisher may have at most {MAX_CLAIMS} claims"));
    }
    for (name, value) in claims {
        if OF_TOKEN.contains(&name.as_str()) {
            return invalid(format!(
                "claim `{name}` is checked in each token anyway and cannot be asked for"
            ));
        }
        let printable = |text: &str, most: usize| {
            !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
        };
        if !printable(name, MAX_NAME_CHARS) || !printable(value, MAX_VALUE_CHARS) {
            return invalid(format!(
                "claims have names of 1 to {MAX_NAME_CHARS} and values of 1 to {MAX_VALUE_CHARS} characters"
            ));
        }
        match value.find('*') {
            None => {}
            Some(at) if name == "sub" && at + 1 == value.len() && narrow(&value[..at]) => {}
            Some(_) => {
                return invalid(format!(
                    "claim `{name}`: only `sub` may hold a `*`, at its end, after a name and a `:` or `/`"
                ));
            }
        }
    }
    if !IDENTIFYING.iter().any(|name| claims.contains_key(*name)) {
        let known = IDENTIFYING.join("`, `");
        return invalid(format!("claims must tell one program from all others: by `{known}`"));
    }
    Ok(())
}

/// Reports whether what stands before the `*` of a subject names something: `repo:octo/`, but neither `repo:` nor
/// `repo:octo`, which others may begin with, too.
fn narrow(start: &str) -> bool {
    let ends = [':', '/'];
    start.ends_with(ends) && start[..start.len() - 1].trim_end_matches(ends).contains(ends)
}

/// Reports whether an issuer says what it must.
fn fits(wanted: &BTreeMap<String, String>, claims: &Claims) -> bool {
    wanted.iter().all(|(name, wanted)| {
        let said = match claims.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
            _ => return false,
        };
        match wanted.strip_suffix('*') {
            Some(start) if name == "sub" => said.starts_with(start),
            _ => said == *wanted,
        }
    })
}

#[cfg(test)]
mod tests;
