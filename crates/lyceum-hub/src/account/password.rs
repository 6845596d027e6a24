//! Passwords: argon2id, checked on a thread for blocking work.

use std::net::IpAddr;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use lyceum_core::AccountName;
use lyceum_db::{Account, AccountKind};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::throttle::Guess;
use crate::{Error, ErrorKind, Hub, Result};

/// Longest wait for a turn to hash a password.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Shortest password; length matters more than symbols (NIST SP 800-63B).
const MIN_PASSWORD_CHARS: usize = 8;
/// Longest password that is hashed.
const MAX_PASSWORD_BYTES: usize = 1024;
/// Hash of no password, so that an unknown name takes as long as a wrong password.
const DECOY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bHljZXVtLWRlY295LXNhbHQ$0Wq7yQhDqk8S2LJ2aTnJ7XkYp0u5sB0mW9m0m2l3q3U";

impl Hub {
    /// Finds the user of a name and password, or says only that they do not fit, or that too many did not.
    pub(super) async fn check_password(
        &self,
        name: &str,
        password: &str,
        from: Option<IpAddr>,
    ) -> Result<Account> {
        let guess = Guess::password(name, from);
        self.inner.throttle.count(&guess, self.inner.clock.now())?;
        let compared = self.compare_password(name, password).await;
        // Only what was looked at and is wrong was a guess.
        if !compared.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidCredentials) {
            self.inner.throttle.give_back(&guess, self.inner.clock.now());
        }
        compared
    }

    async fn compare_password(&self, name: &str, password: &str) -> Result<Account> {
        let account = match AccountName::parse(name) {
            Ok(name) => self.inner.db.read().await?.account_by_name(&name).await?,
            Err(_) => None,
        };
        let person =
            |account: &Account| account.kind == AccountKind::User && !account.service && !account.disabled;
        let account = account.filter(person);
        let stored = account.as_ref().and_then(|account| account.password_hash.clone());
        let known = stored.is_some();
        let (stored, password) = (stored.unwrap_or_else(|| DECOY.to_owned()), password.to_owned());
        let turn = self.password_turn().await?;
        let fits = tokio::task::spawn_blocking(move || {
            let _until_done = turn;
            let hash = PasswordHash::new(&stored).ok()?;
            let short = password.len() <= MAX_PASSWORD_BYTES;
            (short && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()).then_some(())
        })
        .await
        .map_err(Error::internal)?
        .is_some();
        match account {
            Some(account) if fits && known => Ok(account),
            _ => Err(Error::new(ErrorKind::InvalidCredentials, "the user name or password is wrong")),
        }
    }

    pub(super) async fn hash_password(&self, password: String) -> Result<String> {
        if password.chars().count() < MIN_PASSWORD_CHARS || password.len() > MAX_PASSWORD_BYTES {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("a password must have at least {MIN_PASSWORD_CHARS} characters"),
            ));
        }
        let salt = SaltString::encode_b64(&self.inner.entropy.bytes::<16>())
            .map_err(|error| Error::internal(error.to_string()))?;
        let turn = self.password_turn().await?;
        let hash = move || {
            let _until_done = turn;
            Argon2::default().hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string())
        };
        tokio::task::spawn_blocking(hash)
            .await
            .map_err(Error::internal)?
            .map_err(|error| Error::internal(error.to_string()))
    }

    async fn password_turn(&self) -> Result<OwnedSemaphorePermit> {
        let busy = || Error::new(ErrorKind::Unavailable, "too many people sign in at this moment; try again");
        let turn = timeout(MAX_WAIT, self.inner.password_work.clone().acquire_owned()).await;
        turn.map_err(|_| busy())?.map_err(Error::internal)
    }
}
