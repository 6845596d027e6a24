use crate::tests::{body, files, folder, open, read_all};
use crate::{BlobKey, ErrorKind};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use lyceum_core::ByteRange;

#[tokio::test]
async fn a_blob_is_read_whole_or_in_part() {
    let folder = folder();
    let store = open(&folder).await;
    let key = BlobKey::attachment("1/a").unwrap();
    let data: Bytes = crate::tests::content(0, 1, 1_200_000).into();
    assert!(store.put_blob(&key, data.clone()).await.unwrap());
    assert_eq!(store.blob_bytes(&key).await.unwrap(), Some(1_200_000));
    for (start, end) in
        [(0, 1_200_000), (0, 0), (524_287, 524_289), (1_199_999, 1_200_000), (1_200_000, 1_200_000)]
    {
        let range = Some(ByteRange::new(start, end));
        let expected = &data[start as usize..end as usize];
        assert!(store.read_blob(&key, range).await.unwrap() == expected);
        assert!(read_all(store.stream_blob(&key, range).await).await.unwrap() == expected);
    }
    let beyond = Some(ByteRange::new(0, 1_200_001));
    assert_eq!(store.read_blob(&key, beyond).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_blob_is_never_replaced() {
    let folder = folder();
    let store = open(&folder).await;
    let key = BlobKey::segment("1/1").unwrap();
    assert!(store.put_blob(&key, Bytes::from_static(b"first")).await.unwrap());
    assert!(!store.put_blob(&key, Bytes::from_static(b"second")).await.unwrap());
    assert_eq!(store.read_blob(&key, None).await.unwrap(), "first");
    assert!(store.delete_blob(&key).await.unwrap());
    assert!(!store.delete_blob(&key).await.unwrap());
    assert_eq!(store.read_blob(&key, None).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.blob_bytes(&key).await.unwrap(), None);
}

#[tokio::test]
async fn a_file_becomes_a_blob_and_may_be_removed() {
    let folder = folder();
    let store = open(&folder).await;
    let data = crate::tests::content(0, 1, 700_000);
    let elsewhere = tempfile::tempdir().unwrap();
    for (number, place) in [store.spool_dir(), elsewhere.path()].into_iter().enumerate() {
        let file = place.join("spooled");
        std::fs::write(&file, &data).unwrap();
        let key = BlobKey::segment(&format!("1/{number}")).unwrap();
        assert!(store.put_blob_file(&key, &file).await.unwrap());
        assert!(!store.put_blob_file(&key, &file).await.unwrap());
        std::fs::remove_file(&file).unwrap();
        assert!(store.read_blob(&key, None).await.unwrap() == data);
    }
    assert_eq!(files(folder.path()).len(), 2);
    let listed: Vec<_> = store.list_blobs("segments").try_collect().await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|blob| blob.bytes == 700_000));
    let missing =
        store.put_blob_file(&BlobKey::segment("1/3").unwrap(), &elsewhere.path().join("missing")).await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_stream_becomes_a_blob_if_it_is_short_enough() {
    let folder = folder();
    let store = open(&folder).await;
    let key = BlobKey::upload("1/1").unwrap();
    let data = crate::tests::content(0, 1, 1_200_000);
    let error = store.put_blob_stream(&key, body(data.clone(), 100_000), 1_199_999).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let broken = futures_util::stream::iter([Ok(Bytes::from(data.clone())), Err("connection reset")]);
    let error = store.put_blob_stream(&key, broken, u64::MAX).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(files(folder.path()).is_empty());

    assert_eq!(store.put_blob_stream(&key, body(data.clone(), 100_000), 1_200_000).await.unwrap(), 1_200_000);
    assert!(store.read_blob(&key, None).await.unwrap() == data);
    let empty = BlobKey::upload("1/2").unwrap();
    assert_eq!(store.put_blob_stream(&empty, body(Vec::new(), 1), 0).await.unwrap(), 0);
    assert!(store.read_blob(&empty, None).await.unwrap().is_empty());
}
