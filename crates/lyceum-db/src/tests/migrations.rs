//! The schema's life.

use futures_util::future::join_all;
use lyceum_core::Clock;

use super::{NOW, open_again, put, read};
use crate::migrate::{MIGRATIONS, Migration, apply};
use crate::testing::TestDb;
use crate::value::bind;
use crate::{DbOptions, DiscussionQuery, Error, Kind};

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

/// The tables of discussions are made anew by the second migration: what the first one's hold must be there after it.
pub(super) async fn discussions_survive_their_new_tables(db: &TestDb) {
    let url = match db.folder() {
        Some(folder) => {
            let file = folder.join("old.db");
            std::fs::write(&file, "").unwrap();
            DbOptions::sqlite_url(&file)
        }
        None => {
            let mut tx = crate::db::testing_tx(db.url()).await;
            tx.script("DROP SCHEMA public CASCADE; CREATE SCHEMA public".to_owned()).await.unwrap();
            db.url().to_owned()
        }
    };
    let mut tx = crate::db::testing_tx(&url).await;
    apply(&mut tx, &MIGRATIONS[..1], &clock()).await.unwrap();
    let rows = "INSERT INTO account (kind, name, name_key, full_name, created_at) VALUES ('user', 'ada', 'ada', 'Ada', 1);
        INSERT INTO repo (kind, owner_id, namespace, name, key, visibility, default_branch, created_at, updated_at, head_at)
        SELECT 'model', id, 'ada', 'm', 'model/ada/m', 'public', 'main', 1, 1, 1 FROM account;
        INSERT INTO discussion (repo_id, num, title, author_id, is_pull, status, created_at, updated_at)
        SELECT r.id, 1, 'one', r.owner_id, 0, 'open', 1, 1 FROM repo r;
        INSERT INTO discussion (repo_id, num, title, author_id, is_pull, status, created_at, updated_at)
        SELECT r.id, 2, 'two', r.owner_id, 1, 'merged', 1, 1 FROM repo r;
        INSERT INTO discussion_event (repo_id, num, id, type, author_id, created_at, data)
        SELECT r.id, 2, 'b', 'comment', r.owner_id, 1, '{}' FROM repo r;
        INSERT INTO discussion_event (repo_id, num, id, type, author_id, created_at, data)
        SELECT r.id, 2, 'a', 'comment', r.owner_id, 1, '{\"äöü\"}' FROM repo r;";
    tx.script(rows.to_owned()).await.unwrap();
    apply(&mut tx, MIGRATIONS, &clock()).await.unwrap();
    let repo_id: i64 = tx.one("SELECT id FROM repo", bind![]).await.unwrap();
    for (closed, title) in [(false, "one"), (true, "two")] {
        let query = DiscussionQuery { repo_id, closed: Some(closed), limit: 9, ..DiscussionQuery::default() };
        let (page, count) = tx.discussions(&query).await.unwrap();
        assert_eq!((page.len(), count, page[0].title.as_str()), (1, 1, title));
    }
    let found = tx.discussion(repo_id, 2).await.unwrap().unwrap();
    assert_eq!((found.events, found.event_bytes), (2, 12), "characters are not bytes");
    let events = tx.discussion_events(repo_id, 2, 0, 9).await.unwrap();
    assert_eq!(events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    tx.delete_repo(repo_id).await.unwrap();
    assert_eq!(tx.discussion_events(repo_id, 2, 0, 9).await.unwrap(), []);
}
