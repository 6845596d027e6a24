use super::*;
use crate::{
    DiscussionDetails, DiscussionEvent, DiscussionFilter, DiscussionStatus, DiscussionView, ErrorKind,
    EventData, Gated, Mergeability, RepoChange,
};

mod merge;

/// Somebody else, who may only read, with the same repo opened for proposing.
async fn stranger(hub: &TestHub, owned: &Owned, name: &str) -> (Caller, Repo) {
    let (caller, _) = hub.user(name).await;
    let repo = hub.open(&caller, RepoKind::Model, owned.repo.id(), Action::Propose).await.unwrap();
    (caller, repo)
}

async fn details(hub: &TestHub, owned: &Owned, number: i64) -> DiscussionDetails {
    let view = DiscussionView { diff: true, ..DiscussionView::default() };
    hub.discussion(&owned.caller, &owned.repo, number, &view).await.unwrap()
}

/// What happened, in short.
fn told(event: &DiscussionEvent) -> String {
    match &event.data {
        EventData::Comment(comment) => format!("says {}", comment.latest.text),
        EventData::Commit { subject, .. } => format!("commits {subject}"),
        EventData::Status(status) => format!("sets {status}"),
        EventData::Title { from, to } => format!("renames {from} to {to}"),
    }
}

fn all_told(details: &DiscussionDetails) -> Vec<String> {
    details.events.iter().map(told).collect()
}

fn comment(event: &DiscussionEvent) -> &crate::Comment {
    match &event.data {
        EventData::Comment(comment) => comment,
        other => panic!("not a comment: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_talk() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (bob, repo) = stranger(&hub, &owned, "bob").await;
        let made = hub.create_discussion(&bob, &repo, "  Why?  ", "Because", false).await.unwrap();
        assert_eq!((made.number, made.title.as_str(), made.author.as_deref()), (1, "Why?", Some("bob")));
        hub.comment(&owned.caller, &owned.repo, 1, "<b>Well</b>\0").await.unwrap();
        let renamed = hub.rename_discussion(&bob, &repo, 1, "Why not?").await.unwrap();
        assert_eq!(told(&renamed), "renames Why? to Why not?");
        let closed = hub.set_discussion_open(&bob, &repo, 1, false, Some("I see")).await.unwrap();
        assert_eq!(told(&closed), "sets closed");
        hub.comment(&bob, &repo, 1, "one more thing").await.unwrap();
        hub.set_discussion_open(&owned.caller, &owned.repo, 1, true, None).await.unwrap();
        let found = details(&hub, &owned, 1).await;
        assert_eq!(
            all_told(&found),
            [
                "says Because",
                "says <b>Well</b>\0",
                "renames Why? to Why not?",
                "says I see",
                "sets closed",
                "says one more thing",
                "sets open"
            ]
        );
        assert_eq!((found.event_count, found.discussion.title.as_str()), (7, "Why not?"));
        assert_eq!((found.mergeability, found.diff), (Mergeability::Clean, None));
        let some = DiscussionView { skip: 1, limit: Some(2), ..DiscussionView::default() };
        let some = hub.discussion(&bob, &repo, 1, &some).await.unwrap();
        assert_eq!(all_told(&some), ["says <b>Well</b>\0", "renames Why? to Why not?"]);
        assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_are_corrected_and_hidden() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (bob, repo) = stranger(&hub, &owned, "bob").await;
        hub.create_discussion(&bob, &repo, "t", "", false).await.unwrap();
        let said = hub.comment(&bob, &repo, 1, "first").await.unwrap();
        assert!(!comment(&said).edited);
        hub.advance_seconds(5);
        hub.edit_comment(&bob, &repo, 1, &said.id, "second").await.unwrap();
        let edited = hub.edit_comment(&owned.caller, &owned.repo, 1, &said.id, "third").await.unwrap();
        let shown = comment(&edited);
        assert_eq!((edited.author.as_deref(), shown.edited, shown.hidden), (Some("bob"), true, false));
        let history: Vec<_> = shown
            .history
            .iter()
            .chain([&shown.latest])
            .map(|version| {
                (version.text.as_str(), version.author.as_deref(), version.at.0 - said.created_at.0)
            })
            .collect();
        assert_eq!(
            history,
            [("first", Some("bob"), 0), ("second", Some("bob"), 5000), ("third", Some("alice"), 5000)]
        );
        let hidden = hub.hide_comment(&owned.caller, &owned.repo, 1, &said.id).await.unwrap();
        assert_eq!(comment(&hidden).latest.text, "This comment has been hidden");
        assert_eq!(comment(&hidden).hidden_by.as_deref(), Some("alice"));
        assert!(
            comment(&hidden).hidden && comment(&hidden).history.is_empty(),
            "nobody can read it any more"
        );
        let again = hub.edit_comment(&bob, &repo, 1, &said.id, "back").await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Forbidden);
        hub.hide_comment(&bob, &repo, 1, &said.id).await.unwrap();
        let missing = hub.edit_comment(&bob, &repo, 1, "none", "x").await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let renamed = hub.rename_discussion(&bob, &repo, 1, "u").await.unwrap();
        let wrong = hub.edit_comment(&bob, &repo, 1, &renamed.id, "x").await.unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::NotFound, "a change of title is no comment");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_authors_and_writers_change_what_others_did() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    let (bob, bobs) = stranger(&hub, &owned, "bob").await;
    let (eve, eves) = stranger(&hub, &owned, "eve").await;
    hub.create_discussion(&bob, &bobs, "t", "text", true).await.unwrap();
    let id = details(&hub, &owned, 1).await.events[0].id.clone();
    for error in [
        hub.edit_comment(&eve, &eves, 1, &id, "x").await.unwrap_err(),
        hub.hide_comment(&eve, &eves, 1, &id).await.unwrap_err(),
        hub.rename_discussion(&eve, &eves, 1, "x").await.unwrap_err(),
        hub.set_discussion_open(&eve, &eves, 1, false, None).await.unwrap_err(),
        commit(&hub, &eve, &eves, "refs/pr/1", vec![file("x", "1")]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    }
    hub.comment(&eve, &eves, 1, "my view").await.unwrap();
    assert_eq!(all_told(&details(&hub, &owned, 1).await), ["says text", "says my view"]);
    let anonymous = hub.comment(&Caller::Anonymous, &eves, 1, "x").await.unwrap_err();
    assert_eq!(anonymous.kind(), ErrorKind::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_have_limits() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    let (caller, repo) = (&owned.caller, &owned.repo);
    for title in ["", "  ", "a\nb", &"x".repeat(501)] {
        let error = hub.create_discussion(caller, repo, title, "", false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{title}");
    }
    let long = "x".repeat(64 * 1024 + 1);
    let error = hub.create_discussion(caller, repo, "t", &long, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    hub.create_discussion(caller, repo, &"é".repeat(500), "", false).await.unwrap();
    assert_eq!(hub.comment(caller, repo, 1, &long).await.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(hub.comment(caller, repo, 1, " \n").await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(hub.comment(caller, repo, 2, "x").await.unwrap_err().kind(), ErrorKind::NotFound);
    let said = hub.comment(caller, repo, 1, "0").await.unwrap();
    for version in 1..=100 {
        hub.edit_comment(caller, repo, 1, &said.id, &version.to_string()).await.unwrap();
    }
    let error = hub.edit_comment(caller, repo, 1, &said.id, "101").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let error = hub.set_discussion_open(caller, repo, 1, true, None).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Conflict, "discussion 1 is open already"));
}

/// Sixteen mebibytes of words, then no more; but it can still be closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_discussion_can_be_closed() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    let (caller, repo) = (&owned.caller, &owned.repo);
    hub.create_discussion(caller, repo, "t", "", false).await.unwrap();
    let long = "x".repeat(64 * 1024 - 200);
    for _ in 0..256 {
        hub.comment(caller, repo, 1, &long).await.unwrap();
    }
    let error = hub.comment(caller, repo, 1, &long).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.message().contains("16 MiB"), "{error}");
    hub.set_discussion_open(caller, repo, 1, false, None).await.unwrap();
    assert_eq!(details(&hub, &owned, 1).await.events.len(), 258);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_paged() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (bob, repo) = stranger(&hub, &owned, "bob").await;
        for number in 1..=60 {
            let (caller, repo) = if number % 2 == 0 { (&bob, &repo) } else { (&owned.caller, &owned.repo) };
            hub.create_discussion(caller, repo, "t", "", number % 3 == 0).await.unwrap();
        }
        for number in [6, 7, 8] {
            hub.set_discussion_open(&owned.caller, &owned.repo, number, false, None).await.unwrap();
        }
        let base = DiscussionFilter::default();
        for (filter, count, first, length) in [
            (base.clone(), 60, 60, 50),
            (DiscussionFilter { page: 1, ..base.clone() }, 60, 10, 10),
            (DiscussionFilter { page: 9, ..base.clone() }, 60, 0, 0),
            (DiscussionFilter { open: Some(false), ..base.clone() }, 3, 8, 3),
            (DiscussionFilter { open: Some(true), pull_request: Some(true), ..base.clone() }, 19, 60, 19),
            (DiscussionFilter { author: Some("BOB".to_owned()), ..base.clone() }, 30, 60, 30),
            (DiscussionFilter { author: Some("nobody".to_owned()), ..base.clone() }, 0, 0, 0),
            (DiscussionFilter { words: vec!["T".to_owned()], ..base.clone() }, 60, 60, 50),
            (DiscussionFilter { words: vec!["t".to_owned(), "_".to_owned()], ..base.clone() }, 0, 0, 0),
            (DiscussionFilter { before: Some(11), ..base.clone() }, 60, 10, 10),
            (DiscussionFilter { author: Some("../x".to_owned()), ..base }, 0, 0, 0),
        ] {
            let page = hub.discussions(&owned.repo, filter.clone()).await.unwrap();
            let numbers: Vec<_> = page.discussions.iter().map(|found| found.number).collect();
            let shape = (page.count, numbers.first().copied().unwrap_or(0), numbers.len());
            assert_eq!(shape, (count, first, length), "{filter:?}");
            assert!(numbers.is_sorted_by(|a, b| a > b), "newest first");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_hides_what_is_proposed_but_not_what_is_said() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    let (caller, repo) = (&owned.caller, &owned.repo);
    let (bob, _) = stranger(&hub, &owned, "bob").await;
    hub.create_discussion(caller, repo, "t", "", true).await.unwrap();
    commit(&hub, caller, repo, "refs/pr/1", vec![file("secret", "content\n")]).await.unwrap();
    let change = RepoChange { visibility: None, gated: Some(Gated::Manual) };
    hub.change_repo(caller, repo, change).await.unwrap();
    assert!(details(&hub, &owned, 1).await.diff.unwrap().contains("+content"));
    let view = DiscussionView { diff: true, ..DiscussionView::default() };
    for outsider in [&bob, &Caller::Anonymous] {
        let repo = hub.open(outsider, RepoKind::Model, repo.id(), Action::Discover).await.unwrap();
        let seen = hub.discussion(outsider, &repo, 1, &view).await.unwrap();
        assert_eq!((seen.diff, seen.events.len()), (None, 2));
    }
}
