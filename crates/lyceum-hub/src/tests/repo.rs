use lyceum_core::RepoId;

use super::*;
use crate::{ErrorKind, ListQuery, ListSort, NewRepo, RepoChange, Visibility};

fn list() -> ListQuery {
    ListQuery {
        kind: RepoKind::Model,
        author: None,
        search: Vec::new(),
        tags: Vec::new(),
        gated: None,
        pipeline_tag: None,
        sort: ListSort::LastModified,
        ascending: false,
        after: None,
        limit: 10,
        siblings: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_repos_answer_to_their_old_name() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (old, new) = (owned.repo.id().clone(), RepoId::parse("alice/renamed").unwrap());
        hub.move_repo(&owned.caller, &owned.repo, &new).await.unwrap();
        let found = hub.open(&owned.caller, RepoKind::Model, &old, Action::Read).await.unwrap();
        assert_eq!(found.id(), &new);
        let again = NewRepo::new(RepoKind::Model, "RENAMED");
        assert_eq!(hub.create_repo(&owned.caller, again).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        let stolen = RepoId::parse("nobody/x").unwrap();
        assert_eq!(
            hub.move_repo(&owned.caller, &found, &stolen).await.unwrap_err().kind(),
            ErrorKind::Forbidden
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_live_on_without_the_original() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        owned.commit(&hub, vec![file("a", "1")]).await.unwrap();
        let (bob, _) = hub.user("bob").await;
        let source = hub.open(&bob, RepoKind::Model, owned.repo.id(), Action::Read).await.unwrap();
        let copy =
            hub.duplicate_repo(&bob, &source, &RepoId::parse("bob/copy").unwrap(), None).await.unwrap();
        hub.delete_repo(&owned.caller, &owned.repo).await.unwrap();
        let repo = hub.open(&bob, RepoKind::Model, &copy, Action::Administer).await.unwrap();
        let copied = Owned { caller: bob, repo };
        assert_eq!(copied.paths(&hub, "main").await, [".gitattributes", "a"]);
        assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_is_seen_only_with_its_large_files() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let content = super::lfs::noise(100_000, 3);
        super::garbage::upload(&hub, &owned.caller, &owned.repo, &content).await.unwrap();
        let to = RepoId::parse("alice/copy").unwrap();
        let seen = async {
            loop {
                if let Ok(copy) = hub.open(&owned.caller, RepoKind::Model, &to, Action::Read).await {
                    return copy;
                }
                tokio::task::yield_now().await;
            }
        };
        let copying = hub.duplicate_repo(&owned.caller, &owned.repo, &to, None);
        // The client goes away as soon as there is a repo.
        let copy = tokio::select! {
            biased;
            copy = seen => copy,
            made = copying => hub.open(&owned.caller, RepoKind::Model, &made.unwrap(), Action::Read).await.unwrap(),
        };
        assert_eq!(hub.lfs_files(&copy, None, 9).await.unwrap().files.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_follow_the_files() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let card = "---\nlicense: mit\npipeline_tag: text-generation\ntags: [tiny]\n---\n# M\n";
        owned
            .commit(
                &hub,
                vec![
                    file("README.md", card),
                    file("config.json", r#"{"model_type":"gpt2","architectures":["GPT2LMHeadModel"]}"#),
                ],
            )
            .await
            .unwrap();
        let info = hub.repo_info(&owned.repo, hub.head(&owned.repo).await.unwrap(), true).await.unwrap();
        assert_eq!(info.pipeline_tag.as_deref(), Some("text-generation"));
        for tag in ["license:mit", "tiny", "text-generation", "gpt2"] {
            assert!(info.tags.iter().any(|found| found == tag), "{tag} in {:?}", info.tags);
        }
        assert_eq!(info.siblings.unwrap().len(), 3);
        hub.count_download(&owned.repo);
        hub.advance_seconds(5);
        hub.run_due_jobs().await.unwrap();
        let page = hub
            .list_repos(&Caller::Anonymous, ListQuery { tags: vec!["license:mit".to_owned()], ..list() })
            .await
            .unwrap();
        assert_eq!(page.repos.len(), 1);
        assert_eq!(page.repos[0].downloads, 1);
        assert!(
            hub.list_repos(&Caller::Anonymous, ListQuery { tags: vec!["license:gpl".to_owned()], ..list() })
                .await
                .unwrap()
                .repos
                .is_empty()
        );

        hub.change_repo(
            &owned.caller,
            &owned.repo,
            RepoChange { visibility: Some(Visibility::Private), gated: None },
        )
        .await
        .unwrap();
        assert!(hub.list_repos(&Caller::Anonymous, list()).await.unwrap().repos.is_empty());
        assert_eq!(hub.list_repos(&owned.caller, list()).await.unwrap().repos.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_page_without_gaps() {
    let hub = TestHub::new().await;
    let (alice, _) = hub.user("alice").await;
    for number in 0..25 {
        hub.advance_seconds(1);
        hub.repo(&alice, RepoKind::Model, &format!("m{number:02}")).await;
    }
    let mut names = Vec::new();
    let mut query = list();
    loop {
        let page = hub.list_repos(&Caller::Anonymous, query.clone()).await.unwrap();
        names.extend(page.repos.into_iter().map(|info| info.repo.id().name().to_owned()));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..25).rev().map(|number| format!("m{number:02}")).collect();
    assert_eq!(names, expected);
    let bad = ListQuery { after: Some("x".to_owned()), ..list() };
    assert_eq!(hub.list_repos(&Caller::Anonymous, bad).await.unwrap_err().kind(), ErrorKind::Invalid);
}
