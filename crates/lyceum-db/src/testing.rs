//! Databases for tests, here and in the crates above.

use std::io::Write as _;
use std::ops::Deref;

use lyceum_core::{Clock, Timestamp};
use tempfile::TempDir;

use crate::{Db, DbOptions};

mod postgres;

/// The time that databases for tests are made at.
pub const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A fresh database that goes away with this value.
#[derive(Debug)]
pub struct TestDb {
    db: Db,
    folder: Option<TempDir>,
    url: String,
}

impl TestDb {
    /// Returns the address, to open the same database again.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the folder of a SQLite database.
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(TempDir::path)
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

/// Returns options for a test's database.
pub fn options(url: &str) -> DbOptions {
    DbOptions { url: url.to_owned(), readers: 4, clock: Clock::from_fn(|| NOW) }
}

/// Makes a SQLite database in a temporary folder.
pub async fn sqlite() -> TestDb {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let url = DbOptions::sqlite_url(&folder.path().join("lyceum.db"));
    let db = Db::open(options(&url)).await.expect("a fresh database opens");
    TestDb { db, folder: Some(folder), url }
}

/// Makes a database on a PostgreSQL server of this process; `None`, with a printed reason, where there is no PostgreSQL.
///
/// # Panics
///
/// Panics instead where the environment variable `CI` is set: there, nothing is skipped silently.
pub async fn postgres() -> Option<TestDb> {
    let server = match postgres::Server::get() {
        Ok(server) => server,
        Err(reason) => {
            #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not a setting")]
            let strict = std::env::var("CI").is_ok();
            assert!(!strict, "cannot test with PostgreSQL: {reason}");
            // An error means that nobody reads it.
            let _ = writeln!(std::io::stderr(), "skipped: cannot test with PostgreSQL: {reason}");
            return None;
        }
    };
    let url = server.database().await;
    let db = Db::open(options(&url)).await.expect("a fresh database opens");
    Some(TestDb { db, folder: None, url })
}
