//! The hub in the hands of its administrators.

use lyceum_core::AccountName;

use super::*;
use crate::{
    AccountKind, Administration, ErrorKind, EventFilter, JobState, NewToken, StorageLimits, TokenLimits,
    TokenRole, TokenScope, XetScope,
};

fn name(text: &str) -> AccountName {
    AccountName::parse(text).unwrap()
}

/// Makes a user who administers the hub; returns him as a caller and what he administers.
async fn administrator(hub: &TestHub, user: &str) -> (Caller, Administration) {
    let (_, secret) = hub.user(user).await;
    hub.set_admin(&name(user), true).await.unwrap();
    let caller = hub.authenticate(&secret).await.unwrap();
    let administration = hub.administer(&caller).unwrap();
    (caller, administration)
}

async fn actions(admin: &Administration, filter: &EventFilter) -> Vec<String> {
    let page = admin.events(filter, None).await.unwrap();
    page.events.into_iter().map(|event| event.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_find_anything() {
    for hub in TestHub::each().await {
        let (bob, _) = hub.user("bob").await;
        administrator(&hub, "root").await;
        let kind = |caller: &Caller| hub.administer(caller).err().map(|error| error.kind());
        assert_eq!(kind(&Caller::Anonymous), Some(ErrorKind::NotFound));
        assert_eq!(kind(&bob), Some(ErrorKind::NotFound));
        let token = NewToken { name: "reads".to_owned(), role: TokenRole::Read, value: None };
        let reads = hub.create_token(&name("root"), token).await.unwrap();
        assert_eq!(kind(&hub.authenticate(&reads).await.unwrap()), Some(ErrorKind::NotFound));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_disabled_is_out_at_once() {
    for hub in TestHub::each().await {
        let (_, admin) = administrator(&hub, "root").await;
        let (bob, secret) = hub.user("bob").await;
        let id = hub.repo(&bob, RepoKind::Model, "m").await;
        let repo = hub.open(&bob, RepoKind::Model, &id, Action::Write).await.unwrap();
        let session = hub.sign_in("bob", "correct horse", None).await.unwrap();
        let xet = hub.xet_token(&bob, &repo, XetScope::Write).await.unwrap();

        admin.set_disabled(&name("BOB"), true).await.unwrap();
        admin.set_disabled(&name("bob"), true).await.unwrap();
        for secret in [&secret, &session] {
            assert_eq!(hub.authenticate(secret).await.unwrap_err().kind(), ErrorKind::InvalidCredentials);
        }
        let refused = hub.sign_in("bob", "correct horse", None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidCredentials);
        assert!(hub.xet_grant(&xet.token, XetScope::Write).await.is_err());
        assert!(hub.open(&Caller::Anonymous, RepoKind::Model, &id, Action::Read).await.is_ok(), "it stays");

        admin.set_disabled(&name("bob"), false).await.unwrap();
        hub.authenticate(&secret).await.unwrap();
        hub.xet_grant(&xet.token, XetScope::Write).await.unwrap();
        let filter =
            EventFilter { target: "bob".to_owned(), action: "set-disabled".to_owned(), ..Default::default() };
        assert_eq!(actions(&admin, &filter).await.len(), 2, "nothing changed the second time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_is_left() {
    for hub in TestHub::each().await {
        let (_, root) = administrator(&hub, "root").await;
        hub.user("bob").await;
        let kind = |result: crate::Result<()>| result.unwrap_err().kind();
        assert_eq!(kind(root.set_admin(&name("root"), false).await), ErrorKind::Conflict);
        assert_eq!(kind(root.set_disabled(&name("root"), true).await), ErrorKind::Conflict);
        assert_eq!(kind(root.set_admin(&name("nobody"), true).await), ErrorKind::NotFound);
        let (_, other) = administrator(&hub, "other").await;
        root.set_admin(&name("other"), false).await.unwrap();
        // He still holds what he was given before.
        assert_eq!(kind(other.set_disabled(&name("root"), true).await), ErrorKind::Conflict);
        let service = crate::NewServiceAccount { name: "ci".to_owned(), full_name: None, email: None };
        hub.create_service_account(service).await.unwrap();
        assert_eq!(kind(root.set_admin(&name("ci"), true).await), ErrorKind::Invalid);
        hub.set_disabled(&name("root"), true).await.unwrap();
        assert!(root.account(&name("root")).await.unwrap().account.disabled, "the operator may");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_found_with_their_quotas() {
    let hub = TestHub::new().await;
    let (_, admin) = administrator(&hub, "root").await;
    for user in ["alice", "alan", "bob"] {
        hub.user(user).await;
    }
    let limits = StorageLimits { logical: Some(1000), stored: None };
    admin.set_quota(&name("alan"), limits).await.unwrap();
    let found = admin.accounts(AccountKind::User, "AL", None).await.unwrap();
    let shown: Vec<_> = found.accounts.iter().map(|a| (a.account.name.as_str(), a.quota.is_some())).collect();
    assert_eq!((shown.as_slice(), found.next), ([("alan", true), ("alice", false)].as_slice(), None));
    assert!(admin.accounts(AccountKind::Org, "", None).await.unwrap().accounts.is_empty());
    assert!(admin.accounts(AccountKind::User, "x@y", None).await.unwrap().accounts.is_empty());
    assert!(admin.accounts(AccountKind::User, &"x".repeat(300), None).await.is_err());
    let report = admin.storage().await.unwrap();
    assert_eq!((report.usage.repos, report.owners.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_found_by_who_what_where_and_when() {
    for hub in TestHub::each().await {
        let (_, admin) = administrator(&hub, "root").await;
        let (bob, _) = hub.user("bob").await;
        let start = hub.clock().now();
        hub.advance_seconds(60);
        hub.repo(&bob, RepoKind::Dataset, "d").await;
        let check = async |filter: EventFilter, expected: &[&str]| {
            assert_eq!(actions(&admin, &filter).await, expected, "{filter:?}");
        };
        let all = EventFilter::default;
        let by_bob = EventFilter { actor: "Bob".to_owned(), ..all() };
        check(by_bob.clone(), &["create-repo"]).await;
        check(EventFilter { actor: "nobody".to_owned(), ..all() }, &[]).await;
        check(EventFilter { actor: "a/b".to_owned(), ..all() }, &[]).await;
        check(EventFilter { action: "create-repo".to_owned(), ..all() }, &["create-repo"]).await;
        check(EventFilter { target: "datasets/bob/d".to_owned(), ..all() }, &["create-repo"]).await;
        check(EventFilter { since: Some(start.plus_seconds(1)), ..all() }, &["create-repo"]).await;
        check(EventFilter { until: Some(start.plus_seconds(1)), ..by_bob }, &[]).await;
        let made = EventFilter { target: "bob".to_owned(), ..all() };
        assert!(actions(&admin, &made).await.contains(&"create-account".to_owned()));
        let page = admin.events(&EventFilter { target: "datasets/bob/d".to_owned(), ..all() }, None).await;
        let event = page.unwrap().events.remove(0);
        assert_eq!((event.actor, event.by_user), (Some(name("bob")), true));
        assert_eq!(event.repo.map(|(kind, id)| format!("{kind} {id}")).as_deref(), Some("dataset bob/d"));
        assert!(admin.events(&all(), Some("x")).await.is_err());
        assert!(admin.events(&EventFilter { action: "x".repeat(300), ..all() }, None).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_is_tried_again() {
    for hub in TestHub::each().await {
        let (_, admin) = administrator(&hub, "root").await;
        hub.add_failing_job("unknown:1").await;
        let failed = async || -> Vec<JobState> { admin.jobs(true, None).await.unwrap().jobs };
        // Nobody knows the job, so that each try fails; after the last one it stays, to be looked at.
        for _ in 0..8 {
            hub.run_due_jobs().await.unwrap();
            hub.advance_seconds(24 * 3600);
        }
        let job = failed().await.remove(0);
        assert_eq!((job.attempts, job.run_at), (8, None), "{job:?}");
        assert!(job.last_error.unwrap().contains("nobody knows"));
        assert_eq!(admin.queues().await.unwrap().iter().map(|queue| queue.given_up).sum::<u64>(), 1);

        assert_eq!(admin.retry_job(job.id).await.unwrap(), "unknown:1");
        hub.run_due_jobs().await.unwrap();
        let again = failed().await.remove(0);
        assert_eq!((again.attempts, again.run_at.is_some()), (1, true), "{again:?}");
        assert_eq!(admin.retry_job(job.id + 100).await.unwrap_err().kind(), ErrorKind::Conflict);
        let retries =
            EventFilter { action: "retry-job".to_owned(), actor: "root".to_owned(), ..Default::default() };
        assert_eq!(actions(&admin, &retries).await.len(), 1);
    }
}

#[tokio::test]
async fn a_token_with_limits_administers_nothing() {
    let hub = TestHub::new().await;
    administrator(&hub, "root").await;
    let limits = TokenLimits {
        scopes: vec![TokenScope::parse("user:root=repo.write").unwrap()],
        ..TokenLimits::default()
    };
    let token = NewToken { name: "some".to_owned(), role: TokenRole::FineGrained, value: None };
    let secret = hub.create_limited_token(&name("root"), token, limits).await.unwrap();
    let caller = hub.authenticate(&secret).await.unwrap();
    assert_eq!(hub.administer(&caller).err().map(|error| error.kind()), Some(ErrorKind::NotFound));
}
