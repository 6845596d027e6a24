use lyceum_core::{AccountName, RepoKind};

use crate::testing::TestHub;
use crate::{
    Action, Caller, ErrorKind, Gated, NewOrganisation, NewRepo, NewToken, RepoChange, Role, TokenRole,
    Visibility,
};

use ErrorKind::{Forbidden, Gated as IsGated, RepoNotFound, Unauthenticated};

const ACTIONS: [Action; 5] =
    [Action::Discover, Action::Read, Action::Propose, Action::Write, Action::Administer];

/// What each action answers on a repo of the organisation, for one caller; `None` is allowed.
async fn answers(hub: &TestHub, caller: &Caller, name: &str) -> [Option<ErrorKind>; 5] {
    let id = lyceum_core::RepoId::parse(&format!("org/{name}")).unwrap();
    let mut answers = [None; 5];
    for (answer, action) in answers.iter_mut().zip(ACTIONS) {
        *answer = hub.open(caller, RepoKind::Model, &id, action).await.err().map(|error| error.kind());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_visibility_and_gates_decide() {
    for hub in TestHub::each().await {
        let org = AccountName::parse("org").unwrap();
        hub.create_organisation(NewOrganisation {
            name: "org".to_owned(),
            full_name: None,
            private_by_default: true,
        })
        .await
        .unwrap();
        let mut members = Vec::new();
        for role in [Role::Read, Role::Contributor, Role::Write, Role::Admin] {
            let name = format!("{role}-er");
            let (caller, _) = hub.user(&name).await;
            hub.add_member(&org, &AccountName::parse(&name).unwrap(), role).await.unwrap();
            members.push(caller);
        }
        let [reader, contributor, writer, admin] = members.try_into().unwrap();
        let (stranger, _) = hub.user("stranger").await;
        let new = |name: &str, visibility| NewRepo {
            namespace: Some(org.clone()),
            visibility,
            ..NewRepo::new(RepoKind::Model, name)
        };
        hub.create_repo(&admin, new("public", Some(Visibility::Public))).await.unwrap();
        hub.create_repo(&admin, new("private", None)).await.unwrap();
        hub.create_repo(&contributor, new("own", None)).await.unwrap();
        let gated = hub.create_repo(&admin, new("gated", Some(Visibility::Public))).await.unwrap();
        let repo = hub.open(&admin, RepoKind::Model, &gated, Action::Administer).await.unwrap();
        hub.change_repo(&admin, &repo, RepoChange { visibility: None, gated: Some(Gated::Manual) })
            .await
            .unwrap();
        assert_eq!(hub.create_repo(&reader, new("x", None)).await.unwrap_err().kind(), Forbidden);
        assert_eq!(hub.create_repo(&stranger, new("x", None)).await.unwrap_err().kind(), Forbidden);
        assert_eq!(
            hub.create_repo(&Caller::Anonymous, new("x", None)).await.unwrap_err().kind(),
            Unauthenticated
        );

        let read_only = NewToken { name: "r".to_owned(), role: TokenRole::Read, value: None };
        let read_only = hub.create_token(&AccountName::parse("write-er").unwrap(), read_only).await.unwrap();
        let read_only = hub.authenticate(&read_only).await.unwrap();

        let everything = [None; 5];
        let proposing = [None, None, None, Some(Forbidden), Some(Forbidden)];
        let reading = [None, None, Some(Forbidden), Some(Forbidden), Some(Forbidden)];
        let looking = [None, None, Some(Unauthenticated), Some(Unauthenticated), Some(Unauthenticated)];
        let nothing = [Some(RepoNotFound); 5];
        let shut = [None, Some(IsGated), Some(IsGated), Some(IsGated), Some(IsGated)];
        let table: [(&Caller, [[Option<ErrorKind>; 5]; 4]); 7] = [
            // caller, then public, private, the contributor's own, gated
            (&Caller::Anonymous, [looking, nothing, nothing, shut]),
            (&stranger, [proposing, nothing, nothing, shut]),
            (&reader, [proposing, proposing, proposing, proposing]),
            (&contributor, [proposing, proposing, everything, proposing]),
            (&writer, [everything; 4]),
            (&admin, [everything; 4]),
            (&read_only, [reading; 4]),
        ];
        for (caller, expected) in table {
            for (name, expected) in ["public", "private", "own", "gated"].into_iter().zip(expected) {
                assert_eq!(answers(&hub, caller, name).await, expected, "{caller:?} on {name}");
            }
        }
        // A hidden repo and a missing one answer alike, word for word but for the name.
        let text = async |name: &str| {
            let id = lyceum_core::RepoId::parse(&format!("org/{name}")).unwrap();
            hub.open(&stranger, RepoKind::Model, &id, Action::Read)
                .await
                .unwrap_err()
                .to_string()
                .replace(name, "")
        };
        assert_eq!(text("private").await, text("missing").await);
    }
}
