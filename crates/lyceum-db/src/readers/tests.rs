use std::time::Duration;

use futures_util::FutureExt as _;

use crate::testing::{options, sqlite};
use crate::value::bind;
use crate::{Db, Kind, Reader};

/// More rows than fit between the connection's thread and us, so that a query can be left in its middle.
const MANY: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n";

async fn answers(reader: &mut Reader) -> i64 {
    reader.one("SELECT 42", bind![]).await.unwrap()
}

#[tokio::test]
async fn a_connection_survives_the_end_of_its_query() {
    let db = sqlite().await;
    let one = Db::open(crate::DbOptions { readers: 1, ..options(db.url()) }).await.unwrap();
    for polls in 1..20 {
        let mut reader = one.read().await.unwrap();
        let mut query = Box::pin(reader.all::<i64>(MANY, bind![]));
        for _ in 0..polls {
            assert!((&mut query).now_or_never().is_none(), "the query is left before its end");
            tokio::task::yield_now().await;
        }
        drop(query);
        drop(reader);
        assert_eq!(answers(&mut one.read().await.unwrap()).await, 42);
    }
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_keeps_its_connection() {
    let db = sqlite().await;
    let two = Db::open(crate::DbOptions { readers: 2, ..options(db.url()) }).await.unwrap();
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";
    let mut reader = two.read().await.unwrap();
    let mut query = Box::pin(reader.all::<i64>(endless, bind![]));
    assert!((&mut query).now_or_never().is_none());
    drop(query);
    drop(reader);
    for _ in 0..3 {
        assert_eq!(answers(&mut two.read().await.unwrap()).await, 42, "on the other connection");
    }
}

#[tokio::test]
async fn no_more_connections_than_asked_for() {
    let db = sqlite().await;
    let mut lent = Vec::new();
    for _ in 0..options(db.url()).readers {
        lent.push(db.read().await.unwrap());
    }
    assert!(db.read().now_or_never().is_none(), "all are lent");
    drop(lent.pop());
    assert_eq!(answers(&mut db.read().await.unwrap()).await, 42);
}

#[tokio::test]
async fn waiting_for_a_connection_ends() {
    let db = sqlite().await;
    let readers = super::Readers::new(db.url(), String::new(), 1).unwrap();
    let _lent = readers.acquire(Duration::ZERO).await.unwrap();
    let waited = readers.acquire(Duration::ZERO).await;
    assert_eq!(waited.err().map(|error| error.kind()), Some(Kind::Busy));
}

#[tokio::test]
async fn closing_waits_for_what_is_lent() {
    let db = sqlite().await;
    let mut reader = db.read().await.unwrap();
    let mut closing = Box::pin(db.close());
    assert!((&mut closing).now_or_never().is_none(), "a reader is lent");
    assert_eq!(answers(&mut reader).await, 42);
    drop(reader);
    closing.await;
    assert_eq!(db.read().await.unwrap_err().kind(), Kind::Unavailable);
}
