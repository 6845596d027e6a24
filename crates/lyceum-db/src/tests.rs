//! Tests of the crate.

#[tokio::test]
async fn sqlite_opens() {
    let db = crate::testing::sqlite().await;
    assert_eq!(db.read().await.unwrap().users_count().await.unwrap(), 0);
}
