//! Device login (RFC 8628) and token refresh, as `hf auth login` uses them.

use lyceum_core::Timestamp;
use lyceum_db::{DeviceGrant, GrantState, TokenKind};

use crate::account::hash;
use crate::throttle::Guess;
use crate::{Caller, Error, ErrorKind, Hub, Result, TokenRole};

/// Lifetime of the codes in seconds.
const CODE_SECONDS: i64 = 15 * 60;
/// Shortest time between two polls in seconds.
const POLL_SECONDS: i64 = 5;
/// Lifetime of an access token in seconds; clients refresh it.
const ACCESS_SECONDS: i64 = 8 * 3600;
/// Lifetime of a refresh token in seconds.
const REFRESH_SECONDS: i64 = 90 * 24 * 3600;
/// Longest client id that is stored.
const MAX_CLIENT_CHARS: usize = 128;
/// Letters of user codes: no vowels, which make words, and nothing that looks like something else.
const USER_CODE_ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Start of a device login.
#[derive(Debug, Clone)]
pub struct DeviceStart {
    /// Secret with which the device polls.
    pub device_code: String,
    /// Code that the user types, `XXXX-XXXX`.
    pub user_code: String,
    /// Lifetime of both in seconds.
    pub expires_in_seconds: i64,
    /// Shortest time between two polls in seconds.
    pub interval_seconds: i64,
}

/// Answer to a poll.
#[derive(Debug, Clone)]
pub enum DevicePoll {
    /// The user has not decided yet.
    Pending,
    /// The device polls faster than agreed.
    SlowDown,
    /// The code is unknown, used or too old.
    Expired,
    /// The user refused.
    Denied,
    /// The user agreed.
    Granted(TokenPair),
}

/// An access token and the secret that renews it.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// Bearer token.
    pub access_token: String,
    /// One-time secret for the next pair.
    pub refresh_token: String,
    /// Lifetime of the access token in seconds.
    pub expires_in_seconds: i64,
}

impl Hub {
    /// Starts a device login for any client id.
    pub async fn device_start(&self, client_id: &str) -> Result<DeviceStart> {
        if client_id.is_empty() || client_id.len() > MAX_CLIENT_CHARS {
            return Err(Error::new(ErrorKind::Invalid, "`client_id` must have 1 to 128 characters"));
        }
        let now = self.inner.clock.now();
        let device_code = self.inner.entropy.alphanumeric(43);
        let user_code = self.user_code();
        let grant = DeviceGrant {
            device_hash: hash(&device_code),
            user_code: user_code.clone(),
            client_id: client_id.to_owned(),
            user_id: None,
            state: GrantState::Pending,
            created_at: now,
            expires_at: now.plus_seconds(CODE_SECONDS),
            last_polled_at: None,
        };
        let inserted = self
            .inner
            .db
            .write(move |tx| Box::pin(async move { Ok::<_, Error>(tx.insert_device_grant(&grant).await?) }))
            .await?;
        if !inserted {
            return Err(Error::new(ErrorKind::Unavailable, "please try again"));
        }
        Ok(DeviceStart {
            device_code,
            user_code,
            expires_in_seconds: CODE_SECONDS,
            interval_seconds: POLL_SECONDS,
        })
    }

    /// Polls a device login.
    pub async fn device_poll(&self, device_code: &str, client_id: &str) -> Result<DevicePoll> {
        let (device_hash, now) = (hash(device_code), self.inner.clock.now());
        let grant = self.inner.db.read().await?.device_grant_by_device_hash(&device_hash).await?;
        let Some(grant) = grant.filter(|grant| grant.client_id == client_id && grant.expires_at > now) else {
            return Ok(DevicePoll::Expired);
        };
        // One second of grace: the client's clock and the network are not exact.
        let early = grant.last_polled_at.is_some_and(|last| now.0 - last.0 < (POLL_SECONDS - 1) * 1000);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.touch_device_grant(&device_hash, now).await?) })
            })
            .await?;
        match (grant.state, grant.user_id) {
            (GrantState::Pending, _) if early => Ok(DevicePoll::SlowDown),
            (GrantState::Pending, _) => Ok(DevicePoll::Pending),
            (GrantState::Denied, _) => Ok(DevicePoll::Denied),
            (GrantState::Approved, Some(user_id)) => self.redeem(device_hash, user_id, client_id).await,
            _ => Ok(DevicePoll::Expired),
        }
    }

    /// Approves or refuses the login that shows `user_code`; the caller must be signed in by password.
    pub async fn device_decide(&self, caller: &Caller, user_code: &str, approve: bool) -> Result<()> {
        let identity = caller.signed_in()?;
        if identity.token_kind != TokenKind::Session {
            return Err(Error::new(ErrorKind::Forbidden, "sign in with your password to approve a device"));
        }
        let code: String =
            user_code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        let code = if code.len() == 8 { format!("{}-{}", &code[..4], &code[4..]) } else { code };
        let (user_id, now) = (identity.user_id, self.inner.clock.now());
        let guess = Guess::code(user_id);
        self.inner.throttle.count(&guess, now)?;
        let unknown = Error::new(ErrorKind::NotFound, "this code is unknown, used or expired");
        let grant = self.inner.db.read().await?.device_grant_by_user_code(&code).await?;
        let Some(grant) = grant.filter(|grant| grant.expires_at > now) else {
            return Err(unknown);
        };
        let state = if approve { GrantState::Approved } else { GrantState::Denied };
        let decided = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let decided = tx
                        .set_device_grant_state(&grant.device_hash, GrantState::Pending, state, Some(user_id))
                        .await?;
                    Ok::<_, Error>(decided)
                })
            })
            .await?;
        if !decided {
            return Err(unknown);
        }
        self.inner.throttle.give_back(&guess, now);
        Ok(())
    }

    /// Swaps a refresh token for a new pair; `None` if it is unknown, used or expired.
    pub async fn refresh_token(&self, refresh_token: &str, client_id: &str) -> Result<Option<TokenPair>> {
        let (now, old) = (self.inner.clock.now(), hash(refresh_token));
        let found = self.inner.db.read().await?.refresh_token(&old).await?;
        let Some(user_id) = found.filter(|found| found.client_id == client_id).map(|found| found.user_id)
        else {
            return Ok(None);
        };
        let (pair, access, refresh) = self.new_pair(user_id, client_id, now);
        let swapped = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if tx.take_refresh_token(&old, now).await?.is_none() {
                        return Ok(false);
                    }
                    tx.insert_token(&access).await?;
                    tx.insert_refresh_token(&refresh).await?;
                    Ok::<_, Error>(true)
                })
            })
            .await?;
        Ok(swapped.then_some(pair))
    }

    async fn redeem(&self, device_hash: [u8; 32], user_id: i64, client_id: &str) -> Result<DevicePoll> {
        let (pair, access, refresh) = self.new_pair(user_id, client_id, self.inner.clock.now());
        let redeemed = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx
                        .set_device_grant_state(&device_hash, GrantState::Approved, GrantState::Used, None)
                        .await?
                    {
                        return Ok(false);
                    }
                    tx.insert_token(&access).await?;
                    tx.insert_refresh_token(&refresh).await?;
                    Ok::<_, Error>(true)
                })
            })
            .await?;
        Ok(if redeemed { DevicePoll::Granted(pair) } else { DevicePoll::Expired })
    }

    fn new_pair(
        &self,
        user_id: i64,
        client_id: &str,
        now: Timestamp,
    ) -> (TokenPair, lyceum_db::NewToken, lyceum_db::RefreshToken) {
        let (access_token, refresh_token) = (self.new_secret(), self.inner.entropy.alphanumeric(43));
        let access = lyceum_db::NewToken {
            user_id,
            name: format!("oauth-{}", now.day()),
            role: TokenRole::Write,
            kind: TokenKind::OAuth,
            hash: hash(&access_token),
            created_at: now,
            expires_at: Some(now.plus_seconds(ACCESS_SECONDS)),
            scopes: None,
            publisher_id: None,
        };
        let refresh = lyceum_db::RefreshToken {
            hash: hash(&refresh_token),
            user_id,
            client_id: client_id.to_owned(),
            created_at: now,
            expires_at: now.plus_seconds(REFRESH_SECONDS),
            used_at: None,
        };
        (TokenPair { access_token, refresh_token, expires_in_seconds: ACCESS_SECONDS }, access, refresh)
    }

    /// Returns eight letters in two groups: 34 bits, guessed against a code's 15 minutes of life.
    fn user_code(&self) -> String {
        let mut code = String::with_capacity(9);
        while code.len() < 9 {
            // 240 is the largest multiple of 20 in a byte: what lies above would favour the first letters.
            for byte in self.inner.entropy.bytes::<16>().into_iter().filter(|byte| *byte < 240) {
                if code.len() == 4 {
                    code.push('-');
                }
                if code.len() < 9 {
                    code.push(char::from(USER_CODE_ALPHABET[usize::from(byte % 20)]));
                }
            }
        }
        code
    }
}
