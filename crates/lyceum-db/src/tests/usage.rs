//! What is stored, in total and by owner.

use super::{put, read, repo, user, xet};
use crate::Db;
use crate::value::bind;

pub(super) async fn totals_and_owners(db: &Db) {
    assert_eq!(read(db).await.usage().await.unwrap().stored_bytes, 0);
    assert!(read(db).await.largest_owners(9).await.unwrap().is_empty());
    let (alice, bob) = (user(db, "alice").await, user(db, "bob").await);
    let (first, second) = (repo(db, alice, "alice/a").await.id, repo(db, bob, "bob/b").await.id);
    repo(db, bob, "bob/c").await;
    put(db, move |tx| {
        Box::pin(async move {
            let info = "INSERT INTO repo_info (repo_id, commit_oid, author, tags, siblings_count, used_bytes, updated_at) \
                        VALUES ($1, $2, '', '', 1, 700, 0)";
            tx.execute(info, bind![first, [1_u8; 32]]).await?;
            tx.execute("INSERT INTO bucket (repo_id, bytes) VALUES ($1, 900)", bind![second]).await?;
            let xorb = "INSERT INTO xorb (hash, stored_bytes, raw_bytes, chunks, created_at, seen_at) \
                        VALUES ($1, 300, 1000, 1, 0, 0)";
            tx.execute(xorb, bind![xet(1)]).await?;
            tx.execute(xorb, bind![xet(2)]).await
        })
    })
    .await;
    let mut reader = read(db).await;
    let usage = reader.usage().await.unwrap();
    assert_eq!((usage.logical_bytes, usage.raw_bytes, usage.stored_bytes), (1600, 2000, 600));
    assert_eq!((usage.xorbs, usage.repos), (2, 3));
    let owners = reader.largest_owners(9).await.unwrap();
    let owners: Vec<_> = owners.iter().map(|o| (o.owner.name.as_str(), o.repos, o.logical_bytes)).collect();
    assert_eq!(owners, [("bob", 2, 900), ("alice", 1, 700)]);
    assert_eq!(reader.largest_owners(1).await.unwrap().len(), 1);
}
