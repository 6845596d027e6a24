//! The writer task of SQLite.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::Notify;

use super::{NOW, at, put, read, user};
use crate::testing::{TestDb, sqlite};
use crate::value::bind;
use crate::writer::MAX_GROUP;
use crate::{Db, Error, Kind};

/// Keeps the writer busy until it is told to go on, so that other writes wait.
struct Hold {
    release: Arc<Notify>,
    held: tokio::task::JoinHandle<()>,
}

impl Hold {
    async fn new(db: &TestDb) -> Self {
        let (release, entered) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let held = tokio::spawn({
            let (db, release, entered) = (Db::clone(db), Arc::clone(&release), Arc::clone(&entered));
            async move {
                put(&db, move |_| {
                    Box::pin(async move {
                        entered.notify_one();
                        release.notified().await;
                        Ok(())
                    })
                })
                .await;
            }
        });
        entered.notified().await;
        Self { release, held }
    }

    async fn release(self) {
        self.release.notify_one();
        self.held.await.unwrap();
    }
}

async fn settings(db: &Db) -> usize {
    let mut reader = db.read().await.unwrap();
    reader.all::<String>("SELECT name FROM setting", bind![]).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn waiting_writes_are_committed_together() {
    let db = sqlite().await;
    let hold = Hold::new(&db).await;
    // Polled in order, so queued in order; the one that holds the writer is the first of its group.
    let writes = join_all((1..=2 * MAX_GROUP).map(|number| {
        let seen = Db::clone(&db);
        db.write(move |tx| {
            Box::pin(async move {
                tx.put_setting(&format!("{number}"), b"x").await?;
                Ok::<_, Error>(settings(&seen).await)
            })
        })
    }));
    let (seen, ()) = tokio::join!(writes, hold.release());
    for (index, seen) in seen.into_iter().enumerate() {
        let group_before = if index + 1 < MAX_GROUP {
            0
        } else if index + 1 < 2 * MAX_GROUP {
            MAX_GROUP - 1
        } else {
            2 * MAX_GROUP - 1
        };
        assert_eq!(seen.unwrap(), group_before, "write {index} sees what groups before it committed");
    }
    assert_eq!(settings(&db).await, 2 * MAX_GROUP);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn failed_commit_fails_the_whole_group() {
    let db = sqlite().await;
    let hold = Hold::new(&db).await;
    let good = db.write(|tx| Box::pin(async move { tx.put_setting("good", b"x").await }));
    let bad = db.write(|tx| {
        Box::pin(async move {
            // A broken reference that only the commit finds.
            tx.execute("PRAGMA defer_foreign_keys = ON", bind![]).await?;
            tx.execute("INSERT INTO repo_alias (key, repo_id) VALUES ('model:a/b', 42)", bind![]).await?;
            Ok::<_, Error>(())
        })
    });
    let refused = db.write(|_| Box::pin(async move { Err::<(), _>(Error::damaged("own error")) }));
    let release = async {
        hold.release.notify_one();
        hold.held.await
    };
    let (good, bad, refused, held) = tokio::join!(good, bad, refused, release);
    assert_eq!(good.unwrap_err().to_string(), "cannot commit a group of changes");
    assert_eq!(bad.unwrap_err().kind(), Kind::Internal);
    assert_eq!(refused.unwrap_err().to_string(), "stored value `own error` is damaged");
    assert!(held.unwrap_err().is_panic(), "the write that held the group failed with it");
    assert_eq!(settings(&db).await, 0);
    user(&db, "alice").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn full_disk_is_told_and_survived() {
    let db = sqlite().await;
    user(&db, "alice").await;
    let limit = |pages: u32| {
        put(&db, move |tx| {
            Box::pin(async move { tx.script(format!("PRAGMA max_page_count = {pages}")).await })
        })
    };
    limit(1).await; // No less than what is used already.
    let hold = Hold::new(&db).await;
    let small = db.write(|tx| Box::pin(async move { tx.put_setting("small", b"x").await }));
    let large = db.write(|tx| Box::pin(async move { tx.put_setting("large", &[1; 1 << 20]).await }));
    let release = async {
        hold.release.notify_one();
        let _ = hold.held.await;
    };
    let (small, large, ()) = tokio::join!(small, large, release);
    assert_eq!(large.unwrap_err().kind(), Kind::Full);
    // Whether SQLite ends the whole transaction is its choice; what was answered is what is there.
    let stored = read(&db).await.setting("small").await.unwrap().is_some();
    assert_eq!(small.is_ok(), stored);
    assert_eq!(read(&db).await.setting("large").await.unwrap(), None);
    limit(1_000_000).await;
    put(&db, |tx| Box::pin(async move { tx.put_setting("large", &[1; 1 << 20]).await })).await;
    assert_eq!(read(&db).await.users_count().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn abandoned_write_does_not_run() {
    let db = sqlite().await;
    let hold = Hold::new(&db).await;
    let ran = Arc::new(AtomicBool::new(false));
    let abandoned = db.write({
        let ran = Arc::clone(&ran);
        move |_| {
            Box::pin(async move {
                ran.store(true, Ordering::SeqCst);
                Ok::<_, Error>(())
            })
        }
    });
    let mut abandoned = Box::pin(abandoned);
    assert!(abandoned.as_mut().now_or_never().is_none(), "it waits in the queue");
    drop(abandoned);
    hold.release().await;
    user(&db, "alice").await;
    assert!(!ran.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn close_finishes_what_waits_and_empties_the_log() {
    let db = sqlite().await;
    let hold = Hold::new(&db).await;
    let writes = join_all((0..20).map(|number| {
        db.write(move |tx| Box::pin(async move { tx.put_setting(&format!("{number}"), b"x").await }))
    }));
    let close = async {
        hold.release.notify_one();
        db.close().await;
    };
    let (written, ()) = tokio::join!(writes, close);
    assert!(written.into_iter().all(|result| result.is_ok()));
    assert_eq!(
        db.write(|_| Box::pin(async { Ok::<_, Error>(()) })).await.unwrap_err().kind(),
        Kind::Unavailable
    );
    assert_eq!(db.read().await.unwrap_err().kind(), Kind::Unavailable);
    assert!(!db.folder().unwrap().join("lyceum.db-wal").exists());
    assert_eq!(settings(&super::open_again(&db).await.unwrap()).await, 20);
}

#[tokio::test]
async fn connections_have_the_settings_that_durability_needs() {
    let db = sqlite().await;
    for (pragma, expected) in
        [("page_size", 8192), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10_000)]
    {
        let sql = move || sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"));
        assert_eq!(read(&db).await.one::<i64>(sql(), bind![]).await.unwrap(), expected, "reader, {pragma}");
        let written = put(&db, move |tx| Box::pin(async move { tx.one::<i64>(sql(), bind![]).await })).await;
        assert_eq!(written, expected, "writer, {pragma}");
    }
    let journal: String = read(&db).await.one("PRAGMA journal_mode", bind![]).await.unwrap();
    assert_eq!(journal, "wal");
}

#[tokio::test]
async fn addresses_are_checked() {
    for url in [
        "mysql://localhost/x",
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite:",
        "sqlite:///x?mode=ro",
        "lyceum.db",
    ] {
        let result = Db::open(crate::testing::options(url)).await;
        assert_eq!(result.unwrap_err().kind(), Kind::Internal, "{url}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b?c#d%e ü.db");
    let db = Db::open(crate::testing::options(&crate::DbOptions::sqlite_url(&path))).await.unwrap();
    assert!(path.exists());
    put(&db, |tx| Box::pin(async move { tx.enqueue("q", "k", "{}", NOW, at(0)).await })).await;
}
