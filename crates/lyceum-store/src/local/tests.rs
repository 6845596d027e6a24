use super::*;
use crate::tests::{files, folder};
use object_store::ObjectStoreExt as _;

fn key(name: &str) -> Key {
    Key::from(name)
}

#[tokio::test]
async fn an_object_is_written_once() {
    let folder = folder();
    let store = LocalFolder::open(folder.path()).unwrap();
    let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    store.put_opts(&key("a/b/c"), "first".into(), create()).await.unwrap();
    let again = store.put_opts(&key("a/b/c"), "second".into(), create()).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })));
    let replaced = store.put_opts(&key("a/b/c"), "second".into(), PutOptions::default()).await;
    assert!(matches!(replaced, Err(Error::NotSupported { .. })));
    assert_eq!(store.get(&key("a/b/c")).await.unwrap().bytes().await.unwrap(), "first");
    assert_eq!(files(folder.path()).len(), 1);
    assert!(lock(&store.inner.unsynced).is_empty());
}

#[tokio::test]
async fn the_first_of_two_uploads_to_complete_wins() {
    let folder = folder();
    let store = LocalFolder::open(folder.path()).unwrap();
    let mut slow = store.put_multipart(&key("a/b")).await.unwrap();
    let mut fast = store.put_multipart(&key("a/b")).await.unwrap();
    slow.put_part("slow".into()).await.unwrap();
    for part in ["fa", "s", "t"] {
        fast.put_part(part.into()).await.unwrap();
    }
    assert!(
        matches!(store.head(&key("a/b")).await, Err(Error::NotFound { .. })),
        "nothing is visible before"
    );
    fast.complete().await.unwrap();
    assert!(matches!(slow.complete().await, Err(Error::AlreadyExists { .. })));
    assert_eq!(store.get(&key("a/b")).await.unwrap().bytes().await.unwrap(), "fast");
    assert_eq!(files(folder.path()).len(), 1);
}

#[tokio::test]
async fn an_ended_upload_takes_nothing_more() {
    let folder = folder();
    let store = LocalFolder::open(folder.path()).unwrap();
    let mut upload = store.put_multipart(&key("a")).await.unwrap();
    upload.put_part("x".into()).await.unwrap();
    upload.abort().await.unwrap();
    assert!(upload.put_part("y".into()).await.is_err());
    assert!(upload.complete().await.is_err());
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn a_folder_in_the_way_is_an_error_and_leaves_nothing() {
    let folder = folder();
    let store = LocalFolder::open(folder.path()).unwrap();
    std::fs::write(folder.path().join("a"), b"a file where a folder should be").unwrap();
    let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    assert!(store.put_opts(&key("a/b"), "x".into(), create).await.is_err());
    assert_eq!(files(folder.path()).len(), 1);
    assert!(lock(&store.inner.unsynced).is_empty());
}

#[tokio::test]
async fn reads_get_the_open_file() {
    let folder = folder();
    let store = LocalFolder::open(folder.path()).unwrap();
    let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    store.put_opts(&key("a"), "x".into(), create).await.unwrap();
    let options = GetOptions { head: true, ..GetOptions::default() };
    let found = store.get_opts(&key("a"), options).await.unwrap();
    assert!(matches!(found.payload, object_store::GetResultPayload::File(..)));
}
