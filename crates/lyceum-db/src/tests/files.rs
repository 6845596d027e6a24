//! Xorbs, Xet files, large files and uploads.

use super::{NOW, at, put, read, repo, sha, user, xet};
use crate::{Db, RepoFile, Upload, UploadPart, XetFile, XorbRow};

fn xorb(number: u64) -> XorbRow {
    XorbRow { hash: xet(number), stored_bytes: 50, raw_bytes: 100, chunks: 3, created_at: NOW, seen_at: NOW }
}

fn xet_file(number: u64) -> XetFile {
    XetFile { hash: xet(number), size: 1 << 40, terms: vec![3; 500], created_at: NOW }
}

fn repo_file(repo_id: i64, sha_number: u64, xet_number: u64, verified: bool) -> RepoFile {
    RepoFile {
        repo_id,
        sha256: sha(sha_number),
        size: 1 << 40,
        xet_hash: xet(xet_number),
        verified,
        pusher_id: 1,
        file_name: "model.safetensors".to_owned(),
        ref_name: "refs/heads/main".to_owned(),
        pushed_at: NOW,
    }
}

pub(super) async fn hashes_lead_to_files(db: &Db) {
    let alice = user(db, "alice").await;
    let (one, two) = (repo(db, alice, "alice/one").await.id, repo(db, alice, "alice/two").await.id);
    put(db, move |tx| {
        Box::pin(async move {
            assert!(tx.insert_xet_file(&xet_file(1)).await?);
            assert!(!tx.insert_xet_file(&xet_file(1)).await?);
            tx.insert_xet_file(&xet_file(2)).await?;
            for number in 0..300 {
                assert!(tx.link_repo_file(&repo_file(one, number, 1, false)).await?);
            }
            tx.link_repo_xet_file(two, &xet(2), NOW).await?;
            tx.link_repo_xet_file(two, &xet(2), NOW).await
        })
    })
    .await;
    let mut reader = read(db).await;
    assert_eq!(reader.xet_file(&xet(1)).await.unwrap(), Some(xet_file(1)));
    assert_eq!(reader.xet_file(&xet(3)).await.unwrap(), None);
    assert_eq!(reader.repo_file(one, &sha(7)).await.unwrap(), Some(repo_file(one, 7, 1, false)));
    assert_eq!(reader.repo_file(two, &sha(7)).await.unwrap(), None);
    let wanted: Vec<_> = (200..500).map(sha).collect();
    assert_eq!(reader.repo_files(one, &wanted).await.unwrap().len(), 100);
    assert!(reader.repo_files(one, &[]).await.unwrap().is_empty());
    for (repo, file, expected) in [(one, 1, true), (one, 2, false), (two, 2, true), (two, 1, false)] {
        assert_eq!(reader.repo_has_xet_file(repo, &xet(file)).await.unwrap(), expected, "{repo} {file}");
    }
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = reader.repo_files_page(one, after.as_ref(), 70).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.sha256);
        pages.extend(page);
    }
    assert_eq!(
        pages.iter().map(|file| file.sha256).collect::<Vec<_>>(),
        (0..300).map(sha).collect::<Vec<_>>()
    );
    assert_eq!(reader.repo_file_totals(one).await.unwrap(), (300, 300 << 40));
    assert_eq!(reader.repo_file_totals(two).await.unwrap(), (0, 0));
    let files = reader.all_xet_files(None, 1).await.unwrap();
    assert_eq!(files, [xet_file(1)]);
    assert_eq!(reader.all_xet_files(Some(&xet(1)), 9).await.unwrap(), [xet_file(2)]);
    drop(reader);
    assert_eq!(
        put(db, move |tx| Box::pin(async move { tx.delete_repo_files(one, &wanted).await })).await,
        100
    );
    put(db, move |tx| Box::pin(async move { tx.copy_repo_files(one, two).await })).await;
    assert_eq!(read(db).await.repo_file_totals(two).await.unwrap().0, 200);
    // Repo two still has files of the first content, none of the second.
    put(db, move |tx| {
        Box::pin(async move {
            tx.link_repo_xet_file(two, &xet(1), NOW).await?;
            tx.unlink_repo_xet_files(two, &[xet(1), xet(2), xet(3)]).await?;
            let rest: Vec<_> = (0..300).map(sha).collect();
            tx.delete_repo_files(two, &rest).await
        })
    })
    .await;
    for (file, expected) in [(1, true), (2, false)] {
        assert_eq!(read(db).await.repo_has_xet_file(two, &xet(file)).await.unwrap(), expected, "{file}");
    }
}

pub(super) async fn verified_files_stay(db: &Db) {
    let alice = user(db, "alice").await;
    let repo = repo(db, alice, "alice/model").await.id;
    let link = |xet, verified| {
        put(db, move |tx| {
            Box::pin(async move { tx.link_repo_file(&repo_file(repo, 1, xet, verified)).await })
        })
    };
    let now = || async { read(db).await.repo_file(repo, &sha(1)).await.unwrap().unwrap() };
    assert!(link(1, false).await);
    assert!(link(2, false).await, "a claim replaces a claim");
    let other = RepoFile { pusher_id: 2, ..repo_file(repo, 1, 4, false) };
    let claimed = put(db, move |tx| Box::pin(async move { tx.link_repo_file(&other).await })).await;
    assert!(!claimed, "a claim does not replace that of another user");
    let mark =
        |file| put(db, move |tx| Box::pin(async move { tx.mark_verified(repo, &sha(1), &xet(file)).await }));
    assert!(!mark(1).await, "that is not what it points to any more");
    assert!(mark(2).await);
    assert!(!link(3, false).await, "a claim does not replace what was verified");
    assert_eq!(now().await, repo_file(repo, 1, 2, true));
    assert!(link(3, true).await);
    assert_eq!(now().await.xet_hash, xet(3));
    link(3, false).await;
    assert!(now().await.verified, "the same file stays verified");
}

pub(super) async fn chunks_lead_to_xorbs(db: &Db) {
    put(db, |tx| {
        Box::pin(async move {
            for number in 0..200 {
                tx.insert_xorb(&xorb(number)).await?;
            }
            let mut chunks: Vec<_> = (0..333).map(|number| (xet(1000 + number), xet(number % 3))).collect();
            chunks.push(chunks[5]);
            tx.insert_chunks(&chunks).await?;
            tx.insert_chunks(&[]).await?;
            tx.insert_chunks(&[(xet(1000), xet(9))]).await?;
            let again = XorbRow { seen_at: at(1), created_at: at(1), ..xorb(5) };
            tx.insert_xorb(&again).await?;
            assert!(tx.hold_xorbs(&[xet(7), xet(6)], at(2), at(1)).await?);
            assert!(!tx.hold_xorbs(&[xet(7), xet(999)], at(2), at(1)).await?, "one is missing");
            tx.set_xorb_batch(&[xet(1), xet(2), xet(3)], &xet(500), at(3)).await?;
            tx.set_xorb_batch(&[xet(3), xet(4)], &xet(501), at(3)).await
        })
    })
    .await;
    let mut reader = read(db).await;
    assert_eq!(reader.xorb(&xet(5)).await.unwrap(), Some(XorbRow { seen_at: at(1), ..xorb(5) }));
    assert_eq!(reader.xorb(&xet(7)).await.unwrap().unwrap().seen_at, at(2));
    let asked: Vec<_> = (150..400).map(xet).collect();
    let mut known = reader.xorbs_known(&asked).await.unwrap();
    known.sort_unstable();
    known.dedup();
    assert_eq!(known, asked[..50]);
    assert_eq!(reader.xorb_of_chunk(&xet(1000)).await.unwrap(), Some(xet(9)));
    assert_eq!(reader.xorb_of_chunk(&xet(1332)).await.unwrap(), Some(xet(332 % 3)));
    assert_eq!(reader.xorb_of_chunk(&xet(1)).await.unwrap(), None);
    assert_eq!(reader.xorb_totals().await.unwrap(), (200, 10_000, 20_000));
    let page = reader.all_xorbs(Some(&xet(197)), 9).await.unwrap();
    assert_eq!(page.iter().map(|xorb| xorb.hash).collect::<Vec<_>>(), [xet(198), xet(199)]);
    let mut around = reader.xorbs_around_chunk(&xet(1001), 10).await.unwrap();
    assert_eq!(around[0], xet(1), "the one with the chunk is the first");
    around.sort_unstable();
    assert_eq!(around, [xet(1), xet(2), xet(3)]);
    assert_eq!(reader.xorbs_around_chunk(&xet(1001), 2).await.unwrap().len(), 2);
    assert!(reader.xorbs_around_chunk(&xet(9999), 2).await.unwrap().is_empty());
}

pub(super) async fn uploads_keep_their_parts(db: &Db) {
    let alice = user(db, "alice").await;
    let repo = repo(db, alice, "alice/model").await.id;
    let upload = Upload {
        id: "u1".to_owned(),
        repo_id: repo,
        user_id: alice,
        sha256: sha(1),
        size: 100,
        chunk_bytes: 40,
        created_at: NOW,
        expires_at: at(100),
    };
    let part = |number, etag: &str| UploadPart { number, etag: etag.to_owned(), size: 40 };
    let (new, parts) = (upload.clone(), [part(2, "b"), part(1, "x"), part(1, "a")]);
    put(db, move |tx| {
        Box::pin(async move {
            assert!(tx.insert_upload(&new).await?);
            assert!(!tx.insert_upload(&new).await?);
            for part in &parts {
                tx.put_part("u1", part).await?;
            }
            Ok(())
        })
    })
    .await;
    assert_eq!(read(db).await.upload("u1").await.unwrap(), Some(upload.clone()));
    assert_eq!(read(db).await.parts("u1").await.unwrap(), [part(1, "a"), part(2, "b")]);
    assert!(read(db).await.expired_uploads(at(100), 9).await.unwrap().is_empty());
    assert_eq!(read(db).await.expired_uploads(at(101), 9).await.unwrap(), [upload]);
    assert!(put(db, |tx| Box::pin(async move { tx.delete_upload("u1").await })).await);
    assert!(read(db).await.parts("u1").await.unwrap().is_empty());
    assert!(!put(db, |tx| Box::pin(async move { tx.delete_upload("u1").await })).await);
}

pub(super) async fn garbage_is_not_what_is_named(db: &Db) {
    let alice = user(db, "alice").await;
    let repo = repo(db, alice, "alice/model").await.id;
    put(db, move |tx| {
        Box::pin(async move {
            for number in 1..=3 {
                tx.insert_xet_file(&xet_file(number)).await?;
            }
            tx.link_repo_file(&repo_file(repo, 1, 1, true)).await?;
            tx.link_repo_xet_file(repo, &xet(2), NOW).await?;
            let all = [xet(1), xet(2), xet(3)];
            assert_eq!(tx.unused_files(&all).await?, (vec![xet(3)], vec![]));
            tx.note_unused_files(&all, at(5)).await?;
            tx.note_unused_files(&all, at(6)).await?;
            assert_eq!(tx.unused_files(&all).await?, (vec![xet(3)], vec![xet(3)]));
            assert_eq!(tx.delete_unused_files(&all, at(5)).await?, 0, "it was noted just then");
            assert!(!tx.insert_xet_file(&xet_file(3)).await?);
            assert_eq!(tx.delete_unused_files(&all, at(6)).await?, 0, "it came again");
            tx.note_unused_files(&all, at(5)).await?;
            tx.link_repo_xet_file(repo, &xet(3), at(5)).await?;
            assert_eq!(tx.delete_unused_files(&all, at(6)).await?, 0, "a shard described it again");
            tx.note_unused_files(&all, at(6)).await?;
            assert_eq!(tx.unused_files(&all).await?, (vec![], vec![]));

            assert_eq!(tx.delete_old_repo_xet_files(NOW, 9).await?, 0);
            assert_eq!(tx.delete_old_repo_xet_files(at(1), 9).await?, 1);
            tx.note_unused_files(&all, at(7)).await?;
            assert_eq!(tx.delete_unused_files(&all, at(8)).await?, 1);
            assert!(tx.xet_file(&xet(2)).await?.is_none());
            assert!(tx.insert_xet_file(&xet_file(2)).await?);

            assert!(tx.repos_with_unnamed_files(at(1), 0, 9).await?.is_empty(), "it has a name");
            tx.delete_repo_files(repo, &[sha(1)]).await?;
            let unnamed = RepoFile { ref_name: String::new(), ..repo_file(repo, 1, 1, true) };
            tx.link_repo_file(&unnamed).await?;
            assert_eq!(tx.repos_with_unnamed_files(at(1), 0, 9).await?, [repo]);
            assert!(tx.repos_with_unnamed_files(at(1), repo, 9).await?.is_empty());
            assert_eq!(tx.unnamed_files(repo, at(1), 9).await?, [(sha(1), alice)]);
            assert_eq!(tx.delete_unnamed_files(repo, &[sha(1)], NOW).await?, 0, "it came just now");
            assert!(tx.name_repo_file(repo, &sha(1), "a", "refs/heads/main").await?);
            assert!(!tx.name_repo_file(repo, &sha(77), "a", "refs/heads/main").await?, "it is not there");
            assert!(tx.name_repo_file(repo, &sha(1), "b", "refs/pr/1").await?);
            let named = tx.repo_file(repo, &sha(1)).await?.unwrap();
            assert_eq!((named.file_name.as_str(), named.ref_name.as_str()), ("a", "refs/heads/main"));
            assert_eq!(tx.delete_unnamed_files(repo, &[sha(1)], at(1)).await?, 0, "a commit named it");

            assert!(tx.insert_xorb(&xorb(1)).await?);
            tx.insert_chunks(&[(xet(11), xet(1)), (xet(12), xet(2))]).await?;
            assert!(!tx.mark_xorb(&xet(1), &[xet(11), xet(12)], NOW).await?, "it was seen just now");
            assert!(tx.mark_xorb(&xet(1), &[xet(11), xet(12)], at(1)).await?);
            assert!(tx.mark_xorb(&xet(1), &[], NOW).await?, "it is marked");
            assert!(!tx.insert_xorb(&xorb(1)).await?, "it is being deleted");
            assert!(!tx.hold_xorbs(&[xet(1)], at(1), at(1)).await?, "it is being deleted");
            tx.delete_marked_xorb(&xet(1)).await?;
            assert!(tx.insert_xorb(&xorb(1)).await?);
            tx.delete_marked_xorb(&xet(1)).await?;
            tx.delete_missing_xorb(&xet(1), at(1)).await?;
            assert!(tx.xorb(&xet(1)).await?.is_some());
            tx.delete_missing_xorb(&xet(1), NOW).await?;
            assert!(tx.xorb(&xet(1)).await?.is_none());
            assert_eq!(tx.xorb_of_chunk(&xet(11)).await?, None);
            assert_eq!(tx.xorb_of_chunk(&xet(12)).await?, Some(xet(2)), "it moved to another xorb");
            Ok(())
        })
    })
    .await;
}
