use super::*;
use crate::{ErrorKind, NewBranch};

#[tokio::test(flavor = "multi_thread")]
async fn branches_and_tags_lead_to_commits() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (caller, repo) = (&owned.caller, &owned.repo);
        let first = hub.resolve(repo, &revision("main")).await.unwrap();
        let second = owned.commit(&hub, vec![file("a", "1")]).await.unwrap().oid;
        hub.create_branch(caller, repo, "old", from(&first.to_string())).await.unwrap();
        hub.create_tag(caller, repo, &revision("main"), "light", None).await.unwrap();
        hub.create_tag(caller, repo, &revision(&second.to_string()[..7]), "noted", Some("why"))
            .await
            .unwrap();
        hub.create_branch(caller, repo, "light", NewBranch::default()).await.unwrap();
        for (name, expected) in [
            ("main", second),
            ("HEAD", second),
            ("old", first),
            ("refs/heads/old", first),
            ("noted", second),
            ("refs/tags/light", second),
        ] {
            assert_eq!(hub.resolve(repo, &revision(name)).await.unwrap(), expected, "{name}");
        }
        let references = hub.references(repo, false).await.unwrap();
        assert_eq!(
            references.branches.iter().map(|branch| branch.name.short()).collect::<Vec<_>>(),
            ["light", "main", "old"]
        );
        assert!(references.tags.iter().all(|tag| tag.commit == second));
        for number in 1..=11 {
            hub.create_discussion(caller, repo, "t", "", number % 2 == 1).await.unwrap();
        }
        assert!(hub.references(repo, false).await.unwrap().pull_requests.is_empty());
        let all = hub.references(repo, true).await.unwrap();
        let pulls: Vec<_> = all.pull_requests.iter().map(|pull| pull.name.as_str()).collect();
        assert_eq!(pulls, [1, 3, 5, 7, 9, 11].map(|number| format!("refs/pr/{number}")));
        assert_eq!((all.branches.len(), all.tags.len()), (references.branches.len(), references.tags.len()));

        let kind = |result: Result<()>| result.unwrap_err().kind();
        assert_eq!(
            kind(hub.create_branch(caller, repo, "old", NewBranch::default()).await),
            ErrorKind::AlreadyExists
        );
        assert_eq!(
            kind(hub.create_branch(caller, repo, "old/deeper", NewBranch::default()).await),
            ErrorKind::Conflict
        );
        assert_eq!(kind(hub.delete_branch(caller, repo, "main").await), ErrorKind::Forbidden);
        assert_eq!(kind(hub.delete_branch(caller, repo, "gone").await), ErrorKind::RevisionNotFound);
        assert_eq!(
            kind(hub.create_tag(caller, repo, &revision("gone"), "t", None).await),
            ErrorKind::RevisionNotFound
        );
        assert_eq!(
            kind(hub.create_branch(caller, repo, "bad name", NewBranch::default()).await),
            ErrorKind::Invalid
        );
        hub.delete_tag(caller, repo, "light").await.unwrap();
        hub.delete_branch(caller, repo, "light").await.unwrap();
        assert_eq!(
            hub.resolve(repo, &revision("light")).await.unwrap_err().kind(),
            ErrorKind::RevisionNotFound
        );

        let squashed = hub.super_squash(caller, repo, &revision("main"), Some("one")).await.unwrap();
        let page = hub.commits(repo, &revision("main"), 0, 10).await.unwrap();
        assert_eq!(page.commits.iter().map(|commit| commit.id).collect::<Vec<_>>(), [squashed]);
        assert_eq!(owned.paths(&hub, "main").await, [".gitattributes", "a"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_page_and_tell_the_last_commit() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    let first =
        owned.commit(&hub, (0..25).map(|n| file(&format!("d/{n:02}"), "x")).collect()).await.unwrap().oid;
    let second = owned.commit(&hub, vec![file("d/07", "y")]).await.unwrap().oid;
    let mut options =
        crate::TreeOptions { recursive: true, expand: true, limit: Some(10), ..Default::default() };
    let mut entries = Vec::new();
    loop {
        let page = hub.tree(&owned.repo, &revision("main"), None, options.clone()).await.unwrap();
        entries.extend(page.entries);
        options.after = page.next;
        if options.after.is_none() {
            break;
        }
    }
    assert_eq!(entries.len(), 27);
    let last = |path: &str| {
        entries.iter().find(|entry| entry.path == path).unwrap().last_commit.as_ref().unwrap().id
    };
    assert_eq!((last("d"), last("d/07"), last("d/08")), (second, second, first));
    let missing =
        hub.tree(&owned.repo, &revision("main"), Some(&path("nope")), Default::default()).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::EntryNotFound);
    let infos = hub
        .paths_info(
            &owned.repo,
            &revision("main"),
            &["d".to_owned(), "nope".to_owned(), "../x".to_owned()],
            false,
        )
        .await
        .unwrap();
    assert_eq!(infos.entries.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_start_anew_or_take_the_place_of_others() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (caller, repo) = (&owned.caller, &owned.repo);
        let first = hub.resolve(repo, &revision("main")).await.unwrap();
        let second = owned.commit(&hub, vec![file("a", "1")]).await.unwrap().oid;
        hub.create_branch(caller, repo, "moved", NewBranch::default()).await.unwrap();
        let back = NewBranch { overwrite: true, ..from(&first.to_string()) };
        hub.create_branch(caller, repo, "moved", back.clone()).await.unwrap();
        assert_eq!(hub.resolve(repo, &revision("moved")).await.unwrap(), first);
        // One that is not there is made.
        hub.create_branch(caller, repo, "new", back.clone()).await.unwrap();
        assert_eq!(hub.resolve(repo, &revision("new")).await.unwrap(), first);
        let deeper = hub.create_branch(caller, repo, "new/deeper", back).await;
        assert_eq!(deeper.unwrap_err().kind(), ErrorKind::Conflict);

        let empty = NewBranch { empty: true, ..NewBranch::default() };
        hub.create_branch(caller, repo, "empty", empty.clone()).await.unwrap();
        let history = hub.commits(repo, &revision("empty"), 0, 10).await.unwrap();
        assert!(history.commits.len() == 1 && history.commits[0].parents.is_empty());
        let tree = hub.tree(repo, &revision("empty"), None, crate::TreeOptions::default()).await.unwrap();
        assert_eq!(tree.entries.iter().map(|entry| &entry.path).collect::<Vec<_>>(), [".gitattributes"]);
        let again = hub.create_branch(caller, repo, "moved", empty).await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(hub.resolve(repo, &revision("main")).await.unwrap(), second);
    }
}

fn from(start: &str) -> NewBranch {
    NewBranch { start: Some(revision(start)), ..NewBranch::default() }
}
