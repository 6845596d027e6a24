//! Signing in by way of a provider of identities (OpenID Connect).
//!
//! A browser is sent to the provider with a signed state that names it, and comes back with it once, within ten minutes.
//! Accounts belong to a subject of an issuer; a mail address proves nothing here.

use lyceum_core::{AccountName, Clock, Timestamp};
use lyceum_db::{AccountKind, Queries};
use lyceum_fetch::{AllowList, Fetcher, Resolver, Target};
use lyceum_oidc::{Claims, Client, ClientSecret, ClientSettings, Issuer, Login};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::account::{MAX_TEXT_CHARS, append_event, hash, new_session};
use crate::signature::GrantError;
use crate::{Error, ErrorKind, Hub, HubOptions, Result, Role};

mod groups;
mod link;

/// How long somebody may take to sign in at the provider, in seconds.
const LOGIN_SECONDS: i64 = 600;
/// Longest subject, as the standard has it.
const MAX_SUBJECT_CHARS: usize = 255;
/// Longest reason of a provider that is shown.
const MAX_REASON_CHARS: usize = 64;
/// What the signature of a state is for.
const PURPOSE: &str = "oidc login";

/// A provider of identities that the operator trusts.
#[derive(Debug, Clone)]
pub struct OidcProvider {
    /// Name in addresses.
    pub name: String,
    /// Name on the button.
    pub label: String,
    /// Address.
    pub issuer: String,
    /// The name that the provider gave this hub.
    pub client_id: String,
    /// What proves to the provider that it is this hub.
    pub client_secret: Option<ClientSecret>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Claim with the name of a new account.
    pub user_claim: String,
    /// Claim with the groups.
    pub groups_claim: String,
    /// What groups give.
    pub groups: Vec<GroupRole>,
    /// Whether somebody who was never here gets an account.
    pub create_users: bool,
}

/// A role in an organisation for whoever is in a group of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRole {
    /// The group, as the provider writes it.
    pub group: String,
    /// The organisation.
    pub organisation: AccountName,
    /// The role.
    pub role: Role,
}

/// With what a browser came back.
#[derive(Debug, Clone, Default)]
pub struct OidcReturn {
    /// What the hub sent along.
    pub state: String,
    /// What the provider gave.
    pub code: Option<String>,
    /// Why it gave nothing.
    pub error: Option<String>,
    /// Who the provider says that it is (RFC 9207).
    pub issuer: Option<String>,
}

/// A login that succeeded.
#[derive(Debug, Clone)]
pub struct OidcSession {
    /// Secret of the browser session.
    pub secret: String,
    /// Where the browser wanted to go.
    pub next: String,
}

/// A provider with its client.
#[derive(Debug)]
pub(crate) struct Provider {
    settings: OidcProvider,
    client: Client,
}

/// What the state of a login says.
#[derive(Serialize, Deserialize)]
struct State {
    provider: String,
    /// Digest of the browser's secret.
    browser: String,
    salt: String,
    next: String,
}

/// Makes the clients of the configured providers.
pub(crate) fn providers(options: &HubOptions, fetcher: &Fetcher, clock: &Clock) -> Result<Vec<Provider>> {
    let made = options.oidc.iter().map(|settings| {
        let client = Issuer::new(&settings.issuer, fetcher.clone(), clock.clone())
            .and_then(|issuer| Client::new(issuer, client_settings(settings, &options.public_url)));
        let client = client.map_err(|reason| {
            Error::new(ErrorKind::Invalid, format!("provider `{}`: {reason}", settings.name))
        })?;
        Ok(Provider { settings: settings.clone(), client })
    });
    made.collect()
}

/// Returns those who may vouch for programs.
pub(crate) fn issuers(options: &HubOptions, fetcher: &Fetcher, clock: &Clock) -> Result<Vec<Issuer>> {
    let made = options.publisher_issuers.iter().map(|url| {
        let issuer = Issuer::new(url, fetcher.clone(), clock.clone());
        issuer.map_err(|reason| Error::new(ErrorKind::Invalid, format!("issuer `{url}`: {reason}")))
    });
    made.collect()
}

/// Returns what makes requests to providers: the operator named their hosts, so that they may be private.
pub(crate) fn fetcher<'i>(issuers: impl Iterator<Item = &'i str>) -> Fetcher {
    let hosts = issuers.filter_map(|issuer| Some(Target::parse(issuer).ok()?.host().to_owned()));
    let allowed = AllowList::parse(&hosts.collect::<Vec<_>>().join(",")).unwrap_or_default();
    Fetcher::new(allowed, Resolver::system())
}

/// Asks a provider for its endpoints and keys; returns how many keys it has, or what is wrong.
pub async fn probe_provider(issuer: &str, clock: Clock) -> Result<usize, String> {
    let issuer = Issuer::new(issuer, fetcher([issuer].into_iter()), clock)?;
    issuer.probe().await.map_err(|error| error.to_string())
}

fn client_settings(settings: &OidcProvider, public_url: &str) -> ClientSettings {
    ClientSettings {
        id: settings.client_id.clone(),
        secret: settings.client_secret.clone(),
        redirect_uri: format!("{public_url}/login/oidc/{}/callback", settings.name),
        scopes: settings.scopes.clone(),
    }
}

impl Hub {
    /// Returns the name and the label of each provider.
    pub fn oidc_providers(&self) -> Vec<(&str, &str)> {
        let settings = self.inner.oidc.iter().map(|provider| &provider.settings);
        settings.map(|provider| (provider.name.as_str(), provider.label.as_str())).collect()
    }

    /// Returns the address at a provider to which a browser is sent, whose `secret` nobody else knows; it wants to go to
    /// `next` afterwards.
    pub async fn oidc_start(&self, provider: &str, secret: &str, next: &str) -> Result<String> {
        let provider = self.provider(provider)?;
        let state = State {
            provider: provider.settings.name.clone(),
            browser: derive("browser", secret, ""),
            salt: self.inner.entropy.id(),
            next: next.to_owned(),
        };
        let end = self.inner.clock.now().plus_seconds(LOGIN_SECONDS);
        let login = login(secret, &state.salt, self.inner.signer.sign(PURPOSE, end, &state));
        provider.client.authorize(&login).await.map_err(|error| provider.failed(&error))
    }

    /// Signs in whom the provider vouches for, if it is the same browser, in time and for the first time.
    pub async fn oidc_finish(
        &self,
        provider: &str,
        secret: &str,
        returned: OidcReturn,
    ) -> Result<OidcSession> {
        let provider = self.provider(provider)?;
        let state = self.check_state(provider, secret, &returned)?;
        let (used, now) = (hash(&returned.state), self.inner.clock.now());
        let first = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    Ok::<_, Error>(tx.use_sign_in(&used, now, now.plus_seconds(LOGIN_SECONDS)).await?)
                })
            })
            .await?;
        if !first {
            return Err(refused("this sign-in was finished before; please begin again"));
        }
        if let Some(reason) = &returned.error {
            let reason: String =
                reason.chars().filter(char::is_ascii_graphic).take(MAX_REASON_CHARS).collect();
            return Err(refused(format!("{} did not let you in: {reason}", provider.settings.label)));
        }
        let login = login(secret, &state.salt, returned.state);
        let mut wanted = vec![provider.settings.user_claim.as_str()];
        if !provider.settings.groups.is_empty() {
            wanted.push(&provider.settings.groups_claim);
        }
        let code = returned.code.unwrap_or_default();
        let claims = provider.client.redeem(&code, &login, &wanted).await;
        let claims = claims.map_err(|error| provider.failed(&error))?;
        let secret = self.enter(provider, claims).await?;
        Ok(OidcSession { secret, next: state.next })
    }

    /// Opens a session for the user whom a provider described: the one it is tied to, or a new one.
    async fn enter(&self, provider: &Provider, claims: Claims) -> Result<String> {
        let subject = claims.subject().to_owned();
        if subject.chars().count() > MAX_SUBJECT_CHARS {
            return Err(refused(format!("{} gave no usable identity", provider.settings.label)));
        }
        let (settings, now) = (provider.settings.clone(), self.inner.clock.now());
        let secret = self.inner.entropy.alphanumeric(43);
        let stored = secret.clone();
        let lost = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let issuer = settings.issuer.as_str();
                    let known = tx.user_by_identity(issuer, &subject).await?;
                    let user = match known {
                        Some(user) => user,
                        None => create_user(tx, &settings, &claims, now).await?,
                    };
                    if user.disabled {
                        return Err(refused("an administrator of this hub has disabled your account"));
                    }
                    tx.touch_identity(issuer, &subject, now).await?;
                    let lost = groups::synchronise(tx, &settings, &claims, &user, now).await?;
                    tx.insert_token(&new_session(user.id, &stored, now)).await?;
                    let detail = json!({ "user": user.name.as_str(), "provider": settings.name });
                    append_event(tx, None, Some(user.id), "sign-in", &detail, now).await?;
                    Ok::<_, Error>(lost)
                })
            })
            .await?;
        for organisation in lost {
            let provider = &provider.settings.name;
            tracing::warn!(
                provider,
                organisation,
                "groups give a role in an organisation that does not exist"
            );
        }
        Ok(secret)
    }

    fn provider(&self, name: &str) -> Result<&Provider> {
        let found = self.inner.oidc.iter().find(|provider| provider.settings.name == name);
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no provider `{name}`")))
    }

    fn check_state(&self, provider: &Provider, secret: &str, returned: &OidcReturn) -> Result<State> {
        let state: State =
            self.inner.signer.check(PURPOSE, self.inner.clock.now(), &returned.state).map_err(|error| {
                match error {
                    GrantError::Expired => {
                        refused("this sign-in took longer than ten minutes; please begin again")
                    }
                    GrantError::Forged => refused("this sign-in was not begun here; please begin again"),
                }
            })?;
        let named = returned.issuer.as_deref().is_none_or(|issuer| issuer == provider.settings.issuer);
        if state.provider != provider.settings.name || !named {
            return Err(refused("this sign-in was begun at another provider; please begin again"));
        }
        // Digests: comparing them tells nothing of the secret.
        if state.browser != derive("browser", secret, "") {
            return Err(refused(
                "this sign-in was begun in another browser, or its cookie was not kept; please begin again",
            ));
        }
        Ok(state)
    }
}

impl Provider {
    /// Notes for the operator what went wrong, and tells the user what he needs to know of it.
    fn failed(&self, error: &lyceum_oidc::Error) -> Error {
        let label = &self.settings.label;
        tracing::warn!(
            provider = self.settings.name,
            error = error as &dyn std::error::Error,
            "a sign-in failed"
        );
        match error {
            lyceum_oidc::Error::Unavailable { .. } => Error::new(
                ErrorKind::Unavailable,
                format!("{label} does not answer as it should; please try again later"),
            ),
            lyceum_oidc::Error::Refused(_) => {
                refused(format!("what {label} said could not be verified; please begin again"))
            }
        }
    }
}

/// Makes the account of somebody whom a provider vouches for the first time.
async fn create_user(
    tx: &mut Queries,
    settings: &OidcProvider,
    claims: &Claims,
    now: Timestamp,
) -> Result<lyceum_db::Account> {
    let (label, subject) = (&settings.label, claims.subject());
    let link = format!("`lyceum user link NAME --provider {} --subject {subject}`", settings.name);
    if !settings.create_users {
        return Err(refused(format!(
            "there is no account for you here; ask an administrator to connect yours with {label}: {link}"
        )));
    }
    // Directories name people by addresses; what stands before the `@` is the name.
    let wanted = claims.text(&settings.user_claim).unwrap_or_default();
    let wanted = wanted.split('@').next().unwrap_or_default();
    let name = AccountName::parse_new(wanted).map_err(|error| {
        refused(format!("{label} gives you no name that an account can have ({error}); ask an administrator"))
    })?;
    if tx.account_by_name(&name).await?.is_some() {
        let message = format!(
            "the name `{name}` belongs to another account here. If that is yours, too, ask an administrator to connect \
             it with {label}: {link}. If not, you need another name at {label}"
        );
        return Err(Error::new(ErrorKind::AlreadyExists, message));
    }
    let mut email = claims.text("email").filter(|email| usable(email) && claims.holds("email_verified"));
    if let Some(taken) = email
        && tx.account_by_email(taken).await?.is_some()
    {
        email = None;
    }
    let full_name = claims.text("name").filter(|name| usable(name)).unwrap_or(name.as_str());
    let row = lyceum_db::NewAccount {
        kind: AccountKind::User,
        full_name: full_name.to_owned(),
        email: email.map(str::to_owned),
        name,
        password_hash: None,
        admin: false,
        service: false,
        created_at: now,
    };
    let again = || Error::new(ErrorKind::Conflict, "somebody else was faster; please try again");
    let id = tx.insert_account(&row).await?.ok_or_else(again)?;
    if !tx.insert_identity(&settings.issuer, subject, id, now).await? {
        return Err(again());
    }
    let detail = json!({ "account": row.name.as_str(), "kind": row.kind.as_str() });
    append_event(tx, None, Some(id), "create-account", &detail, now).await?;
    let detail = json!({ "user": row.name.as_str(), "issuer": settings.issuer, "subject": subject });
    append_event(tx, None, Some(id), "link-identity", &detail, now).await?;
    tx.account(id).await?.ok_or_else(|| Error::internal("an account vanished"))
}

fn usable(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_TEXT_CHARS && !text.chars().any(char::is_control)
}

fn login(secret: &str, salt: &str, state: String) -> Login {
    Login { state, nonce: derive("nonce", secret, salt), verifier: derive("verifier", secret, salt) }
}

/// Makes one value of a browser's secret, from which neither the secret nor another value can be told.
fn derive(purpose: &str, secret: &str, salt: &str) -> String {
    use base64::Engine as _;
    let digest = hash(&format!("lyceum oidc {purpose}\0{salt}\0{secret}"));
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Forbidden, message)
}
