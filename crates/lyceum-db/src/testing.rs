//! Databases for tests, here and in the crates above.

use std::ops::Deref;

use lyceum_core::{Clock, Timestamp};
use tempfile::TempDir;

use crate::{Db, DbOptions};

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
