//! The audit log.

use futures_util::future::join_all;

use super::{at, put, read, repo, user};
use crate::value::bind;
use crate::{Chain, Db, EventQuery, NewEvent};

pub(super) async fn chain_shows_changes(db: &Db) {
    let alice = user(db, "alice").await;
    let repo = repo(db, alice, "alice/model").await.id;
    let append = |number: i64, repo_id| {
        let new = NewEvent {
            repo_id,
            actor_id: Some(alice),
            action: "commit".to_owned(),
            detail: format!("{{\"n\":{number}}}"),
            at: at(number),
        };
        put(db, move |tx| Box::pin(async move { tx.append_event(&new).await }))
    };
    assert_eq!(read(db).await.verify_events(repo).await.unwrap(), Chain::Intact { events: 0 });
    join_all((0..20).map(|number| append(number, Some(repo)))).await;
    append(100, None).await;
    assert_eq!(read(db).await.verify_events(repo).await.unwrap(), Chain::Intact { events: 20 });

    let mut reader = read(db).await;
    let all = EventQuery { before: i64::MAX, ..EventQuery::default() };
    let of_repo = EventQuery { repo_id: Some(repo), ..all.clone() };
    let newest = reader.events_found(&of_repo, 5).await.unwrap();
    let older = EventQuery { before: newest[4].id, ..of_repo };
    let rest = reader.events_found(&older, 100).await.unwrap();
    assert_eq!((newest.len(), rest.len()), (5, 15));
    assert_eq!(newest[3].hash, newest[2].previous.unwrap());
    assert_eq!((rest[14].previous, newest[0].actor_id), (None, Some(alice)));
    for (query, expected) in [
        (EventQuery { actor_id: Some(alice), ..all.clone() }, 21),
        (EventQuery { actor_id: Some(alice + 100), ..all.clone() }, 0),
        (EventQuery { before: newest[0].id, ..all.clone() }, 19),
        (EventQuery { from: newest[0].id, ..all.clone() }, 2),
        (EventQuery { action: Some("commit".to_owned()), ..all.clone() }, 21),
        (EventQuery { action: Some("comm".to_owned()), ..all.clone() }, 0),
        (EventQuery { text: Some("\"n\":7}".to_owned()), ..all.clone() }, 1),
        (EventQuery { text: Some("%".to_owned()), ..all.clone() }, 0),
    ] {
        assert_eq!(reader.events_found(&query, 100).await.unwrap().len(), expected, "{query:?}");
    }
    let last = reader.events_found(&all, 1).await.unwrap().remove(0);
    assert_eq!((last.repo_id, last.id + 1), (None, reader.events_end().await.unwrap()));
    assert_eq!(reader.event_at(at(100)).await.unwrap(), last.id);
    assert_eq!(reader.event_at(at(101)).await.unwrap(), last.id + 1);
    drop(reader);

    // Whatever is done to one event shows, and nothing is left of it after it is undone.
    let (second, last) = (rest[13].clone(), newest[0].clone());
    let change = |sql: &'static str, id: i64| {
        put(db, move |tx| Box::pin(async move { tx.execute(sql, bind![id]).await }))
    };
    for (spoil, restore) in [
        ("UPDATE event SET at = at + 1 WHERE id = $1", "UPDATE event SET at = at - 1 WHERE id = $1"),
        (
            "UPDATE event SET actor_id = actor_id + 1 WHERE id = $1",
            "UPDATE event SET actor_id = actor_id - 1 WHERE id = $1",
        ),
        (
            "UPDATE event SET action = 'push' WHERE id = $1",
            "UPDATE event SET action = 'commit' WHERE id = $1",
        ),
        ("UPDATE event SET action = action || detail, detail = '' WHERE id = $1", ""),
    ] {
        assert_eq!(change(spoil, second.id).await, 1);
        let found = read(db).await.verify_events(repo).await.unwrap();
        assert_eq!(found, Chain::Broken { event_id: second.id }, "{spoil}");
        if !restore.is_empty() {
            change(restore, second.id).await;
            assert_eq!(read(db).await.verify_events(repo).await.unwrap(), Chain::Intact { events: 20 });
        }
    }
    change("DELETE FROM event WHERE id = $1", second.id).await;
    let found = read(db).await.verify_events(repo).await.unwrap();
    assert_eq!(found, Chain::Broken { event_id: rest[12].id }, "one that is gone is missed by the next");
    change("DELETE FROM event WHERE id > $1", rest[14].id).await;
    assert_eq!(read(db).await.verify_events(repo).await.unwrap(), Chain::Cut { events: 1 });
    assert!(last.id > second.id);
}
