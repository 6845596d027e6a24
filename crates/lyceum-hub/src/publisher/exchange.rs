//! Giving a program a token for what an issuer says of it (RFC 8693).

use lyceum_core::{AccountName, RepoId, RepoKind};
use lyceum_db::{Publisher, PublisherOf, TokenKind};
use serde_json::json;

use super::{MAX_PUBLISHERS, fits};
use crate::access::grant::Bearer;
use crate::access::scope::{Entity, Scope, Scopes};
use crate::account::{append_event, hash};
use crate::{Action, Error, ErrorKind, Hub, Permission, Result, TokenRole};

/// Lifetime of a token in seconds; programs ask again.
const TOKEN_SECONDS: i64 = 3600;

/// The id of nothing.
const NONE: i64 = -1;

/// A token for a program.
#[derive(Debug, Clone)]
pub struct PublisherToken {
    /// Bearer token.
    pub access_token: String,
    /// Its lifetime in seconds.
    pub expires_in_seconds: i64,
}

/// What a program wants to write to.
enum Resource {
    Repo(RepoKind, RepoId),
    Organisation(AccountName),
}

impl Hub {
    /// Exchanges what an issuer says of a program for a token that may write to a resource: `namespace/name`,
    /// `datasets/namespace/name` and so on, or the name of an organisation.
    ///
    /// That a resource is missing, hidden or trusts somebody else is told in the same words, and only to whoever has a
    /// genuine token.
    pub async fn exchange_id_token(&self, id_token: &str, resource: &str) -> Result<PublisherToken> {
        let refuse = |message: &str| Error::new(ErrorKind::Forbidden, message);
        let issuer = lyceum_oidc::issuer_of(id_token)
            .and_then(|claimed| self.inner.publisher_issuers.iter().find(|issuer| issuer.url() == claimed));
        let issuer = issuer.ok_or_else(|| refuse("the token's issuer is not trusted by this hub"))?;
        let verified = issuer.verify(id_token, &self.inner.options.public_url).await;
        let claims = verified.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "a program was refused");
            match error {
                lyceum_oidc::Error::Unavailable { .. } => {
                    Error::new(ErrorKind::Unavailable, "the token's issuer does not answer as it should")
                }
                lyceum_oidc::Error::Refused(_) => refuse(
                    "the token could not be verified: it must be genuine, in time, and for this hub's address",
                ),
            }
        })?;
        let found = match parse(resource) {
            Some(resource) => self.publisher_for(&resource, issuer.url(), &claims).await?,
            None => None,
        };
        let unknown = || refuse("there is no such resource, or none that trusts this program");
        let (publisher, entity, repo_id) = found.ok_or_else(unknown)?;
        let (secret, now) = (self.new_secret(), self.inner.clock.now());
        let permissions = vec![Permission::WriteContent];
        let scopes = Scopes { scoped: vec![Scope { entity, permissions }], ..Scopes::default() };
        let row = lyceum_db::NewToken {
            user_id: publisher.user_id,
            name: format!("publisher {}", publisher.id),
            role: TokenRole::FineGrained,
            kind: TokenKind::Publisher,
            hash: hash(&secret),
            created_at: now,
            expires_at: Some(now.plus_seconds(TOKEN_SECONDS)),
            scopes: Some(serde_json::to_string(&scopes).map_err(Error::internal)?),
            publisher_id: Some(publisher.id),
        };
        let detail = json!({
            "publisher": publisher.id, "resource": resource, "issuer": issuer.url(), "subject": claims.subject(),
        });
        let given = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.touch_publisher(publisher.id, now).await? {
                        return Ok(false);
                    }
                    tx.delete_expired_publisher_tokens(publisher.id, now).await?;
                    tx.insert_token(&row).await?;
                    let action = "give-publisher-token";
                    append_event(tx, repo_id, Some(publisher.user_id), action, &detail, now).await?;
                    Ok::<_, Error>(true)
                })
            })
            .await?;
        if !given {
            return Err(unknown());
        }
        Ok(PublisherToken { access_token: secret, expires_in_seconds: TOKEN_SECONDS })
    }

    /// Finds a publisher that fits and whose user may still write there.
    async fn publisher_for(
        &self,
        resource: &Resource,
        issuer: &str,
        claims: &lyceum_oidc::Claims,
    ) -> Result<Option<(Publisher, Entity, Option<i64>)>> {
        let mut db = self.inner.db.read().await?;
        // What is missing is looked for as long as what exists: no row has these ids.
        let (of_repo, of_account, entity) = match resource {
            Resource::Repo(kind, id) => {
                let repo = db.repo_by_key(*kind, id).await?;
                let (repo, owner) = repo.map_or((NONE, NONE), |repo| (repo.id, repo.owner_id));
                (repo, owner, Entity::Repo(repo))
            }
            Resource::Organisation(name) => {
                let account = db.account_by_name(name).await?.map_or(NONE, |account| account.id);
                (NONE, account, Entity::Account(account))
            }
        };
        let mut publishers = db.publishers_of(PublisherOf::Repo(of_repo), MAX_PUBLISHERS).await?;
        publishers.extend(db.publishers_of(PublisherOf::Account(of_account), MAX_PUBLISHERS).await?);
        let repo_id = (of_repo != NONE).then_some(of_repo);
        drop(db);
        publishers.retain(|publisher| {
            let wanted = serde_json::from_str(&publisher.claims);
            publisher.issuer == issuer && wanted.is_ok_and(|wanted| fits(&wanted, claims))
        });
        for publisher in publishers {
            let may = match repo_id {
                Some(repo) => {
                    self.still_allowed(repo, Bearer::user(publisher.user_id), Action::Write).await?
                }
                None => true,
            };
            if may {
                return Ok(Some((publisher, entity, repo_id)));
            }
        }
        Ok(None)
    }
}

fn parse(resource: &str) -> Option<Resource> {
    match resource.split_once('/') {
        None => AccountName::parse(resource).ok().map(Resource::Organisation),
        Some((kind, id)) if id.contains('/') => {
            let kind = RepoKind::parse(kind).filter(|known| known.plural() == kind)?;
            Some(Resource::Repo(kind, RepoId::parse(id).ok()?))
        }
        Some(_) => Some(Resource::Repo(RepoKind::Model, RepoId::parse(resource).ok()?)),
    }
}
