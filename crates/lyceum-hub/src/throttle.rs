//! Limits on guessing passwords and codes, looked at before anything costly is done.
//!
//! A wrong guess counts for the name, for the name as asked for by this address, and for the address; a right one is
//! given back, so that a program which sends a password with each request is not in its own way, and so is one that
//! could not be looked at. Nothing is asked of the
//! database: names that exist and names that do not are refused alike. Sessions and tokens are not guesses. Each process
//! counts on its own.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use lyceum_core::{AccountName, Timestamp, Window};

use crate::account::hash;
use crate::{Error, ErrorKind, Result};

/// Length of a window in seconds.
const WINDOW_SECONDS: i64 = 600;
/// Wrong passwords for a name from one address: whoever sits there locks out himself.
const MOST_FOR_NAME_AT: u32 = 10;
/// Wrong passwords for a name from everywhere.
const MOST_FOR_NAME: u32 = 50;
/// Wrong passwords from an address, which may be a whole office's.
const MOST_AT_ADDRESS: u32 = 100;
/// Wrong codes of devices by a signed-in user, each of which is one of 25 billion.
const MOST_CODES: u32 = 20;
/// Names and addresses counted in one window, some tens of megabytes at most; those that come later share one count of
/// their kind. That is several times what the turns to hash let through, so that nobody can fill it.
const MOST_COUNTED: usize = 1_000_000;

/// What guesses are counted for. Names are kept as digests: they may be anything, and of any length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    NameAt([u8; 16]),
    Name([u8; 16]),
    Address(IpAddr),
    Codes(i64),
    /// All that were not counted on their own any more.
    OtherNamesAt,
    OtherNames,
    OtherAddresses,
    OtherCodes,
}

/// Counts guesses.
#[derive(Debug)]
pub(crate) struct Throttle(Mutex<Window<Subject>>);

/// A guess that was counted.
#[derive(Debug)]
pub(crate) struct Guess(Vec<(Subject, u32)>);

impl Guess {
    /// A guess at the password of a name, from an address if it is known.
    ///
    /// Whoever comes from this machine comes through a proxy that does not tell, and is anybody.
    pub(crate) fn password(name: &str, from: Option<IpAddr>) -> Self {
        let from = from.filter(|address| !address.is_loopback());
        let folded = AccountName::parse(name).map_or_else(|_| name.to_owned(), |name| name.key());
        let place = from.map(|address| address.to_string()).unwrap_or_default();
        let mut subjects = vec![
            (Subject::NameAt(digest(&format!("{place}\0{folded}"))), MOST_FOR_NAME_AT),
            (Subject::Name(digest(&folded)), MOST_FOR_NAME),
        ];
        subjects.extend(from.map(|address| (Subject::Address(address), MOST_AT_ADDRESS)));
        Self(subjects)
    }

    /// A guess at the code that a device shows, by a signed-in user.
    pub(crate) fn code(user_id: i64) -> Self {
        Self(vec![(Subject::Codes(user_id), MOST_CODES)])
    }
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Window::new(MOST_COUNTED)))
    }

    /// Counts a guess before it is looked at, so that many at once are not more than one after another; refuses it if
    /// there were too many.
    pub(crate) fn count(&self, guess: &Guess, now: Timestamp) -> Result<()> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        window.enter(number(now));
        for (subject, most) in &guess.0 {
            if *window.count(*subject, subject.others()) >= *most {
                let seconds = WINDOW_SECONDS - now.seconds().rem_euclid(WINDOW_SECONDS);
                let message = format!("there were too many wrong attempts; try again in {seconds} seconds");
                // At most the length of a window.
                return Err(Error::new(ErrorKind::TooManyRequests, message).retry_in(seconds as u32));
            }
        }
        for (subject, _) in &guess.0 {
            *window.count(*subject, subject.others()) += 1;
        }
        Ok(())
    }

    /// Takes back a guess that was right, or was not looked at.
    pub(crate) fn give_back(&self, guess: &Guess, now: Timestamp) {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        window.enter(number(now));
        for (subject, _) in &guess.0 {
            let count = window.count(*subject, subject.others());
            *count = count.saturating_sub(1);
        }
    }
}

impl Subject {
    fn others(self) -> Self {
        match self {
            Self::NameAt(_) | Self::OtherNamesAt => Self::OtherNamesAt,
            Self::Name(_) | Self::OtherNames => Self::OtherNames,
            Self::Address(_) | Self::OtherAddresses => Self::OtherAddresses,
            Self::Codes(_) | Self::OtherCodes => Self::OtherCodes,
        }
    }
}

fn number(now: Timestamp) -> i64 {
    now.seconds().div_euclid(WINDOW_SECONDS)
}

fn digest(text: &str) -> [u8; 16] {
    let whole = hash(text);
    std::array::from_fn(|index| whole[index])
}

#[cfg(test)]
mod tests;
