//! What only PostgreSQL does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lyceum_core::RepoKind;
use tokio::sync::Barrier;

use super::{NOW, repo, user};
use crate::testing::postgres;
use crate::value::bind;
use crate::{Db, Error};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deadlock_is_resolved_by_running_again() {
    let Some(db) = postgres().await else { return };
    let owner = user(&db, "alice").await;
    let repos = [repo(&db, owner, "alice/a").await.id, repo(&db, owner, "alice/b").await.id];
    let (barrier, runs) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
    // Two writes that lock two rows in opposite order.
    let write = |first: i64, second: i64| {
        let (db, barrier, runs) = (Db::clone(&db), Arc::clone(&barrier), Arc::clone(&runs));
        tokio::spawn(async move {
            db.write(move |tx| {
                Box::pin(async move {
                    let run = runs.fetch_add(1, Ordering::SeqCst);
                    tx.take_segment_number(first).await?;
                    if run < 2 {
                        barrier.wait().await;
                    }
                    tx.take_segment_number(second).await?;
                    Ok::<_, Error>(())
                })
            })
            .await
        })
    };
    let (one, two) = tokio::join!(write(repos[0], repos[1]), write(repos[1], repos[0]));
    one.unwrap().unwrap();
    two.unwrap().unwrap();
    assert!(runs.load(Ordering::SeqCst) >= 3, "one of the two had to run again");
    let mut reader = db.read().await.unwrap();
    for repo in repos {
        let next = reader.one::<i64>("SELECT next_segment FROM repo WHERE id = $1", bind![repo]).await;
        assert_eq!(next.unwrap(), 3, "each number is taken once by each write");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_go_on_while_a_reader_is_held() {
    let Some(db) = postgres().await else { return };
    let options = crate::DbOptions { readers: 1, ..crate::testing::options(db.url()) };
    let narrow = Db::open(options).await.unwrap();
    let mut reader = narrow.read().await.unwrap();
    let name = super::name("alice");
    assert_eq!(reader.account_by_name(&name).await.unwrap(), None);
    user(&narrow, "alice").await;
    assert_eq!(reader.account_by_name(&name).await.unwrap().unwrap().created_at, NOW);
}

#[tokio::test]
async fn statements_are_prepared_once() {
    let Some(db) = postgres().await else { return };
    let mut reader = db.read().await.unwrap();
    let count = "SELECT COUNT(*) FROM pg_prepared_statements";
    let before: u64 = reader.one(count, bind![]).await.unwrap();
    for number in 0..50 {
        reader.token_by_hash(&[number; 32]).await.unwrap();
        let name = super::id(&format!("a/b{number}"));
        reader.repo_with_ref(RepoKind::Model, &name, Some(1), ["refs/heads/x", "refs/tags/x"]).await.unwrap();
        // Lists of any length up to 64 share seven statements.
        let hashes: Vec<_> = (0..=u64::from(number)).map(super::xet).collect();
        reader.xorbs_known(&hashes).await.unwrap();
    }
    let after: u64 = reader.one(count, bind![]).await.unwrap();
    assert_eq!(after - before, 1 + 2 + 7);
}
