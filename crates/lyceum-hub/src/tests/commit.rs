use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::ErrorKind;

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_come_and_go() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        owned
            .commit(&hub, vec![file("a.txt", "1"), file("dir/b.txt", "2"), file("dir/sub/c.txt", "3")])
            .await
            .unwrap();
        assert_eq!(
            owned.paths(&hub, "main").await,
            [".gitattributes", "a.txt", "dir", "dir/b.txt", "dir/sub", "dir/sub/c.txt"]
        );
        owned
            .commit(
                &hub,
                vec![Operation::DeletedFile(path("a.txt")), Operation::DeletedFolder(path("dir/sub"))],
            )
            .await
            .unwrap();
        assert_eq!(owned.paths(&hub, "main").await, [".gitattributes", "dir", "dir/b.txt"]);
        let missing = owned.commit(&hub, vec![Operation::DeletedFile(path("a.txt"))]).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::EntryNotFound);
        assert!(missing.commit().is_some());
        let page = hub.commits(&owned.repo, &revision("main"), 0, 10).await.unwrap();
        assert_eq!(
            page.commits.iter().map(|commit| commit.title.as_str()).collect::<Vec<_>>(),
            ["a change", "a change", "initial commit"]
        );
        assert_eq!(page.commits[0].authors, ["alice"]);
        assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_parent_writes_nothing() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let first = hub.resolve(&owned.repo, &revision("main")).await.unwrap();
        owned.commit(&hub, vec![file("a", "1")]).await.unwrap();
        let mut builder =
            hub.start_commit(&owned.caller, &owned.repo, &revision("main"), false).await.unwrap();
        builder.push(header(Some(&first.to_string()[..7]))).await.unwrap();
        builder.push(file("b", "2")).await.unwrap();
        let stale = builder.finish().await.unwrap_err();
        assert_eq!(stale.kind(), ErrorKind::Stale);
        assert_eq!(
            stale.message(),
            "The branch was updated since you opened this page. Please refresh and try again."
        );
        assert_eq!(owned.paths(&hub, "main").await, [".gitattributes", "a"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_commits_all_land_in_some_order() {
    for hub in TestHub::each().await {
        let owned = std::sync::Arc::new(Owned::new(&hub).await);
        let hub = std::sync::Arc::new(hub);
        let mut tasks = Vec::new();
        for number in 0..16 {
            let (hub, owned) = (hub.clone(), owned.clone());
            tasks.push(tokio::spawn(async move {
                owned.commit(&hub, vec![file(&format!("f{number:02}"), "x")]).await.unwrap().oid
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(owned.paths(&hub, "main").await.len(), 17);
        assert_eq!(hub.commits(&owned.repo, &revision("main"), 0, 100).await.unwrap().commits.len(), 17);
        assert!(hub.fsck(false, |_| {}).await.unwrap().findings.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commits_are_merged_and_stay_readable() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    for number in 0..70 {
        owned.commit(&hub, vec![file("counter", &number.to_string())]).await.unwrap();
    }
    let oldest = hub.commits(&owned.repo, &revision("main"), 0, 100).await.unwrap().commits[69].id;
    hub.advance_seconds(1);
    assert!(hub.run_due_jobs().await.unwrap() >= 2);
    let (segments, _) = hub.inner.db.read().await.unwrap().segment_count(owned.repo.record.id).await.unwrap();
    assert!(segments < 10, "{segments} segments are left");
    let counter = hub.file(&owned.repo, &revision(&oldest.to_string()), &path("counter")).await.unwrap();
    assert_eq!(hub.read_start(&counter, 10).await.unwrap(), "0");
    assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
}

/// Pushes may bring many segments that are too large for a row, and come faster than the job that merges.
#[tokio::test(flavor = "multi_thread")]
async fn merging_goes_on_until_few_segments_are_left() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let repo = owned.repo.record.id;
        let mut blobs = Vec::new();
        let mut put = async |bytes: usize| {
            let mut writer = lyceum_git::SegmentWriter::new(hub.inner.store.spool_dir());
            // Hashes do not compress.
            let noise: Vec<u8> = (0..bytes / 32).flat_map(|at| Sha256::digest(at.to_string())).collect();
            let text = [format!("{} ", blobs.len()).as_bytes(), &noise].concat();
            blobs.push(writer.add(lyceum_git::ObjectKind::Blob, &text).unwrap());
            let segment = hub.keep_finished_segment(repo, writer.finish().unwrap(), "push").await.unwrap();
            let write = hub.inner.db.write(move |tx| {
                Box::pin(async move {
                    let seq = tx.take_segment_number(repo).await?.unwrap();
                    tx.insert_segment(&lyceum_db::NewSegment { seq, ..segment }).await?;
                    Ok::<_, crate::Error>(())
                })
            });
            write.await.unwrap();
        };
        for _ in 0..40 {
            put(70_000).await;
        }
        for _ in 0..300 {
            put(100).await;
        }
        hub.inner.git.forget_known(repo);
        hub.merge_repo(repo).await.unwrap();
        let (segments, _) = hub.inner.db.read().await.unwrap().segment_count(repo).await.unwrap();
        assert!(segments < 10, "{segments} segments are left");
        for blob in blobs {
            lyceum_git::Objects::read(&hub.objects(&owned.repo), blob).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn merges_never_take_an_object_away() {
    let hub = std::sync::Arc::new(TestHub::new().await);
    let owned = std::sync::Arc::new(Owned::new(&hub).await);
    let mut tasks = Vec::new();
    for task in 0..4 {
        let branch = format!("b{task}");
        hub.create_branch(&owned.caller, &owned.repo, &branch, crate::NewBranch::default()).await.unwrap();
        let (hub, owned) = (hub.clone(), owned.clone());
        tasks.push(tokio::spawn(async move {
            for number in 0..80 {
                let change = vec![file("counter", &number.to_string())];
                commit(&hub, &owned.caller, &owned.repo, &branch, change).await.unwrap();
                hub.commits(&owned.repo, &revision(&branch), 0, 1000).await.unwrap();
            }
        }));
    }
    while tasks.iter().any(|task| !task.is_finished()) {
        hub.advance_seconds(1);
        hub.run_due_jobs().await.unwrap();
        hub.inner.git.forget_known(owned.repo.record.id);
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_segments_live_in_the_store() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        // Hexadecimal digests do not deflate below half.
        let text: String = (0..20_000_u32).map(|n| digest(&n.to_le_bytes()).to_string()).collect();
        owned.commit(&hub, vec![file("big.txt", &text)]).await.unwrap();
        let big = hub.file(&owned.repo, &revision("main"), &path("big.txt")).await.unwrap();
        assert_eq!(hub.read_start(&big, u64::MAX).await.unwrap(), text);
        hub.delete_repo(&owned.caller, &owned.repo).await.unwrap();
        assert_eq!(
            hub.inner.store.list_blobs("segments").collect::<Vec<_>>().await.len(),
            0,
            "a deleted repo takes its bytes with it"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pull_requests_come_from_readers() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (bob, _) = hub.user("bob").await;
        let repo = hub.open(&bob, RepoKind::Model, owned.repo.id(), Action::Propose).await.unwrap();
        let mut builder = hub.start_commit(&bob, &repo, &revision("main"), true).await.unwrap();
        builder.push(header(None)).await.unwrap();
        builder.push(file("idea", "1")).await.unwrap();
        assert_eq!(builder.finish().await.unwrap().pull_request, Some(1));
        assert_eq!(owned.paths(&hub, "main").await, [".gitattributes"]);
        assert_eq!(owned.paths(&hub, "refs/pr/1").await, [".gitattributes", "idea"]);
        commit(&hub, &bob, &repo, "refs/pr/1", vec![file("more", "2")]).await.unwrap();
        assert_eq!(
            commit(&hub, &bob, &repo, "main", vec![file("x", "1")]).await.unwrap_err().kind(),
            ErrorKind::Forbidden
        );
        let (eve, _) = hub.user("eve").await;
        let repo = hub.open(&eve, RepoKind::Model, owned.repo.id(), Action::Propose).await.unwrap();
        assert_eq!(
            commit(&hub, &eve, &repo, "refs/pr/1", vec![file("x", "1")]).await.unwrap_err().kind(),
            ErrorKind::Forbidden
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_commits_name_the_mistake() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    let start =
        async || hub.start_commit(&owned.caller, &owned.repo, &revision("main"), false).await.unwrap();
    let mut headless = start().await;
    assert!(headless.push(file("a", "1")).await.unwrap_err().message().contains("header"));
    assert!(start().await.finish().await.unwrap_err().message().contains("header"));
    let mut twice = start().await;
    twice.push(header(None)).await.unwrap();
    assert!(twice.push(header(None)).await.unwrap_err().message().contains("only one"));
    let large = Operation::LfsFile { path: path("w.bin"), sha256: digest(b"never sent"), size: None };
    let missing = owned.commit(&hub, vec![large]).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Unprocessable);
    assert!(missing.message().contains("w.bin"), "{missing}");
    let clash = owned.commit(&hub, vec![file("a", "1"), file("a/b", "2")]).await.unwrap_err();
    assert_eq!(clash.kind(), ErrorKind::Unprocessable);
    assert_eq!(owned.paths(&hub, "main").await, [".gitattributes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_that_was_collected_meanwhile_does_not_land() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let head = hub.resolve(&owned.repo, &revision("main")).await.unwrap();
        let main = lyceum_core::RefName::branch("main").unwrap();
        let landing = crate::commit::Landing {
            repo_id: owned.repo.record.id,
            actor_id: owned.caller.user_id().unwrap(),
            moves: vec![crate::commit::RefMove::to_commit(
                main,
                head,
                head,
                crate::discussion::PullChange::Nothing,
            )],
            atomic: true,
            segments: Vec::new(),
            action: "commit",
            large: vec![(digest(b"gone"), "gone.bin".to_owned())],
        };
        let refused = hub.land(landing).await.unwrap_err();
        assert_eq!(refused.kind(), crate::ErrorKind::Conflict);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_have_rules_of_their_own() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    owned
        .commit(
            &hub,
            vec![
                file(".gitattributes", "[attr]big filter=lfs\n*.bin big\n"),
                file("docs/.gitattributes", "*.txt big\n*.bin -filter\n"),
                file("docs/deep/.gitattributes", "/a.txt -filter\n"),
                file("docs/deep/x/y", "1"),
            ],
        )
        .await
        .unwrap();
    let asked =
        ["a.txt", "a.bin", "docs/a.txt", "docs/a.bin", "docs/deep/a.txt", "docs/deep/x/a.txt", "new/a.bin"];
    let files = asked.map(|at| crate::PreuploadFile { path: path(at), size: 3, sample: b"abc".to_vec() });
    let answers = hub.preupload(&owned.repo, &revision("main"), files.into(), None).await.unwrap();
    let large: Vec<&str> = answers
        .iter()
        .filter(|answer| answer.mode == crate::UploadMode::Lfs)
        .map(|answer| answer.path.as_str())
        .collect();
    assert_eq!(large, ["a.bin", "docs/a.txt", "docs/deep/x/a.txt", "new/a.bin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_becomes_what_its_content_asks_for() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let text = b"a line of text\n".repeat(800_000);
        let noise = super::lfs::noise(700_000, 5);
        let files: [(&str, &[u8], bool); 6] = [
            ("empty", b"", false),
            ("small.txt", b"text", false),
            ("tiny.dat", &[0, 159], true),
            ("noise.dat", &noise, true),
            ("small.safetensors", b"text", true),
            ("long.txt", &text, true),
        ];
        let mut commit =
            hub.start_commit(&owned.caller, &owned.repo, &revision("main"), false).await.unwrap();
        commit.push(header(None)).await.unwrap();
        for (name, content, _) in files {
            commit.push_stream(path(name), super::lfs::body(content), 1 << 30).await.unwrap();
        }
        let long = commit.push_stream(path("more.dat"), super::lfs::body(&noise), 1000).await.unwrap_err();
        assert_eq!(long.kind(), ErrorKind::TooLarge, "{long}");
        commit.finish().await.unwrap();
        for (name, content, large) in files {
            let found = hub.file(&owned.repo, &revision("main"), &path(name)).await.unwrap();
            assert_eq!(
                (found.entry.size, found.entry.lfs.is_some()),
                (content.len() as u64, large),
                "{name}"
            );
        }
    }
}
