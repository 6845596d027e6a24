use std::sync::Arc;

use super::*;

/// Opens a pull request of bob's with one commit, ready to be merged.
async fn propose(hub: &TestHub, bob: &Caller, repo: &Repo, changes: Vec<Operation>) -> i64 {
    let made = hub.create_discussion(bob, repo, "My idea", "", true).await.unwrap();
    commit(hub, bob, repo, &format!("refs/pr/{}", made.number), changes).await.unwrap();
    hub.set_discussion_open(bob, repo, made.number, true, None).await.unwrap();
    made.number
}

async fn text(hub: &TestHub, owned: &Owned, at: &str) -> String {
    let file = hub.file(&owned.repo, &revision("main"), &path(at)).await.unwrap();
    String::from_utf8(hub.read_start(&file, u64::MAX).await.unwrap().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_commits_become_one() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        owned.commit(&hub, vec![file("a", "1\n"), file("b", "1\n")]).await.unwrap();
        let (bob, repo) = stranger(&hub, &owned, "bob").await;
        let number = propose(&hub, &bob, &repo, vec![file("a", "2\n")]).await;
        commit(&hub, &bob, &repo, "refs/pr/1", vec![file("c", "3\n")]).await.unwrap();
        owned.commit(&hub, vec![file("b", "other\n")]).await.unwrap();
        let head = hub.resolve(&owned.repo, &revision("main")).await.unwrap();
        let before = details(&hub, &owned, number).await;
        assert_eq!(before.mergeability, Mergeability::Clean);
        let diff = before.diff.unwrap();
        assert!(
            diff.contains("-1\n+2\n") && diff.contains("new file mode") && !diff.contains("other"),
            "{diff}"
        );
        hub.merge_pull_request(&owned.caller, &owned.repo, number, Some("Thanks")).await.unwrap();

        assert_eq!(text(&hub, &owned, "a").await, "2\n");
        assert_eq!(text(&hub, &owned, "b").await, "other\n");
        assert_eq!(text(&hub, &owned, "c").await, "3\n");
        let after = details(&hub, &owned, number).await;
        assert_eq!(after.discussion.status, DiscussionStatus::Merged);
        assert_eq!(
            all_told(&after),
            ["says ", "commits a change", "sets open", "commits a change", "says Thanks", "sets merged"]
        );
        assert_eq!(after.diff.unwrap(), diff, "what was merged stays to be seen");
        let page = hub.commits(&owned.repo, &revision("main"), 0, 9).await.unwrap();
        let merged = &page.commits[0];
        assert_eq!(Some(merged.id), after.discussion.merge_commit);
        assert_eq!((merged.title.as_str(), merged.parents.as_slice()), ("My idea (#1)", [head].as_slice()));
        assert!(merged.message.contains("- a change (") && merged.message.contains("Co-authored-by: bob <"));
        assert_eq!(merged.authors, ["alice", "bob"]);

        let closed = commit(&hub, &bob, &repo, "refs/pr/1", vec![file("d", "4")]).await.unwrap_err();
        assert_eq!(closed.kind(), ErrorKind::Forbidden);
        let closed = commit(&hub, &owned.caller, &owned.repo, "refs/pr/1", vec![file("d", "4")]).await;
        assert_eq!(closed.unwrap_err().message(), "pull request 1 is merged: it takes no more commits");
        let squash = hub.super_squash(&owned.caller, &owned.repo, &revision("refs/pr/1"), None).await;
        assert_eq!(squash.unwrap_err().kind(), ErrorKind::Forbidden);
        let again = hub.merge_pull_request(&owned.caller, &owned.repo, 1, None).await.unwrap_err();
        assert_eq!(
            (again.kind(), again.message()),
            (ErrorKind::Conflict, "pull request 1 is merged already")
        );
        let reopened = hub.set_discussion_open(&bob, &repo, 1, true, None).await.unwrap_err();
        assert_eq!(reopened.kind(), ErrorKind::Conflict);
        assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_are_named_and_can_be_solved() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        owned.commit(&hub, vec![file("dir/a", "1")]).await.unwrap();
        let (bob, repo) = stranger(&hub, &owned, "bob").await;
        let number = propose(&hub, &bob, &repo, vec![file("dir/a", "2"), file("b", "2")]).await;
        owned.commit(&hub, vec![file("dir/a", "3")]).await.unwrap();
        let found = details(&hub, &owned, number).await;
        assert_eq!(found.mergeability, Mergeability::Conflicts(vec!["dir/a".to_owned()]));
        let refused = hub.merge_pull_request(&owned.caller, &owned.repo, number, None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        assert!(refused.message().contains("`dir/a`"), "{refused}");
        assert_eq!(text(&hub, &owned, "dir/a").await, "3");
        commit(&hub, &bob, &repo, "refs/pr/1", vec![file("dir/a", "3")]).await.unwrap();
        hub.merge_pull_request(&owned.caller, &owned.repo, number, None).await.unwrap();
        assert_eq!(text(&hub, &owned, "b").await, "2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_ready_is_merged() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    let (caller, repo) = (&owned.caller, &owned.repo);
    let merge = async |number| hub.merge_pull_request(caller, repo, number, None).await.unwrap_err();
    hub.create_discussion(caller, repo, "talk", "", false).await.unwrap();
    assert_eq!(merge(1).await.kind(), ErrorKind::Invalid);
    hub.create_discussion(caller, repo, "pull", "", true).await.unwrap();
    assert!(merge(2).await.message().contains("draft"));
    hub.set_discussion_open(caller, repo, 2, false, None).await.unwrap();
    assert!(merge(2).await.message().contains("closed"));
    let closed = commit(&hub, caller, repo, "refs/pr/2", vec![file("x", "1")]).await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Forbidden);
    hub.set_discussion_open(caller, repo, 2, true, None).await.unwrap();
    let empty = merge(2).await;
    assert_eq!(empty.kind(), ErrorKind::Conflict);
    assert!(empty.message().contains("changes nothing"), "{empty}");
    assert_eq!(merge(3).await.kind(), ErrorKind::NotFound);
    commit(&hub, caller, repo, "refs/pr/2", vec![file("x", "1")]).await.unwrap();
    hub.merge_pull_request(caller, repo, 2, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_target_is_merged_into() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        owned.commit(&hub, vec![file("a", "1"), file("b", "1")]).await.unwrap();
        let (bob, repo) = stranger(&hub, &owned, "bob").await;
        let clean = propose(&hub, &bob, &repo, vec![file("a", "2")]).await;
        let conflicting = propose(&hub, &bob, &repo, vec![file("b", "2")]).await;
        owned.commit(&hub, vec![file("b", "3"), file("c", "3")]).await.unwrap();
        hub.super_squash(&owned.caller, &owned.repo, &revision("main"), None).await.unwrap();
        let found = details(&hub, &owned, conflicting).await;
        assert_eq!(found.mergeability, Mergeability::Conflicts(vec!["b".to_owned()]));
        hub.merge_pull_request(&owned.caller, &owned.repo, clean, None).await.unwrap();
        assert_eq!((text(&hub, &owned, "a").await, text(&hub, &owned, "b").await), ("2".into(), "3".into()));
        assert_eq!(text(&hub, &owned, "c").await, "3");
        hub.super_squash(&owned.caller, &owned.repo, &revision("refs/pr/2"), None).await.unwrap();
        let refused =
            hub.merge_pull_request(&owned.caller, &owned.repo, conflicting, None).await.unwrap_err();
        assert!(refused.message().contains("`b`"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_gone_is_told() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    hub.create_branch(&owned.caller, &owned.repo, "dev", crate::NewBranch::default()).await.unwrap();
    let mut builder = hub.start_commit(&owned.caller, &owned.repo, &revision("dev"), true).await.unwrap();
    builder.push(header(None)).await.unwrap();
    builder.push(file("x", "1\n")).await.unwrap();
    builder.finish().await.unwrap();
    assert_eq!(details(&hub, &owned, 1).await.discussion.target_branch.as_deref(), Some("refs/heads/dev"));
    hub.delete_branch(&owned.caller, &owned.repo, "dev").await.unwrap();
    let found = details(&hub, &owned, 1).await;
    assert_eq!(found.mergeability, Mergeability::Unknown);
    assert!(found.diff.unwrap().contains("+1"));
    let refused = hub.merge_pull_request(&owned.caller, &owned.repo, 1, None).await.unwrap_err();
    assert_eq!(
        (refused.kind(), refused.message()),
        (ErrorKind::Conflict, "the branch `refs/heads/dev` is gone")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_merges_lose_nothing() {
    for hub in TestHub::each().await {
        let owned = Arc::new(Owned::new(&hub).await);
        let (bob, repo) = stranger(&hub, &owned, "bob").await;
        let mut numbers = Vec::new();
        for at in 0..6 {
            numbers.push(propose(&hub, &bob, &repo, vec![file(&format!("p{at}"), "x")]).await);
        }
        let hub = Arc::new(hub);
        let mut tasks = Vec::new();
        for number in numbers {
            for _ in 0..2 {
                let (hub, owned) = (hub.clone(), owned.clone());
                tasks.push(tokio::spawn(async move {
                    hub.merge_pull_request(&owned.caller, &owned.repo, number, None).await.is_ok()
                }));
            }
            let (hub, owned) = (hub.clone(), owned.clone());
            tasks.push(tokio::spawn(async move {
                owned.commit(&hub, vec![file(&format!("m{number}"), "x")]).await.unwrap();
                false
            }));
        }
        let mut merged = 0;
        for task in tasks {
            merged += usize::from(task.await.unwrap());
        }
        assert_eq!(merged, 6, "each is merged once");
        assert_eq!(owned.paths(&hub, "main").await.len(), 1 + 6 + 6);
        assert_eq!(
            hub.commits(&owned.repo, &revision("main"), 0, 99).await.unwrap().commits.len(),
            1 + 6 + 6
        );
        assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
    }
}

/// Who may only read a private repo may still propose changes of it; who may not read it learns nothing.
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_a_private_repo_propose() {
    use crate::{NewOrganisation, NewRepo, Role};
    let hub = TestHub::new().await;
    let name = |name: &str| lyceum_core::AccountName::parse(name).unwrap();
    let org = NewOrganisation { name: "lab".to_owned(), full_name: None, private_by_default: true };
    hub.create_organisation(org).await.unwrap();
    let mut callers = Vec::new();
    for (user, role) in [("writer", Role::Write), ("helper", Role::Contributor), ("reader", Role::Read)] {
        let (caller, _) = hub.user(user).await;
        hub.add_member(&name("lab"), &name(user), role).await.unwrap();
        callers.push(caller);
    }
    let [writer, helper, reader] = callers.try_into().unwrap();
    let repo = NewRepo { namespace: Some(name("lab")), ..NewRepo::new(RepoKind::Model, "m") };
    let id = hub.create_repo(&writer, repo).await.unwrap();
    for (number, caller) in [(1, &reader), (2, &helper)] {
        let repo = hub.open(caller, RepoKind::Model, &id, Action::Propose).await.unwrap();
        assert_eq!(propose(&hub, caller, &repo, vec![file(&format!("f{number}"), "1")]).await, number);
    }
    // Each may add to his own only; a writer to both.
    let theirs = hub.open(&helper, RepoKind::Model, &id, Action::Propose).await.unwrap();
    let refused = commit(&hub, &helper, &theirs, "refs/pr/1", vec![file("x", "1")]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    let repo = hub.open(&writer, RepoKind::Model, &id, Action::Write).await.unwrap();
    for number in [1, 2] {
        let branch = format!("refs/pr/{number}");
        commit(&hub, &writer, &repo, &branch, vec![file(&format!("g{number}"), "1")]).await.unwrap();
        hub.merge_pull_request(&writer, &repo, number, None).await.unwrap();
    }
    for number in [1, 2] {
        for letter in ["f", "g"] {
            hub.file(&repo, &revision("main"), &path(&format!("{letter}{number}"))).await.unwrap();
        }
    }
    let (stranger, _) = hub.user("stranger").await;
    for action in [Action::Discover, Action::Propose, Action::Write] {
        let refused = hub.open(&stranger, RepoKind::Model, &id, action).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::RepoNotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_of_a_merge_is_bounded() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    let (caller, repo) = (&owned.caller, &owned.repo);
    hub.create_discussion(caller, repo, "Much", "", true).await.unwrap();
    for number in 0..100 {
        let mut builder = hub.start_commit(caller, repo, &revision("refs/pr/1"), false).await.unwrap();
        let summary = "\u{1f600}".repeat(15_000);
        builder.push(Operation::Header { summary, description: String::new(), parent: None }).await.unwrap();
        builder.push(file("a", &number.to_string())).await.unwrap();
        builder.finish().await.unwrap();
    }
    hub.set_discussion_open(caller, repo, 1, true, None).await.unwrap();
    hub.merge_pull_request(caller, repo, 1, None).await.unwrap();
    let page = hub.commits(repo, &revision("main"), 0, 1).await.unwrap();
    let bytes = page.commits[0].title.len() + page.commits[0].message.len();
    assert!((32 * 1024..=lyceum_core::limits::MAX_MESSAGE_BYTES).contains(&bytes), "{bytes}");
}
