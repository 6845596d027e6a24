//! Discussions and pull requests.

use super::{NOW, at, name, oid, put, read, repo, user};
use crate::{Db, Discussion, DiscussionQuery, DiscussionStatus, NewDiscussionEvent};

fn discussion(repo_id: i64, num: i64, author_id: i64, is_pull: bool) -> Discussion {
    Discussion {
        repo_id,
        num,
        title: format!("Title {num}"),
        author_id,
        author: name("alice"),
        is_pull,
        status: if is_pull { DiscussionStatus::Draft } else { DiscussionStatus::Open },
        target_branch: is_pull.then(|| "refs/heads/main".to_owned()),
        base_oid: is_pull.then(|| oid(1)),
        merge_oid: None,
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
            assert!(tx.set_discussion_event_data(repo, 5, "event3", "{}").await?);
            assert!(!tx.set_discussion_event_data(repo, 4, "event3", "{}").await?);
            Ok(())
        })
    })
    .await;
    let mut reader = read(db).await;
    assert_eq!(reader.discussion(repo, 3).await.unwrap(), Some(discussion(repo, 3, alice, true)));
    assert_eq!(reader.discussion(repo, 8).await.unwrap(), None);
    let events = reader.discussion_events(repo, 5, 9).await.unwrap();
    let found: Vec<_> = events.iter().map(|event| (event.id.as_str(), event.data.as_str())).collect();
    assert_eq!(
        found,
        [("event2", "{\"n\":2}"), ("event1", "{\"n\":1}"), ("event3", "{}")],
        "as they were added"
    );
    assert_eq!(events[0].author, name("alice"));
    assert_eq!(reader.discussion_event(repo, 5, "event1").await.unwrap(), Some(events[1].clone()));
    assert_eq!(reader.discussion(repo, 5).await.unwrap().unwrap().updated_at, at(3));
    let base = DiscussionQuery { repo_id: repo, limit: 3, ..DiscussionQuery::default() };
    for (query, expected, count) in [
        (base.clone(), vec![7, 6, 5], 7),
        (DiscussionQuery { offset: 6, ..base.clone() }, vec![1], 7),
        (DiscussionQuery { is_pull: Some(true), ..base.clone() }, vec![6, 3], 2),
        (DiscussionQuery { is_pull: Some(false), limit: 9, ..base.clone() }, vec![7, 5, 4, 2, 1], 5),
        (DiscussionQuery { statuses: vec![DiscussionStatus::Draft], ..base.clone() }, vec![6, 3], 2),
        (
            DiscussionQuery {
                statuses: vec![DiscussionStatus::Draft, DiscussionStatus::Open, DiscussionStatus::Merged],
                ..base.clone()
            },
            vec![7, 6, 5],
            7,
        ),
        (DiscussionQuery { author_id: Some(alice), limit: 1, ..base.clone() }, vec![7], 7),
        (DiscussionQuery { author_id: Some(alice + 1), ..base.clone() }, vec![], 0),
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
            assert!(tx.set_discussion_status(repo, 1, Draft, Open, at(1)).await?);
            assert!(tx.set_discussion_title(repo, 1, "New", at(2)).await?);
            assert!(!tx.set_discussion_title(repo, 3, "New", at(2)).await?);
            assert!(tx.merge_discussion(repo, 1, oid(9), at(3)).await?);
            assert!(!tx.merge_discussion(repo, 1, oid(8), at(4)).await?, "it is merged");
            assert!(!tx.merge_discussion(repo, 2, oid(8), at(4)).await?, "it carries no changes");
            let found = tx.discussion(repo, 1).await?.unwrap();
            assert_eq!((found.status, found.merge_oid, found.updated_at), (Merged, Some(oid(9)), at(3)));
            assert_eq!((found.title.as_str(), found.base_oid), ("New", Some(oid(1))));
            Ok(())
        })
    })
    .await;
}
