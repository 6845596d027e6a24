use futures_util::future::join_all;
use lyceum_core::{AccountName, RepoId};

use super::*;
use crate::{
    ErrorKind, NewOrganisation, NewRepo, NewResourceGroup, NewToken, Role, TokenLimits, TokenRole,
    TokenScope, Visibility,
};

fn name(name: &str) -> AccountName {
    AccountName::parse(name).unwrap()
}

fn id(id: &str) -> RepoId {
    RepoId::parse(id).unwrap()
}

async fn organisation(hub: &TestHub, org: &str, members: &[(&str, Role)]) {
    let new = NewOrganisation { name: org.to_owned(), full_name: None, private_by_default: true };
    hub.create_organisation(new).await.unwrap();
    for (user, role) in members {
        hub.add_member(&name(org), &name(user), *role).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_who_remove_each_other_leave_one() {
    for hub in TestHub::each().await {
        let (ada, _) = hub.user("ada").await;
        let (bob, _) = hub.user("bob").await;
        let orgs: Vec<String> = (0..20).map(|number| format!("lab{number}")).collect();
        for org in &orgs {
            organisation(&hub, org, &[("ada", Role::Admin), ("bob", Role::Admin)]).await;
        }
        let remove = async |caller, org: &String, user| {
            hub.remove_member(caller, &name(org), &name(user)).await.is_ok()
        };
        let both = orgs
            .iter()
            .map(|org| futures_util::future::join(remove(&ada, org, "bob"), remove(&bob, org, "ada")));
        for (org, (bobs, adas)) in orgs.iter().zip(join_all(both).await) {
            assert!(bobs != adas, "{org} lost {}", if bobs { "both" } else { "none" });
        }
    }
}

/// The organisation `lab` with its administrator ada, the writer bob and carl, who reads but administers the one group.
struct Lab {
    ada: Caller,
    bob: Caller,
    carl: Caller,
    group: i64,
}

impl Lab {
    async fn new(hub: &TestHub) -> Self {
        let (ada, _) = hub.user("ada").await;
        let (bob, _) = hub.user("bob").await;
        let (carl, _) = hub.user("carl").await;
        let members = [("ada", Role::Admin), ("bob", Role::Write), ("carl", Role::Read)];
        organisation(hub, "lab", &members).await;
        let group = NewResourceGroup { name: "secret".to_owned(), description: "plans".to_owned() };
        let group = hub.create_resource_group(&ada, &name("lab"), group).await.unwrap().id;
        let carls = vec![(name("carl"), Some(Role::Admin))];
        hub.set_group_members(&ada, &name("lab"), group, carls).await.unwrap();
        Self { ada, bob, carl, group }
    }

    /// Makes a model of the group.
    async fn model(&self, hub: &TestHub, model: &str, visibility: Visibility) -> RepoId {
        let new = NewRepo {
            namespace: Some(name("lab")),
            visibility: Some(visibility),
            ..NewRepo::new(RepoKind::Model, model)
        };
        let id = hub.create_repo(&self.ada, new).await.unwrap();
        let repo = open(hub, &self.ada, &id, Action::Administer).await.unwrap();
        hub.set_group_of(&self.ada, &repo, Some(self.group)).await.unwrap();
        id
    }
}

async fn open(hub: &TestHub, caller: &Caller, id: &RepoId, action: Action) -> Result<Repo> {
    hub.open(caller, RepoKind::Model, id, action).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_told_to_those_who_may_list_it() {
    for hub in TestHub::each().await {
        let lab = Lab::new(&hub).await;
        let model = lab.model(&hub, "m", Visibility::Public).await;
        let limited = async |scope: &str| {
            let scopes = vec![TokenScope::parse(scope).unwrap()];
            let limits = TokenLimits { scopes, ..TokenLimits::default() };
            let token = NewToken { name: "t".to_owned(), role: TokenRole::FineGrained, value: None };
            let token = hub.create_limited_token(&name("ada"), token, limits).await.unwrap();
            hub.authenticate(&token).await.unwrap()
        };
        for (caller, told) in [
            (Caller::Anonymous, false),
            (lab.bob.clone(), false),
            (lab.carl.clone(), true),
            (lab.ada.clone(), true),
            (limited("org:lab=repo.write").await, false),
            (limited("org:lab=org.read").await, true),
        ] {
            let repo = open(&hub, &caller, &model, Action::Discover).await.unwrap();
            let group = hub.group_of(&caller, &repo).await.unwrap();
            assert_eq!(group.is_some(), told, "{caller:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_and_moves_do_not_open_what_a_group_closes() {
    for hub in TestHub::each().await {
        let lab = Lab::new(&hub).await;
        let model = lab.model(&hub, "m", Visibility::Private).await;
        let hidden = async |id: &RepoId| {
            let error = open(&hub, &lab.bob, id, Action::Discover).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RepoNotFound, "{id}");
        };
        hidden(&model).await;
        let repo = open(&hub, &lab.ada, &model, Action::Read).await.unwrap();
        hidden(&hub.duplicate_repo(&lab.ada, &repo, &id("LAB/copy"), None).await.unwrap()).await;

        // Who administers the group only may rename what is in it, and copy it, but not take it out.
        let repo = open(&hub, &lab.carl, &model, Action::Administer).await.unwrap();
        hidden(&hub.duplicate_repo(&lab.carl, &repo, &id("lab/carls"), None).await.unwrap()).await;
        let refused = hub.move_repo(&lab.carl, &repo, &id("carl/m")).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
        assert!(refused.message().contains("resource group"), "{refused}");
        let renamed = id("lab/renamed");
        hub.move_repo(&lab.carl, &repo, &renamed).await.unwrap();
        hidden(&renamed).await;

        let repo = open(&hub, &lab.ada, &renamed, Action::Administer).await.unwrap();
        hub.move_repo(&lab.ada, &repo, &id("ada/m")).await.unwrap();
        let moved = open(&hub, &lab.ada, &id("ada/m"), Action::Administer).await.unwrap();
        assert_eq!(moved.record.resource_group_id, None);
    }
}
