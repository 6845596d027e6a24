//! Signed, expiring grants: what the hub hands to a client and checks again without a database.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use lyceum_core::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// Bytes of the authentication code: 128 bits cannot be guessed within the life of a grant.
const CODE_BYTES: usize = 16;
/// Longest grant that is looked at; ours stay below.
const MAX_GRANT_CHARS: usize = 16 * 1024;

/// Signs and checks grants with the hub's key.
///
/// A grant is `code | expiry | JSON payload` in base64url. The purpose is part of what is signed, so that a grant for
/// one thing never passes for another.
pub(crate) struct Signer {
    key: [u8; 32],
}

/// Why a grant was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantError {
    /// Malformed or forged.
    Forged,
    /// Genuine, but its time is over.
    Expired,
}

impl Signer {
    /// Takes the hub's key.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Signs a payload until `expires_at`.
    pub(crate) fn sign(&self, purpose: &str, expires_at: Timestamp, payload: &impl Serialize) -> String {
        let mut signed = expires_at.0.to_le_bytes().to_vec();
        serde_json::to_writer(&mut signed, payload).expect("grants are plain data");
        let mut grant = self.code(purpose, &signed).finalize().into_bytes()[..CODE_BYTES].to_vec();
        grant.extend_from_slice(&signed);
        URL_SAFE_NO_PAD.encode(grant)
    }

    /// Checks a grant and returns its payload.
    pub(crate) fn check<T: DeserializeOwned>(
        &self,
        purpose: &str,
        now: Timestamp,
        grant: &str,
    ) -> Result<T, GrantError> {
        if grant.len() > MAX_GRANT_CHARS {
            return Err(GrantError::Forged);
        }
        let grant = URL_SAFE_NO_PAD.decode(grant).map_err(|_| GrantError::Forged)?;
        let (code, signed) = grant.split_at_checked(CODE_BYTES).ok_or(GrantError::Forged)?;
        self.code(purpose, signed).verify_truncated_left(code).map_err(|_| GrantError::Forged)?;
        let (expires_at, payload) = signed.split_first_chunk::<8>().ok_or(GrantError::Forged)?;
        if Timestamp(i64::from_le_bytes(*expires_at)) <= now {
            return Err(GrantError::Expired);
        }
        serde_json::from_slice(payload).map_err(|_| GrantError::Forged)
    }

    fn code(&self, purpose: &str, signed: &[u8]) -> Hmac<Sha256> {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        code.update(purpose.as_bytes());
        code.update(&[0]);
        code.update(signed);
        code
    }
}

#[cfg(test)]
mod tests;
