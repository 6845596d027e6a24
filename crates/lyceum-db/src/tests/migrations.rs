//! The schema's life.

use futures_util::future::join_all;
use lyceum_core::Clock;

use super::{NOW, open_again, put, read};
use crate::migrate::{MIGRATIONS, Migration, apply};
use crate::testing::TestDb;
use crate::value::bind;
use crate::{Error, Kind};

fn clock() -> Clock {
    Clock::from_fn(|| NOW)
}

pub(super) async fn empty_to_head_once(db: &TestDb) {
    let opened = join_all((0..4).map(|_| open_again(db))).await;
    assert!(opened.into_iter().all(|db| db.is_ok()), "several replicas start at once");
    let applied: Vec<(u64, String)> =
        read(db).await.all("SELECT number, name FROM migration ORDER BY number", bind![]).await.unwrap();
    assert_eq!(applied.len(), MIGRATIONS.len());
    for (index, (number, name)) in applied.into_iter().enumerate() {
        assert_eq!((number, name.as_str()), (index as u64 + 1, MIGRATIONS[index].name));
    }
}

pub(super) async fn changed_and_unknown_migrations_are_refused(db: &TestDb) {
    put(db, |tx| {
        Box::pin(
            async move { tx.execute("UPDATE migration SET checksum = 'x' WHERE number = 1", bind![]).await },
        )
    })
    .await;
    let error = open_again(db).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "migration 1 `initial` is not the `initial` that this database was made with"
    );
    assert_eq!(error.kind(), Kind::Internal);

    let insert =
        "INSERT INTO migration (number, name, checksum, applied_at) VALUES (1000000, 'later', 'x', 0)";
    put(db, move |tx| Box::pin(async move { tx.execute(insert, bind![]).await })).await;
    let error = open_again(db).await.unwrap_err();
    assert!(error.to_string().starts_with("the database is newer than this program"), "{error}");
}

pub(super) async fn failing_migration_leaves_nothing(db: &TestDb) {
    let mut migrations: Vec<Migration> =
        MIGRATIONS.iter().map(|known| Migration { name: known.name, text: known.text }).collect();
    migrations.push(Migration { name: "good", text: "CREATE TABLE good (x {blob});" });
    migrations.push(Migration {
        name: "bad",
        text: "CREATE TABLE half (x BIGINT); CREATE TABEL other (x BIGINT);",
    });
    let mut tx = crate::db::testing_tx(db.url()).await;
    assert!(apply(&mut tx, &migrations, &clock()).await.is_err());
    for table in ["good", "half"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let count: Result<u64, Error> = read(db).await.one(sql, bind![]).await;
        assert!(count.is_err(), "{table}");
    }
    migrations.pop();
    apply(&mut tx, &migrations, &clock()).await.unwrap();
    apply(&mut tx, &migrations, &clock()).await.unwrap();
    let count: u64 = read(db).await.one("SELECT COUNT(*) FROM good", bind![]).await.unwrap();
    assert_eq!(count, 0);
}
