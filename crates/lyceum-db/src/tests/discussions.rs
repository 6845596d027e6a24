//! Discussions and pull requests.

use super::{NOW, at, name, oid, put, read, repo, user};
use crate::value::bind;
use crate::{Attachment, Db, Discussion, DiscussionQuery, DiscussionStatus, NewDiscussionEvent};

fn discussion(repo_id: i64, num: i64, author_id: i64, is_pull: bool) -> Discussion {
    Discussion {
        repo_id,
        num,
        title: format!("Title {num}"),
        author_id: Some(author_id),
        author: Some(name("alice")),
        is_pull,
        status: if is_pull { DiscussionStatus::Draft } else { DiscussionStatus::Open },
        target_branch: is_pull.then(|| "refs/heads/main".to_owned()),
        base_oid: is_pull.then(|| oid(1)),
        merge_oid: None,
        events: 0,
        event_bytes: 0,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(super) async fn numbers_events_and_pages(db: &Db) {
    let alice = user(db, "alice").await;
    let repo = repo(db, alice, "alice/model").await.id;
    put(db, move |tx| {
        Box::pin(async move {
            for expected in 1..=7 {
                let num = tx.take_discussion_number(repo).await?.unwrap();
                assert_eq!(num, expected);
                assert!(tx.insert_discussion(&discussion(repo, num, alice, num % 3 == 0)).await?);
            }
            assert!(!tx.insert_discussion(&discussion(repo, 7, alice, true)).await?);
            for number in [2, 1, 3, 1] {
                let event = NewDiscussionEvent {
                    repo_id: repo,
                    num: 5,
                    id: format!("event{number}"),
                    kind: "comment".to_owned(),
                    author_id: alice,
                    created_at: at(number),
                    data: format!("{{\"n\":{number}}}"),
                };
                tx.insert_discussion_event(&event).await?;
            }
            assert!(tx.set_discussion_event_data(repo, 5, "event3", "{\"n\":3}", "{}").await?);
            assert!(
                !tx.set_discussion_event_data(repo, 5, "event3", "{\"n\":3}", "[]").await?,
                "it says {{}}"
            );
            assert!(!tx.set_discussion_event_data(repo, 4, "event3", "{}", "[]").await?);
            let event = NewDiscussionEvent {
                repo_id: repo,
                num: 4,
                id: "long".to_owned(),
                kind: "comment".to_owned(),
                author_id: alice,
                created_at: NOW,
                data: "long".to_owned(),
            };
            tx.insert_discussion_event(&event).await?;
            // As if it had been counted otherwise before.
            tx.execute("UPDATE discussion SET event_bytes = 1 WHERE repo_id = $1 AND num = 4", bind![repo])
                .await?;
            assert!(tx.set_discussion_event_data(repo, 4, "long", "long", "").await?);
            assert_eq!(tx.discussion(repo, 4).await?.unwrap().event_bytes, 0, "never less than nothing");
            Ok(())
        })
    })
    .await;
    let mut reader = read(db).await;
    assert_eq!(reader.discussion(repo, 3).await.unwrap(), Some(discussion(repo, 3, alice, true)));
    assert_eq!(reader.discussion(repo, 8).await.unwrap(), None);
    let events = reader.discussion_events(repo, 5, 0, 9).await.unwrap();
    let found: Vec<_> = events.iter().map(|event| (event.id.as_str(), event.data.as_str())).collect();
    assert_eq!(
        found,
        [("event2", "{\"n\":2}"), ("event1", "{\"n\":1}"), ("event3", "{}")],
        "as they were added"
    );
    assert_eq!(events[0].author, Some(name("alice")));
    assert_eq!(reader.discussion_event(repo, 5, "event1").await.unwrap(), Some(events[1].clone()));
    let talk = reader.discussion(repo, 5).await.unwrap().unwrap();
    // The second event with a used id is not added, and the third was cut from `{"n":3}`.
    assert_eq!((talk.updated_at, talk.events, talk.event_bytes), (at(3), 3, 7 + 7 + 2));
    let base = DiscussionQuery { repo_id: repo, limit: 3, ..DiscussionQuery::default() };
    for (query, expected, count) in [
        (base.clone(), vec![7, 6, 5], 7),
        (DiscussionQuery { offset: 6, ..base.clone() }, vec![1], 7),
        (DiscussionQuery { is_pull: Some(true), ..base.clone() }, vec![6, 3], 2),
        (DiscussionQuery { is_pull: Some(false), limit: 9, ..base.clone() }, vec![7, 5, 4, 2, 1], 5),
        (DiscussionQuery { closed: Some(true), ..base.clone() }, vec![], 0),
        (DiscussionQuery { closed: Some(false), is_pull: Some(true), ..base.clone() }, vec![6, 3], 2),
        (DiscussionQuery { author_id: Some(alice), limit: 1, ..base.clone() }, vec![7], 7),
        (DiscussionQuery { author_id: Some(alice), is_pull: Some(true), ..base.clone() }, vec![6, 3], 2),
        (DiscussionQuery { author_id: Some(alice + 1), ..base.clone() }, vec![], 0),
        (DiscussionQuery { before: Some(4), ..base.clone() }, vec![3, 2, 1], 7),
        (DiscussionQuery { words: vec!["%".to_owned()], ..base.clone() }, vec![], 0),
        (DiscussionQuery { repo_id: repo + 1, ..base }, vec![], 0),
    ] {
        let (page, all) = reader.discussions(&query).await.unwrap();
        let nums: Vec<i64> = page.iter().map(|discussion| discussion.num).collect();
        assert_eq!((nums, all), (expected, count), "{query:?}");
    }
}

pub(super) async fn states_change_once(db: &Db) {
    let alice = user(db, "alice").await;
    let repo = repo(db, alice, "alice/model").await.id;
    put(db, move |tx| {
        Box::pin(async move {
            use DiscussionStatus::{Closed, Draft, Merged, Open};
            tx.insert_discussion(&discussion(repo, 1, alice, true)).await?;
            tx.insert_discussion(&discussion(repo, 2, alice, false)).await?;
            assert!(!tx.set_discussion_status(repo, 1, Open, Closed, at(1)).await?);
            assert!(!tx.merge_discussion(repo, 1, oid(5), oid(9), at(1)).await?, "it is a draft");
            assert!(tx.set_discussion_status(repo, 1, Draft, Open, at(1)).await?);
            assert!(tx.set_discussion_title(repo, 1, "New", at(2)).await?);
            assert!(!tx.set_discussion_title(repo, 3, "New", at(2)).await?);
            assert!(tx.merge_discussion(repo, 1, oid(5), oid(9), at(3)).await?);
            assert!(!tx.merge_discussion(repo, 1, oid(5), oid(8), at(4)).await?, "it is merged");
            assert!(!tx.merge_discussion(repo, 2, oid(5), oid(8), at(4)).await?, "it carries no changes");
            let found = tx.discussion(repo, 1).await?.unwrap();
            assert_eq!((found.status, found.merge_oid, found.updated_at), (Merged, Some(oid(9)), at(3)));
            assert_eq!((found.title.as_str(), found.base_oid), ("New", Some(oid(5))));
            for (closed, expected) in [(None, 2), (Some(false), 1), (Some(true), 1)] {
                let query = DiscussionQuery { repo_id: repo, closed, limit: 9, ..DiscussionQuery::default() };
                let (page, count) = tx.discussions(&query).await?;
                assert_eq!((page.len() as u64, count), (expected, expected), "{closed:?}");
            }
            tx.set_discussion_status(repo, 2, Open, Closed, at(5)).await?;
            tx.set_discussion_status(repo, 2, Closed, Open, at(6)).await?;
            let query = DiscussionQuery { repo_id: repo, closed: Some(false), ..DiscussionQuery::default() };
            assert_eq!(tx.discussions(&query).await?.1, 1);
            Ok(())
        })
    })
    .await;
}

pub(super) async fn authors_may_leave(db: &Db) {
    let (alice, bob) = (user(db, "alice").await, user(db, "bob").await);
    let repo = repo(db, alice, "alice/model").await.id;
    put(db, move |tx| {
        Box::pin(async move {
            tx.insert_discussion(&discussion(repo, 1, bob, false)).await?;
            let event = NewDiscussionEvent {
                repo_id: repo,
                num: 1,
                id: "e".to_owned(),
                kind: "comment".to_owned(),
                author_id: bob,
                created_at: NOW,
                data: "{}".to_owned(),
            };
            tx.insert_discussion_event(&event).await?;
            let attached = Attachment {
                name: "a.png".to_owned(),
                user_id: Some(bob),
                repo_id: None,
                media_type: "image/png".to_owned(),
                bytes: 7,
                created_at: NOW,
            };
            assert!(tx.insert_attachment(&attached).await?);
            assert!(!tx.insert_attachment(&attached).await?);
            assert_eq!(tx.attachments_page("", 9).await?, std::slice::from_ref(&attached));
            assert_eq!(tx.attachments_page("a.png", 9).await?, []);
            assert_eq!(tx.attached_bytes(bob, NOW).await?, 7);
            assert_eq!(tx.attached_bytes(bob, at(1)).await?, 0);
            tx.execute("DELETE FROM account WHERE id = $1", bind![bob]).await?;
            let found = tx.discussion(repo, 1).await?.unwrap();
            assert_eq!((found.author_id, found.author), (None, None));
            assert_eq!(tx.discussion_events(repo, 1, 0, 9).await?[0].author, None);
            assert_eq!(tx.attachment("a.png").await?, Some(Attachment { user_id: None, ..attached }));
            tx.delete_repo(repo).await?;
            assert_eq!(tx.discussion(repo, 1).await?, None);
            assert_eq!(tx.discussions(&DiscussionQuery { repo_id: repo, ..Default::default() }).await?.1, 0);
            Ok(())
        })
    })
    .await;
}
