//! Which requests count as a download.
//!
//! A download of a repo is many requests; each client counts once per repo and window. Clients are told apart by a
//! keyed digest that lives as long as the process, so that nothing about them is stored.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::{AUTHORIZATION, FORWARDED, RANGE, USER_AGENT};
use http::{HeaderMap, HeaderName, Method};
use lyceum_hub::Repo;
use tokio::time::Instant;

/// What Hub clients send with each request of a download.
const X_HF_DOWNLOAD_COUNTER: HeaderName = HeaderName::from_static("x-hf-download-counter");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How long requests of one client to one repo are the same download.
const WINDOW: Duration = Duration::from_secs(300);
/// Most downloads that are remembered; beyond, those of the last window are forgotten and may count twice.
const MAX_REMEMBERED: usize = 100_000;

/// The downloads of the last minutes.
#[derive(Debug, Default)]
pub(crate) struct DownloadWindow {
    hasher: RandomState,
    seen: Mutex<HashMap<u64, Instant>>,
}

impl DownloadWindow {
    /// Reports whether this request is the first of a download. Clients that do not mark theirs download by reading
    /// a file from its start.
    pub(in crate::routes) fn counts(&self, repo: &Repo, method: &Method, headers: &HeaderMap) -> bool {
        let marked = headers.contains_key(X_HF_DOWNLOAD_COUNTER);
        let plain = *method == Method::GET && !headers.contains_key(RANGE);
        (marked || plain) && self.first(self.digest(&format!("{} {}", repo.kind(), repo.id()), headers))
    }

    /// Returns a number for a client and a repo.
    fn digest(&self, repo: &str, headers: &HeaderMap) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        repo.hash(&mut hasher);
        for name in [AUTHORIZATION, USER_AGENT, FORWARDED, X_FORWARDED_FOR] {
            headers.get(name).map(http::HeaderValue::as_bytes).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Reports whether this number was not seen in the window, and remembers it.
    fn first(&self, digest: u64) -> bool {
        let now = Instant::now();
        // A panic between two lines leaves a map that is still right.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_REMEMBERED {
            seen.retain(|_, began| now.duration_since(*began) < WINDOW);
            if seen.len() >= MAX_REMEMBERED {
                seen.clear();
            }
        }
        match seen.insert(digest, now) {
            // The window starts with the first request, so that an endless series counts again.
            Some(began) if now.duration_since(began) < WINDOW => {
                seen.insert(digest, began);
                false
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests;
