//! Webhooks: who is told what, and how deliveries end.

use hmac::{Hmac, Mac as _};
use lyceum_core::{AccountName, RepoId, RepoKind};
use serde_json::json;
use sha2::Sha256;

use super::{commit, file};
use crate::testing::TestHub;
use crate::{
    Action, AllowList, Caller, Delivery, DeliveryState, HubOptions, NewOrganisation, NewRepo, Repo,
    RepoChange, Role, Visibility, Webhook, WebhookChange, WebhookSecret, parse_watched,
};

mod receiver;

use receiver::{Received, Receiver};

/// Every hub here may reach this machine.
async fn hub() -> TestHub {
    TestHub::with(HubOptions {
        webhooks_allowed: AllowList::parse("127.0.0.0/8").unwrap(),
        public_url: "https://hub.test".to_owned(),
        ..HubOptions::default()
    })
    .await
}

async fn watch(hub: &TestHub, caller: &Caller, url: &str, watched: &[(&str, &str)]) -> Webhook {
    let watched = watched.iter().map(|(kind, name)| parse_watched(kind, name).unwrap()).collect();
    let new = WebhookChange {
        url: Some(url.to_owned()),
        watched: Some(watched),
        secret: Some(WebhookSecret("hush".to_owned())),
        ..WebhookChange::default()
    };
    hub.create_webhook(caller, new).await.unwrap()
}

async fn open(hub: &TestHub, caller: &Caller, id: &RepoId) -> Repo {
    hub.open(caller, RepoKind::Model, id, Action::Administer).await.unwrap()
}

async fn log(hub: &TestHub, caller: &Caller, webhook: &Webhook) -> Vec<Delivery> {
    hub.deliveries(caller, webhook.id, None, 1000).await.unwrap().deliveries
}

/// Returns `action scope` of what was received.
fn events(received: &[Received]) -> Vec<String> {
    let event = |one: &Received| {
        let body = one.json();
        format!("{} {}", body["event"]["action"].as_str().unwrap(), body["event"]["scope"].as_str().unwrap())
    };
    received.iter().map(event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_repo_are_told_and_signed() {
    let (hub, receiver) = (hub().await, Receiver::start().await);
    let (alice, _) = hub.user("alice").await;
    let webhook = watch(&hub, &alice, &receiver.url, &[("user", "Alice")]).await;
    let id = hub.repo(&alice, RepoKind::Model, "m").await;
    let repo = open(&hub, &alice, &id).await;
    let first = commit(&hub, &alice, &repo, "main", vec![file("a.txt", "1")]).await.unwrap().oid.to_string();
    let second = commit(&hub, &alice, &repo, "main", vec![file("a.txt", "2")]).await.unwrap().oid.to_string();
    hub.change_repo(&alice, &repo, RepoChange { visibility: Some(Visibility::Private), gated: None })
        .await
        .unwrap();
    let to = RepoId::parse("alice/n").unwrap();
    hub.move_repo(&alice, &repo, &to).await.unwrap();
    hub.run_due_jobs().await.unwrap();
    hub.delete_repo(&alice, &open(&hub, &alice, &to).await).await.unwrap();
    hub.run_due_jobs().await.unwrap();

    let received = receiver.take();
    let expected = [
        "create repo",
        "update repo.content",
        "update repo.content",
        "update repo.config",
        "move repo",
        "delete repo",
    ];
    assert_eq!(events(&received), expected);
    let content = received[2].json();
    let refs = json!([{ "ref": "refs/heads/main", "oldSha": first, "newSha": second }]);
    assert_eq!((&content["updatedRefs"], &content["repo"]["headSha"]), (&refs, &json!(second)));
    assert_eq!(
        content["repo"]["url"],
        json!({ "web": "https://hub.test/alice/n", "api": "https://hub.test/api/models/alice/n" })
    );
    assert_eq!(content["webhook"], json!({ "id": format!("{:024x}", webhook.id), "version": 3 }));
    assert_eq!(received[3].json()["updatedConfig"], json!({ "private": true }));
    let moved = received[4].json();
    assert_eq!((&moved["repo"]["name"], &moved["movedTo"]["name"]), (&json!("alice/m"), &json!("alice/n")));
    assert_eq!(received[5].json()["repo"]["name"], "alice/n");

    for one in &received {
        assert_eq!(one.header("x-webhook-secret"), Some("hush"));
        let mut code = Hmac::<Sha256>::new_from_slice(b"hush").unwrap();
        code.update(format!("{}.{}", one.header("x-webhook-timestamp").unwrap(), one.body).as_bytes());
        let expected: String =
            code.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(one.header("x-webhook-signature"), Some(format!("sha256={expected}").as_str()));
    }
    let log = log(&hub, &alice, &webhook).await;
    assert!(log.iter().all(|one| one.state == DeliveryState::Delivered && one.attempts == 1), "{log:?}");
    assert_eq!(log[0].payload, received[5].json());
}

#[tokio::test(flavor = "multi_thread")]
async fn discussions_are_told_with_what_was_said() {
    let (hub, receiver) = (hub().await, Receiver::start().await);
    let (alice, _) = hub.user("alice").await;
    let id = hub.repo(&alice, RepoKind::Dataset, "d").await;
    let repo = hub.open(&alice, RepoKind::Dataset, &id, Action::Propose).await.unwrap();
    let webhook = watch(&hub, &alice, &receiver.url, &[("dataset", "alice/d")]).await;
    hub.create_discussion(&alice, &repo, "A question", "Why?", false).await.unwrap();
    let comment = hub.comment(&alice, &repo, 1, "Because.").await.unwrap();
    hub.hide_comment(&alice, &repo, 1, &comment.id).await.unwrap();
    hub.run_due_jobs().await.unwrap();
    let received = receiver.take();
    assert_eq!(
        events(&received),
        ["create discussion", "create discussion.comment", "update discussion.comment"]
    );
    let opened = received[0].json();
    assert_eq!(
        (&opened["discussion"]["title"], &opened["comment"]["content"]),
        (&json!("A question"), &json!("Why?"))
    );
    assert_eq!(opened["discussion"]["url"]["web"], "https://hub.test/datasets/alice/d/discussions/1");
    // Told after it was hidden: what was said is gone.
    let hidden = received[2].json();
    assert_eq!((&hidden["comment"]["hidden"], hidden["comment"].get("content")), (&json!(true), None));

    let change = WebhookChange { discussion_events: Some(false), ..WebhookChange::default() };
    hub.change_webhook(&alice, webhook.id, change).await.unwrap();
    hub.comment(&alice, &repo, 1, "Again.").await.unwrap();
    hub.run_due_jobs().await.unwrap();
    assert!(receiver.take().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_tried_again_later_and_at_last_given_up() {
    let (hub, receiver) = (hub().await, Receiver::start().await);
    let (alice, _) = hub.user("alice").await;
    let webhook = watch(&hub, &alice, &receiver.url, &[("user", "alice")]).await;
    receiver.answer(&["500 Oh", "302 Found"]);
    hub.repo(&alice, RepoKind::Model, "m").await;
    hub.run_due_jobs().await.unwrap();
    let waiting = log(&hub, &alice, &webhook).await.remove(0);
    assert_eq!((waiting.state, waiting.attempts, waiting.status), (DeliveryState::Pending, 1, Some(500)));
    assert_eq!(waiting.retry_at, Some(hub.clock().now().plus_seconds(10)));
    hub.advance_seconds(9);
    hub.run_due_jobs().await.unwrap();
    assert_eq!(receiver.take().len(), 1, "it is not time yet");
    hub.advance_seconds(1);
    hub.run_due_jobs().await.unwrap();
    let waiting = log(&hub, &alice, &webhook).await.remove(0);
    assert!(waiting.answer.unwrap().contains("redirects are not followed"));
    assert_eq!(waiting.retry_at, Some(hub.clock().now().plus_seconds(20)));
    hub.advance_seconds(20);
    hub.run_due_jobs().await.unwrap();
    let done = log(&hub, &alice, &webhook).await.remove(0);
    assert_eq!((done.state, done.attempts, done.status), (DeliveryState::Delivered, 3, Some(200)));
    let received = receiver.take();
    assert_eq!(received[0].body, received[1].body);
    let number = Some(done.id.to_string());
    assert!(received.iter().all(|one| one.header("x-webhook-delivery").map(str::to_owned) == number));

    // Sent once more by hand, and never taken.
    receiver.answer(&["503 Busy"; 12]);
    let again = hub.replay_delivery(&alice, webhook.id, done.id).await.unwrap();
    for _ in 0..20 {
        hub.run_due_jobs().await.unwrap();
        hub.advance_seconds(3600);
    }
    let given_up = log(&hub, &alice, &webhook).await.remove(0);
    assert_eq!((given_up.id, given_up.state, given_up.attempts), (again.id, DeliveryState::Failed, 12));
    assert_eq!(receiver.take().len(), 12);
    assert_eq!(given_up.payload, done.payload);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_what_he_may_not_see() {
    let (hub, receiver) = (hub().await, Receiver::start().await);
    let org = AccountName::parse("acme").unwrap();
    let acme = NewOrganisation { name: "acme".to_owned(), full_name: None, private_by_default: true };
    hub.create_organisation(acme).await.unwrap();
    let (owner, _) = hub.user("owner").await;
    let (member, _) = hub.user("member").await;
    let (stranger, _) = hub.user("stranger").await;
    hub.add_member(&org, &AccountName::parse("owner").unwrap(), Role::Admin).await.unwrap();
    hub.add_member(&org, &AccountName::parse("member").unwrap(), Role::Read).await.unwrap();
    let mut webhooks = Vec::new();
    for caller in [&owner, &member, &stranger] {
        webhooks.push(watch(&hub, caller, &receiver.url, &[("org", "acme"), ("model", "acme/secret")]).await);
    }
    let new = |name: &str, visibility| NewRepo {
        namespace: Some(org.clone()),
        visibility: Some(visibility),
        ..NewRepo::new(RepoKind::Model, name)
    };
    let secret = hub.create_repo(&owner, new("secret", Visibility::Private)).await.unwrap();
    hub.create_repo(&owner, new("open", Visibility::Public)).await.unwrap();
    hub.run_due_jobs().await.unwrap();
    hub.delete_repo(&owner, &open(&hub, &owner, &secret).await).await.unwrap();
    hub.run_due_jobs().await.unwrap();
    let mut told = Vec::new();
    for (caller, webhook) in [&owner, &member, &stranger].into_iter().zip(&webhooks) {
        told.push(log(&hub, caller, webhook).await.len());
    }
    assert_eq!(told, [3, 3, 1]);
    assert_eq!(receiver.take().len(), 7);
    // Nor does anybody see the webhooks of others.
    for (caller, webhook) in [(&stranger, &webhooks[0]), (&owner, &webhooks[2])] {
        assert!(hub.webhook(caller, webhook.id).await.is_err());
        assert!(hub.deliveries(caller, webhook.id, None, 9).await.is_err());
        assert!(hub.delete_webhook(caller, webhook.id).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused_with_the_reason() {
    let hub = TestHub::new().await;
    let (alice, _) = hub.user("alice").await;
    for url in ["http://127.0.0.1:1/", "http://[::1]/", "http://169.254.169.254/latest", "https://10.0.0.1/"]
    {
        let new = WebhookChange { url: Some(url.to_owned()), ..WebhookChange::default() };
        let error = hub.create_webhook(&alice, new).await.unwrap_err();
        assert!(error.message().contains("this hub sends nothing there"), "{error}");
    }
    // A name is only looked at when something is sent there.
    let webhook = watch(&hub, &alice, "http://localhost:1/hook", &[("user", "alice")]).await;
    hub.repo(&alice, RepoKind::Model, "m").await;
    hub.run_due_jobs().await.unwrap();
    let refused = log(&hub, &alice, &webhook).await.remove(0);
    assert_eq!((refused.state, refused.attempts, refused.status), (DeliveryState::Failed, 1, None));
    let reason = "`localhost` leads to a loopback address; this hub sends nothing there";
    assert_eq!(refused.answer.as_deref(), Some(reason));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_always_fails_is_turned_off() {
    let hub = TestHub::new().await;
    let (alice, _) = hub.user("alice").await;
    let webhook = watch(&hub, &alice, "http://localhost:1/hook", &[("model", "alice/m")]).await;
    let id = hub.repo(&alice, RepoKind::Model, "m").await;
    let repo = open(&hub, &alice, &id).await;
    for _ in 0..25 {
        for visibility in [Visibility::Private, Visibility::Public] {
            let change = RepoChange { visibility: Some(visibility), gated: None };
            hub.change_repo(&alice, &repo, change).await.unwrap();
        }
    }
    hub.run_due_jobs().await.unwrap();
    assert!(hub.webhook(&alice, webhook.id).await.unwrap().disabled);
    let sent = log(&hub, &alice, &webhook).await.len();
    hub.change_repo(&alice, &repo, RepoChange { visibility: Some(Visibility::Private), gated: None })
        .await
        .unwrap();
    hub.run_due_jobs().await.unwrap();
    assert_eq!(log(&hub, &alice, &webhook).await.len(), sent, "nothing more is told");
    let webhook = hub.set_webhook_disabled(&alice, webhook.id, false).await.unwrap();
    assert!(!webhook.disabled);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_settings_are_refused_by_name() {
    let hub = hub().await;
    let (alice, _) = hub.user("alice").await;
    let good = || WebhookChange { url: Some("https://example.org".to_owned()), ..WebhookChange::default() };
    let many = (0..101).map(|n| parse_watched("user", &format!("u{n}")).unwrap()).collect();
    for (change, word) in [
        (WebhookChange { url: None, ..good() }, "url"),
        (WebhookChange { url: Some("ftp://example.org".to_owned()), ..good() }, "url"),
        (WebhookChange { url: Some("https://me:pw@example.org".to_owned()), ..good() }, "url"),
        (WebhookChange { watched: Some(many), ..good() }, "100"),
        (WebhookChange { repo_events: Some(false), discussion_events: Some(false), ..good() }, "domains"),
        (WebhookChange { secret: Some(WebhookSecret("a b".to_owned())), ..good() }, "secret"),
        (WebhookChange { secret: Some(WebhookSecret("x".repeat(257))), ..good() }, "secret"),
    ] {
        let error = hub.create_webhook(&alice, change).await.unwrap_err();
        assert!(error.message().contains(word), "{error}");
    }
    assert!(parse_watched("song", "a").is_err() && parse_watched("model", "a").is_err());
    for _ in 0..100 {
        hub.create_webhook(&alice, good()).await.unwrap();
    }
    assert!(hub.create_webhook(&alice, good()).await.unwrap_err().message().contains("100"));
    assert_eq!(hub.webhooks(&alice).await.unwrap().len(), 100);
}

/// The worker that serves: stopped as soon as the delivery is there.
#[tokio::test(flavor = "multi_thread")]
async fn the_running_hub_sends_by_itself() {
    let (hub, receiver) = (hub().await, Receiver::start().await);
    let (alice, _) = hub.user("alice").await;
    let webhook = watch(&hub, &alice, &receiver.url, &[("user", "alice")]).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = tokio::spawn({
        let hub = hub.hub().clone();
        async move { hub.run_jobs(async { drop(stopped.await) }).await }
    });
    hub.repo(&alice, RepoKind::Model, "m").await;
    let delivered = async {
        while log(&hub, &alice, &webhook).await.first().map(|one| one.state) != Some(DeliveryState::Delivered)
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), delivered).await.unwrap();
    stop.send(()).unwrap();
    worker.await.unwrap();
    assert_eq!(receiver.take().len(), 1);
}

/// Whose receiver never answers has few deliveries under way, and nobody waits for them.
#[tokio::test(flavor = "multi_thread")]
async fn slow_receivers_keep_only_their_owner_waiting() {
    let (hub, receiver) = (hub().await, Receiver::start().await);
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", silent.local_addr().unwrap());
    let (alice, _) = hub.user("alice").await;
    let (bob, _) = hub.user("bob").await;
    for _ in 0..20 {
        watch(&hub, &alice, &url, &[("user", "alice")]).await;
    }
    let webhook = watch(&hub, &bob, &receiver.url, &[("user", "bob")]).await;
    hub.repo(&alice, RepoKind::Model, "m").await;
    hub.repo(&bob, RepoKind::Model, "m").await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = tokio::spawn({
        let hub = hub.hub().clone();
        async move { hub.run_jobs(async { drop(stopped.await) }).await }
    });
    let delivered = async {
        while log(&hub, &bob, &webhook).await.first().map(|one| one.state) != Some(DeliveryState::Delivered) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), delivered).await.unwrap();
    let jobs = hub.inner.db.read().await.unwrap().jobs_page(false, 0, 100).await.unwrap();
    let jobs: Vec<_> = jobs.into_iter().filter(|job| job.queue == crate::webhook::deliver::QUEUE).collect();
    assert_eq!(jobs.len(), 20);
    assert!(jobs.iter().filter(|job| job.lease > 0).count() <= 2, "those that must wait are not written");
    stop.send(()).unwrap();
    worker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_kept_once_for_all_who_are_told() {
    let (hub, receiver) = (hub().await, Receiver::start().await);
    let (alice, _) = hub.user("alice").await;
    let (bob, _) = hub.user("bob").await;
    let hooks = [
        watch(&hub, &alice, &receiver.url, &[("user", "alice")]).await,
        watch(&hub, &bob, &receiver.url, &[("user", "alice")]).await,
    ];
    hub.repo(&alice, RepoKind::Model, "m").await;
    hub.run_due_jobs().await.unwrap();
    let ids = async |caller: &Caller, hook: &Webhook| {
        let ids: Vec<i64> = log(&hub, caller, hook).await.iter().map(|delivery| delivery.id).collect();
        let mut db = hub.inner.db.read().await.unwrap();
        let mut messages = Vec::new();
        for id in ids {
            messages.push(db.delivery(id).await.unwrap().unwrap().message_id);
        }
        messages
    };
    let first = ids(&alice, &hooks[0]).await;
    assert_eq!((first.len(), ids(&bob, &hooks[1]).await), (1, first.clone()));
    let delivery = log(&hub, &alice, &hooks[0]).await.remove(0);
    hub.replay_delivery(&alice, hooks[0].id, delivery.id).await.unwrap();
    assert_eq!(ids(&alice, &hooks[0]).await, [first[0], first[0]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_never_ends_has_failed() {
    let (hub, receiver) = (hub().await, Receiver::start().await);
    let (alice, _) = hub.user("alice").await;
    let hook = watch(&hub, &alice, &receiver.url, &[("user", "alice")]).await;
    hub.repo(&alice, RepoKind::Model, "m").await;
    while hub.run_round().await.unwrap() {}
    // Begun, and never ended: as by a process that dies each time.
    let mut claims = 0;
    while let Some(job) = hub.claim_delivery(Vec::new()).await.unwrap() {
        assert_eq!(job.queue, crate::webhook::deliver::QUEUE);
        claims += 1;
        hub.advance_seconds(61);
    }
    assert!(claims > 12, "{claims}");
    let delivery = log(&hub, &alice, &hook).await.remove(0);
    assert_eq!((delivery.state, delivery.status, delivery.retry_at), (DeliveryState::Failed, None, None));
    assert!(delivery.answer.unwrap().contains("begun"));
    assert_eq!(receiver.take().len(), 0);
}
