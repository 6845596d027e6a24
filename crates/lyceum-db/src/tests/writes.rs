//! Transactions on both databases.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Notify;

use super::{NOW, new_account, put, read, user};
use crate::value::bind;
use crate::{AccountKind, Db, Error, Kind};

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("refused")]
    Refused,
    #[error(transparent)]
    Db(#[from] Error),
}

pub(super) async fn failing_write_undoes_only_itself(db: &Db) {
    let writes = (0..150).map(|number| {
        let db = db.clone();
        tokio::spawn(async move {
            let new = new_account(AccountKind::User, &format!("user{number}"));
            db.write(move |tx| {
                Box::pin(async move {
                    let id = tx.insert_account(&new).await?;
                    match number {
                        _ if number % 7 == 0 => Err(Refusal::Refused),
                        _ if number % 11 == 0 => panic!("a bug in write {number}"),
                        _ => Ok(id.unwrap()),
                    }
                })
            })
            .await
        })
    });
    let mut stored = 0;
    for (number, result) in join_all(writes).await.into_iter().enumerate() {
        match result {
            Ok(Ok(_)) => stored += 1,
            Ok(Err(Refusal::Refused)) => assert_eq!(number % 7, 0),
            Ok(Err(Refusal::Db(error))) => panic!("write {number}: {error}"),
            Err(error) => assert!(error.is_panic() && number % 11 == 0 && number % 7 != 0, "{number}"),
        }
        let name = super::name(&format!("user{number}"));
        let found = read(db).await.account_by_name(&name).await.unwrap();
        assert_eq!(found.is_some(), number % 7 != 0 && number % 11 != 0, "user{number}");
    }
    assert_eq!(read(db).await.users_count().await.unwrap(), stored);
}

pub(super) async fn swallowed_failure_is_an_error(db: &Db) {
    let new = new_account(AccountKind::User, "alice");
    let result = db
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_account(&new).await?;
                let failed = tx.execute("INSERT INTO nowhere (x) VALUES (1)", bind![]).await;
                assert_eq!(failed.unwrap_err().kind(), Kind::Internal);
                let after = tx.users_count().await;
                assert!(after.is_err(), "a failed transaction must not go on");
                Ok::<_, Error>(())
            })
        })
        .await;
    assert!(result.is_err());
    assert_eq!(read(db).await.users_count().await.unwrap(), 0);
    user(db, "alice").await;
}

pub(super) async fn nothing_shows_before_commit(db: &Db) {
    let (inserted, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let new = new_account(AccountKind::User, "alice");
    let write = tokio::spawn({
        let (db, inserted, go_on) = (db.clone(), Arc::clone(&inserted), Arc::clone(&go_on));
        async move {
            put(&db, move |tx| {
                Box::pin(async move {
                    tx.insert_account(&new).await?;
                    inserted.notify_one();
                    go_on.notified().await;
                    Ok(())
                })
            })
            .await;
        }
    });
    inserted.notified().await;
    assert_eq!(read(db).await.users_count().await.unwrap(), 0);
    go_on.notify_one();
    write.await.unwrap();
    assert_eq!(read(db).await.users_count().await.unwrap(), 1);
}

pub(super) async fn reader_cannot_write(db: &Db) {
    let mut reader = read(db).await;
    let refused = reader.put_setting("name", b"value").await;
    assert_eq!(refused.unwrap_err().kind(), Kind::Internal);
    // The connection is as good as before.
    assert_eq!(reader.setting("name").await.unwrap(), None);
    assert_eq!(reader.enqueue("queue", "key", "{}", NOW, NOW).await.unwrap_err().kind(), Kind::Internal);
}

pub(super) async fn any_text_can_be_stored(db: &Db) {
    for text in ["", "Ünï \u{1F917} '\"\\ $1 ? :x", "\r\n\t", "a\0b"] {
        put(db, move |tx| Box::pin(async move { tx.enqueue("queue", "key", text, NOW, NOW).await })).await;
        let stored: String = read(db).await.one("SELECT payload FROM job", bind![]).await.unwrap();
        assert_eq!(stored, text.replace('\0', "\u{FFFD}"));
    }
}
