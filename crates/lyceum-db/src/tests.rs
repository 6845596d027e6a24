//! Tests of the crate.

#[tokio::test]
async fn sqlite_opens() {
    let db = crate::testing::sqlite().await;
    assert_eq!(db.read().await.unwrap().users_count().await.unwrap(), 0);
}

#[tokio::test]
async fn postgres_opens() {
    let Some(db) = crate::testing::postgres().await else { return };
    assert_eq!(db.read().await.unwrap().users_count().await.unwrap(), 0);
}
