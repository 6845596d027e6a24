//! Buckets: levels and pages against a naive model, and what keeps files alive.

use std::collections::BTreeSet;

use lyceum_core::RepoKind;

use super::{NOW, at, new_repo, put, read, sha, user, xet};
use crate::testing::TestDb;
use crate::{BucketFile, NewRepo, RepoFile, Visibility, XetFile};

const PATHS: &[&str] = &[
    "a",
    "a/b",
    "a/b/c",
    "a/é/x",
    "a0",
    "a.txt",
    "b/1",
    "b/2",
    "b/3/x",
    "b/3/y",
    "b0/x",
    "c d/e",
    "é/ü/1",
    "é/ü/2",
    "é/w",
    "z",
    "z/",
    "\u{10ffff}/x",
];

fn file(path: &str, number: u64) -> BucketFile {
    BucketFile { path: path.to_owned(), size: number, xet_hash: xet(number), mtime: None, uploaded_at: NOW }
}

async fn bucket(db: &TestDb, owner_id: i64, name: &str) -> i64 {
    let new = NewRepo { kind: RepoKind::Bucket, ..new_repo(owner_id, name, Visibility::Public) };
    put(db, move |tx| {
        Box::pin(async move {
            let id = tx.insert_repo(&new).await?.expect("the name is free");
            tx.insert_bucket(id).await?;
            Ok(id)
        })
    })
    .await
}

/// Returns the first file of each entry of a level.
fn level<'a>(paths: &[&'a str], parent: &str) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let below = paths.iter().filter(|path| path.len() > parent.len() && path.starts_with(parent));
    below
        .filter(|path| {
            let rest = &path[parent.len()..];
            seen.insert(rest.split_inclusive('/').next().unwrap())
        })
        .copied()
        .collect()
}

pub(super) async fn levels_and_pages_match_a_naive_model(db: &TestDb) {
    let owner = user(db, "ann").await;
    let one = bucket(db, owner, "ann/one").await;
    let two = bucket(db, owner, "ann/two").await;
    let mut paths: Vec<&str> = PATHS.iter().copied().filter(|path| !path.ends_with('/')).collect();
    paths.sort_unstable();
    let files: Vec<_> = paths.iter().zip(1..).map(|(path, number)| file(path, number)).collect();
    let other = vec![file("a/other", 1), file("y", 2)];
    put(db, move |tx| {
        Box::pin(async move {
            tx.put_bucket_files(one, &files).await?;
            tx.put_bucket_files(two, &other).await
        })
    })
    .await;
    let mut reader = read(db).await;
    let names = |files: Vec<BucketFile>| files.into_iter().map(|file| file.path).collect::<Vec<_>>();
    assert_eq!(names(reader.bucket_tree(one, "", None, 99).await.unwrap()), paths);
    assert_eq!(names(reader.bucket_tree(one, "a/b ", None, 2).await.unwrap()), ["a/b/c", "a/é/x"]);
    assert_eq!(names(reader.bucket_tree(one, "b/", Some("b0"), 9).await.unwrap()).len(), 4);
    for parent in ["", "a/", "a/b/", "b/", "é/", "é/ü/", "none/"] {
        let end = parent.strip_suffix('/').map(|folder| format!("{folder}0"));
        let chars = u32::try_from(parent.chars().count()).unwrap();
        let found = reader.bucket_level(one, chars, parent, end.as_deref(), 99).await.unwrap();
        assert_eq!(names(found), level(&paths, parent), "{parent}");
        let first = reader.bucket_level(one, chars, parent, end.as_deref(), 1).await.unwrap();
        assert_eq!(names(first), level(&paths, parent).into_iter().take(1).collect::<Vec<_>>());
    }
    let recorded = reader.bucket_tree_recorded(one, "", 1).await.unwrap();
    assert_eq!(recorded, [(file("a", 1), None)]);
}

pub(super) async fn files_of_a_bucket_stay(db: &TestDb) {
    let owner = user(db, "ann").await;
    let id = bucket(db, owner, "ann/b").await;
    put(db, move |tx| {
        Box::pin(async move {
            let row = XetFile { hash: xet(1), size: 1, terms: Vec::new(), created_at: NOW };
            tx.insert_xet_file(&row).await?;
            tx.link_repo_xet_file(id, &xet(1), NOW).await?;
            let digest = RepoFile {
                repo_id: id,
                sha256: sha(1),
                size: 1,
                xet_hash: xet(1),
                verified: false,
                pusher_id: owner,
                file_name: String::new(),
                ref_name: String::new(),
                pushed_at: NOW,
            };
            tx.link_repo_file(&digest).await?;
            tx.put_bucket_files(id, &[file("a", 1), file("b", 1)]).await?;
            let bucket = tx.change_bucket(id, 2, 2, 2).await?.expect("it is there");
            assert_eq!((bucket.files, bucket.bytes, bucket.last_event), (2, 2, 2));

            tx.unlink_bucket_xet_files(id, &[xet(1)], at(1)).await?;
            assert!(tx.repo_has_xet_file(id, &xet(1)).await?);
            tx.delete_bucket_files(id, &["a".to_owned()]).await?;
            assert!(tx.repo_has_xet_file(id, &xet(1)).await?);
            assert_eq!(tx.readable_xet_files(id, &[xet(1), xet(2)]).await?, [(xet(1), 1)]);
            assert_eq!(tx.unused_files(&[xet(1)]).await?.0, [], "`b` is made of it");
            tx.delete_bucket_files(id, &["b".to_owned()]).await?;
            tx.unlink_bucket_xet_files(id, &[xet(1)], NOW).await?;
            assert!(tx.repo_has_xet_file(id, &xet(1)).await?, "it was uploaded just now");
            tx.unlink_bucket_xet_files(id, &[xet(1)], at(1)).await?;
            assert!(!tx.repo_has_xet_file(id, &xet(1)).await?);
            assert_eq!(tx.unused_files(&[xet(1)]).await?.0, [xet(1)]);
            tx.link_repo_xet_file(id, &xet(1), NOW).await?;
            tx.link_repo_file(&digest).await?;
            assert!(tx.purge_bucket_uploads(id, 9).await?);
            assert!(!tx.purge_bucket_uploads(id, 9).await?);

            tx.put_bucket_files(id, &[file("a", 1), file("b", 1)]).await?;
            assert!(tx.delete_repo(id).await?);
            assert!(tx.purge_bucket(id, 1).await?);
            assert!(tx.purge_bucket(id, 9).await?);
            assert!(!tx.purge_bucket(id, 9).await?);
            assert_eq!(tx.bucket(id).await?, None);
            Ok(())
        })
    })
    .await;
}
