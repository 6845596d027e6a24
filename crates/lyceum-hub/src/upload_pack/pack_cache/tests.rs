//! What is kept, for whom, and what makes room.

use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;

use super::*;

fn packs(folder: &TempDir, bytes: u64) -> Packs {
    Packs::open(Some(&PackCacheOptions { folder: folder.path().join("packs"), bytes }))
}

async fn keep(packs: &Packs, repo: i64, key: &str, content: &[u8]) {
    let mut keep = packs.for_repo(repo).keep(&key.as_bytes().to_vec()).await.unwrap();
    keep.write_all(content).await.unwrap();
    let (started, kept) = (keep.started.shared.clone(), keep.started.name.clone());
    keep.finish().await;
    while started.lock().started.contains(&kept) {
        tokio::task::yield_now().await;
    }
}

async fn read(packs: &Packs, repo: i64, key: &str) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    packs.for_repo(repo).open(&key.as_bytes().to_vec()).await?.read_to_end(&mut content).await.unwrap();
    Some(content)
}

#[tokio::test]
async fn keeps_packs_apart_and_over_a_restart() {
    let folder = TempDir::new().unwrap();
    let first = packs(&folder, 100);
    assert_eq!(read(&first, 1, "a").await, None);
    keep(&first, 1, "a", b"one").await;
    for (repo, key, expected) in [(1, "a", Some(&b"one"[..])), (1, "b", None), (11, "a", None)] {
        assert_eq!(read(&first, repo, key).await.as_deref(), expected);
    }
    let second = packs(&folder, 100);
    assert_eq!(read(&second, 1, "a").await.as_deref(), Some(&b"one"[..]));
    second.forget(11);
    assert!(read(&second, 1, "a").await.is_some());
    second.forget(1);
    assert_eq!(read(&second, 1, "a").await, None);
    assert_eq!(fs::read_dir(folder.path().join("packs")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_was_used_longest_ago_makes_room() {
    let folder = TempDir::new().unwrap();
    let packs = packs(&folder, 10);
    keep(&packs, 1, "a", b"four").await;
    keep(&packs, 1, "b", b"four").await;
    read(&packs, 1, "a").await.unwrap();
    keep(&packs, 1, "c", b"four").await;
    assert_eq!(read(&packs, 1, "b").await, None);
    assert!(read(&packs, 1, "a").await.is_some() && read(&packs, 1, "c").await.is_some());
    // What alone is too large is given up while it is written.
    let mut keep = packs.for_repo(1).keep(&b"d".to_vec()).await.unwrap();
    keep.write_all(b"eleven bytes").await.unwrap();
    assert!(keep.write_all(b"!").await.is_err());
}

#[tokio::test]
async fn half_a_pack_is_never_seen() {
    let folder = TempDir::new().unwrap();
    let first = packs(&folder, 100);
    let mut half = first.for_repo(1).keep(&b"a".to_vec()).await.unwrap();
    half.write_all(b"ha").await.unwrap();
    // The same pack is written once at a time.
    assert!(first.for_repo(1).keep(&b"a".to_vec()).await.is_none());
    drop(half);
    assert_eq!(read(&first, 1, "a").await, None);
    assert!(first.for_repo(1).keep(&b"a".to_vec()).await.is_some());
    // One that was cut off behind our back is forgotten.
    keep(&first, 1, "b", b"whole").await;
    let path = fs::read_dir(folder.path().join("packs")).unwrap().map(|entry| entry.unwrap().path());
    let path = path.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "pack"));
    fs::write(path.unwrap(), b"who").unwrap();
    assert_eq!(read(&first, 1, "b").await, None);
}

#[tokio::test]
async fn without_a_limit_nothing_is_kept() {
    let folder = TempDir::new().unwrap();
    assert!(packs(&folder, 0).for_repo(1).keep(&b"a".to_vec()).await.is_none());
    assert!(!folder.path().join("packs").exists());
}
