//! The search index: what it finds for whom, and that it follows the database.

use lyceum_core::{AccountName, RepoId};
use lyceum_db::AccountKind;
use lyceum_search::Facet;

use super::*;
use crate::{
    FindQuery, Found, Hub, HubOptions, ListSort, NewOrganisation, NewRepo, QuickQuery, RepoChange, Role,
    Visibility,
};

fn find(text: &str) -> FindQuery {
    FindQuery {
        kind: RepoKind::Model,
        text: text.to_owned(),
        facets: Vec::new(),
        tags: Vec::new(),
        author: None,
        sort: None,
        after: None,
        limit: 10,
    }
}

fn names(found: &Found) -> Vec<String> {
    found.repos.iter().map(|info| info.repo.id().to_string()).collect()
}

async fn look(hub: &Hub, caller: &Caller, text: &str) -> Vec<String> {
    let found = hub.find_repos(caller, find(text)).await.unwrap();
    assert_eq!(found.counts.as_ref().map(|(total, _)| *total), Some(found.repos.len() as u64));
    names(&found)
}

async fn private(hub: &Hub, caller: &Caller, namespace: Option<&str>, name: &str) {
    let repo = NewRepo {
        namespace: namespace.map(account),
        visibility: Some(Visibility::Private),
        ..NewRepo::new(RepoKind::Model, name)
    };
    hub.create_repo(caller, repo).await.unwrap();
}

fn account(name: &str) -> AccountName {
    AccountName::parse(name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_found_by_the_next_search() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let stranger = Caller::Anonymous;
        let name = owned.repo.id().to_string();
        let part = &name[name.len() - 3..];
        assert_eq!(look(&hub, &stranger, part).await, [name.as_str()]);
        let card = "---\nlicense: mit\nlanguage: [en, ja]\npipeline_tag: translation\n---\n# M\n\n翻訳 for everybody.\n";
        owned.commit(&hub, vec![file("README.md", card)]).await.unwrap();
        hub.advance_seconds(5);
        hub.run_due_jobs().await.unwrap();
        assert_eq!(look(&hub, &stranger, "翻訳").await, [name.as_str()]);
        let found = hub.find_repos(&stranger, find("everybody")).await.unwrap();
        let (total, facets) = found.counts.unwrap();
        let told: Vec<_> = facets
            .iter()
            .flat_map(|(facet, values)| {
                values.iter().map(move |(value, count)| (*facet, value.as_str(), *count))
            })
            .collect();
        assert_eq!(total, 1);
        for expected in [
            (Facet::Task, "translation", 1),
            (Facet::Licence, "mit", 1),
            (Facet::Language, "en", 1),
            (Facet::Language, "ja", 1),
            (Facet::Access, "open", 1),
        ] {
            assert!(told.contains(&expected), "{expected:?} in {told:?}");
        }
        let renamed = RepoId::parse("alice/quite-different").unwrap();
        hub.move_repo(&owned.caller, &owned.repo, &renamed).await.unwrap();
        assert_eq!(look(&hub, &stranger, "quite-dif").await, ["alice/quite-different"]);
        assert_eq!(look(&hub, &stranger, "quiet-different").await, ["alice/quite-different"]);
        assert_eq!(look(&hub, &stranger, "diferent").await, ["alice/quite-different"]);
        let moved = hub.open(&owned.caller, RepoKind::Model, &renamed, Action::Administer).await.unwrap();
        hub.delete_repo(&owned.caller, &moved).await.unwrap();
        assert_eq!(look(&hub, &stranger, "quite").await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_is_neither_found_nor_counted() {
    for hub in TestHub::each().await {
        let (alice, _) = hub.user("alice").await;
        let (bob, _) = hub.user("bob").await;
        let lab = NewOrganisation { name: "lab".to_owned(), full_name: None, private_by_default: false };
        hub.create_organisation(lab).await.unwrap();
        hub.add_member(&account("lab"), &account("alice"), Role::Admin).await.unwrap();
        hub.repo(&alice, RepoKind::Model, "open-thing").await;
        private(&hub, &alice, None, "own-thing").await;
        private(&hub, &alice, Some("lab"), "thing").await;
        let all = ["lab/thing", "alice/own-thing", "alice/open-thing"];
        assert_eq!(look(&hub, &alice, "thing").await, all);
        for caller in [&bob, &Caller::Anonymous] {
            assert_eq!(look(&hub, caller, "thing").await, ["alice/open-thing"]);
            assert_eq!(look(&hub, caller, "own-thing").await, [""; 0]);
            let access = vec![(Facet::Access, "private".to_owned())];
            let found = hub.find_repos(caller, FindQuery { facets: access, ..find("") }).await.unwrap();
            assert_eq!((found.repos.len(), found.counts.unwrap().0), (0, 0));
        }
        hub.add_member(&account("lab"), &account("bob"), Role::Read).await.unwrap();
        assert_eq!(look(&hub, &bob, "thing").await, ["lab/thing", "alice/open-thing"]);
        hub.drop_member(&account("lab"), &account("bob")).await.unwrap();
        assert_eq!(look(&hub, &bob, "thing").await, ["alice/open-thing"]);
        let id = RepoId::parse("alice/open-thing").unwrap();
        let open = hub.open(&alice, RepoKind::Model, &id, Action::Administer).await.unwrap();
        let hide = RepoChange { visibility: Some(Visibility::Private), gated: None };
        hub.change_repo(&alice, &open, hide).await.unwrap();
        assert_eq!(look(&hub, &Caller::Anonymous, "thing").await, [""; 0]);
        let quick = QuickQuery {
            text: "thing".to_owned(),
            kinds: vec![RepoKind::Model],
            users: false,
            organisations: false,
            collections: false,
            limit: 5,
        };
        assert!(hub.quick_search(&bob, quick).await.unwrap().repos[0].1.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_on_disk_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let options = || HubOptions { search: Some(folder.path().to_owned()), ..HubOptions::default() };
    let hub = TestHub::with(options()).await;
    let (alice, _) = hub.user("alice").await;
    for number in 0..5 {
        hub.repo(&alice, RepoKind::Model, &format!("bert-{number}")).await;
    }
    assert_eq!(look(&hub, &alice, "bert").await.len(), 5);
    let beside = hub.again(options()).await;
    assert_eq!(look(&beside, &alice, "bert").await.len(), 5, "another process has an index of its own");
    hub.repo(&alice, RepoKind::Model, "bert-5").await;
    assert_eq!(look(&beside, &alice, "bert-5").await.len(), 1, "and follows what others change");
    let mut query = FindQuery { limit: 2, sort: Some(ListSort::CreatedAt), ..find("bert") };
    let mut all = Vec::new();
    loop {
        let page = beside.find_repos(&alice, query.clone()).await.unwrap();
        all.extend(names(&page));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(all.len(), 6);
    let people = hub.find_accounts(AccountKind::User, "alcie", None, 5).await.unwrap();
    assert_eq!((people.accounts.len(), people.loose), (1, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_index_the_database_answers() {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder should be.
    let broken = folder.path().join("search");
    std::fs::write(&broken, b"").unwrap();
    let hub = TestHub::with(HubOptions { search: Some(broken.clone()), ..HubOptions::default() }).await;
    let (alice, _) = hub.user("alice").await;
    hub.repo(&alice, RepoKind::Model, "bert").await;
    let found = hub.find_repos(&alice, find("ber")).await.unwrap();
    assert_eq!((names(&found), found.counts.is_none()), (vec!["alice/bert".to_owned()], true));
    std::fs::remove_file(&broken).unwrap();
    let found = hub.find_repos(&alice, find("ber")).await.unwrap();
    assert!(found.counts.is_none(), "what broke is left alone for a while");
    hub.advance_seconds(60);
    assert_eq!(look(&hub, &alice, "ber").await, ["alice/bert"], "and the index is tried again");
}
