//! Webhooks: who watches what, and the log of deliveries.

use lyceum_core::RepoKind;

use super::{NOW, at, id, name, org, put, read, repo, user};
use crate::{AccountKind, Db, DeliveryEnd, DeliveryState, Role, Watched, WebhookSecret, WebhookSettings};

fn settings(watched: Vec<Watched>) -> WebhookSettings {
    WebhookSettings {
        url: "https://example.org/hook".to_owned(),
        secret: Some(WebhookSecret("hush".to_owned())),
        repo_events: true,
        discussion_events: false,
        watched,
    }
}

pub(super) async fn watchers_are_found_by_what_they_watch(db: &Db) {
    let (alice, bob, acme) = (user(db, "alice").await, user(db, "bob").await, org(db, "acme").await);
    let model = repo(db, acme, "acme/Model").await;
    assert!(!read(db).await.repo_watched(model.id).await.unwrap());
    let one = Watched::Repo(RepoKind::Model, id("ACME/model"));
    let all = Watched::Account(AccountKind::Org, name("Acme"));
    let none = Watched::Account(AccountKind::User, name("nobody"));
    let (first, second) = (settings(vec![none, one.clone(), one.clone()]), settings(vec![all.clone()]));
    let [first, second] = put(db, move |tx| {
        Box::pin(async move {
            tx.upsert_member(acme, bob, Role::Write).await?;
            Ok([tx.insert_webhook(alice, &first, NOW).await?, tx.insert_webhook(bob, &second, NOW).await?])
        })
    })
    .await;
    let mut reader = read(db).await;
    assert!(reader.repo_watched(model.id).await.unwrap());
    let targets = [one.target(), all.target()];
    assert_eq!(targets, ["model:acme/model", "org:acme"]);
    let found = reader.watchers(&targets, acme, 0, 9).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|one| (one.webhook.id, one.owner.id, one.role)).collect();
    assert_eq!(found, [(first, alice, None), (second, bob, Some(Role::Write))]);
    assert_eq!(reader.watchers(&targets[1..], acme, 0, 9).await.unwrap().len(), 1);
    assert_eq!(reader.watchers(&targets, acme, first, 9).await.unwrap().len(), 1);
    let watched = reader.watched_by(&[first]).await.unwrap();
    assert_eq!(watched.len(), 2, "once is enough");
    let stored = reader.webhook(first).await.unwrap().unwrap();
    assert_eq!((stored.secret.clone().unwrap().0.as_str(), stored.disabled), ("hush", false));
    assert!(!format!("{stored:?}").contains("hush"));
    drop(reader);
    put(db, move |tx| {
        Box::pin(async move {
            assert!(tx.set_webhook_disabled(second, true, NOW).await?);
            assert!(tx.update_webhook(first, &settings(Vec::new()), NOW).await?);
            assert!(tx.delete_webhook(second).await? && !tx.delete_webhook(second).await?);
            Ok(())
        })
    })
    .await;
    assert!(read(db).await.watchers(&targets, acme, 0, 9).await.unwrap().is_empty());
    assert_eq!(read(db).await.webhooks_count(bob).await.unwrap(), 0);
}

pub(super) async fn deliveries_are_logged_and_forgotten(db: &Db) {
    let alice = user(db, "alice").await;
    let webhook = put(db, move |tx| {
        Box::pin(async move { tx.insert_webhook(alice, &settings(Vec::new()), NOW).await })
    })
    .await;
    let insert = async |event: Option<i64>| {
        put(db, move |tx| {
            Box::pin(async move {
                let message = tx.put_webhook_message(event.unwrap_or(7), "{}", NOW).await?;
                tx.insert_delivery(webhook, event, message, NOW).await
            })
        })
        .await
    };
    let messages = async || -> u64 {
        read(db).await.one("SELECT COUNT(*) FROM webhook_message", crate::value::bind![]).await.unwrap()
    };
    let first = insert(Some(1)).await.unwrap();
    assert_eq!(insert(Some(1)).await, None, "told already");
    let rest = [insert(Some(2)).await.unwrap(), insert(None).await.unwrap(), insert(None).await.unwrap()];
    let end = async |delivery: i64, state: DeliveryState| {
        let end = DeliveryEnd {
            state,
            status: Some(500),
            answer: "no".to_owned(),
            duration_ms: 7,
            retry_at: (state == DeliveryState::Pending).then(|| at(5)),
            at: at(1),
        };
        put(db, move |tx| Box::pin(async move { tx.end_delivery(delivery, &end).await })).await
    };
    assert_eq!(end(first, DeliveryState::Failed).await, Some(1));
    assert_eq!(end(rest[0], DeliveryState::Pending).await, Some(1));
    assert_eq!(end(rest[0], DeliveryState::Failed).await, Some(2));
    assert_eq!(end(rest[1], DeliveryState::Delivered).await, Some(0));
    assert_eq!(end(999, DeliveryState::Failed).await, None);
    let stored = read(db).await.delivery(rest[0]).await.unwrap().unwrap();
    assert_eq!(
        (stored.attempts, stored.status, stored.retry_at, stored.updated_at),
        (2, Some(500), None, at(1))
    );
    let log = async |before| {
        let log = read(db).await.deliveries_of(webhook, before, 9).await.unwrap();
        log.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(log(None).await, [rest[2], rest[1], rest[0], first]);
    assert_eq!(log(Some(rest[1])).await, [rest[0], first]);
    let forget = async |keep, most| {
        put(db, move |tx| Box::pin(async move { tx.forget_deliveries(webhook, keep, most).await })).await;
    };
    assert_eq!(messages().await, 3, "the two without an event share one");
    forget(2, 9).await;
    assert_eq!(log(None).await, [rest[2], rest[1]]);
    assert_eq!(messages().await, 1);
    forget(0, 9).await;
    assert_eq!(log(None).await, [rest[2]], "what is to be sent stays");
    forget(0, 0).await;
    assert_eq!((log(None).await, messages().await), (vec![], 0));
    let mut ids = Vec::new();
    for event in 10..15 {
        ids.push(insert(Some(event)).await.unwrap());
    }
    end(ids[1], DeliveryState::Failed).await;
    end(ids[3], DeliveryState::Delivered).await;
    let forget_all = async |most| {
        put(db, move |tx| Box::pin(async move { tx.forget_deliveries_of(alice, most).await })).await;
    };
    forget_all(4).await;
    assert_eq!(log(None).await, [ids[4], ids[3], ids[2], ids[0]], "the oldest that ended");
    forget_all(2).await;
    assert_eq!((log(None).await, messages().await), (vec![ids[4], ids[2]], 2));
    put(db, move |tx| Box::pin(async move { tx.delete_webhook(webhook).await })).await;
    assert_eq!(messages().await, 0);
    assert_eq!(insert(Some(3)).await, None);
}
