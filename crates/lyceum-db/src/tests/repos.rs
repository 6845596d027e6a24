//! Repos: names, callers, counters.

use futures_util::future::join_all;
use lyceum_core::RepoKind;

use super::{NOW, at, id, new_repo, oid, org, put, read, repo, sha, user, xet};
use crate::{
    Chain, Db, DownloadCount, EventQuery, Gated, NewAccessRequest, NewEvent, NewSegment, RepoFile,
    RepoSettings, RequestState, Role, SegmentData, Viewer, Visibility,
};

const MODEL: RepoKind = RepoKind::Model;

pub(super) async fn names_aliases_and_moves(db: &Db) {
    let (alice, bob) = (user(db, "alice").await, user(db, "bob").await);
    let first = repo(db, alice, "alice/Model").await;
    assert_eq!((first.name.to_string().as_str(), first.default_branch.as_str()), ("alice/Model", "main"));
    assert_eq!((first.created_at, first.head_at, first.gated, first.downloads), (NOW, NOW, Gated::No, 0));
    let taken = new_repo(alice, "Alice/model", Visibility::Private);
    assert_eq!(put(db, |tx| Box::pin(async move { tx.insert_repo(&taken).await })).await, None);
    let mut dataset = new_repo(alice, "alice/model", Visibility::Private);
    dataset.kind = RepoKind::Dataset;
    assert!(put(db, |tx| Box::pin(async move { tx.insert_repo(&dataset).await })).await.is_some());

    // alice/Model becomes bob/x, then bob/y; old names lead there until somebody takes them.
    let second = repo(db, bob, "bob/taken").await;
    let moved = put(db, {
        let first = first.clone();
        move |tx| {
            Box::pin(async move {
                assert!(!tx.move_repo(&first, bob, &id("bob/TAKEN"), at(1)).await?);
                assert!(tx.move_repo(&first, bob, &id("bob/x"), at(1)).await?);
                assert!(
                    !tx.move_repo(&first, bob, &id("bob/z"), at(1)).await?,
                    "it is not called so any more"
                );
                let now = tx.repo(first.id).await?.unwrap();
                assert!(tx.move_repo(&now, bob, &id("bob/y"), at(2)).await?);
                let now = tx.repo(first.id).await?.unwrap();
                assert!(tx.move_repo(&now, bob, &id("Bob/Y"), at(3)).await?, "case alone may change");
                Ok(tx.repo(first.id).await?.unwrap())
            })
        }
    })
    .await;
    assert_eq!((moved.owner_id, moved.name.to_string().as_str(), moved.updated_at), (bob, "Bob/Y", at(3)));
    let mut reader = read(db).await;
    for old in ["alice/model", "BOB/X"] {
        assert_eq!(reader.repo_by_key(MODEL, &id(old)).await.unwrap(), None, "{old}");
        assert_eq!(
            reader.repo_access(MODEL, &id(old), None).await.unwrap().unwrap().repo.id,
            first.id,
            "{old}"
        );
    }
    assert_eq!(reader.repo_by_key(MODEL, &id("bob/y")).await.unwrap().unwrap().id, first.id);
    assert_eq!(reader.repo_by_key(RepoKind::Space, &id("bob/y")).await.unwrap(), None);
    drop(reader);

    // A new repo takes an old name over; a move back takes its own.
    let new = repo(db, alice, "alice/model").await;
    assert_eq!(
        read(db).await.repo_access(MODEL, &id("alice/Model"), None).await.unwrap().unwrap().repo.id,
        new.id
    );
    put(db, move |tx| Box::pin(async move { tx.move_repo(&moved, bob, &id("bob/x"), at(4)).await })).await;
    let of_bob = read(db).await.owned_repos(bob, false, 0, 9).await.unwrap();
    assert_eq!(of_bob, [first.id, second.id]);
    assert_eq!(read(db).await.repos_count(MODEL).await.unwrap(), 3);
    let all = read(db).await.all_repos(first.id, 100).await.unwrap();
    assert_eq!(all.len(), 3);
}

pub(super) async fn one_of_many_takes_a_name(db: &Db) {
    let alice = user(db, "alice").await;
    let mut repos = Vec::new();
    for number in 0..8 {
        repos.push(repo(db, alice, &format!("alice/m{number}")).await);
    }
    let moves = repos.into_iter().map(|repo| {
        let db = db.clone();
        tokio::spawn(async move {
            put(&db, move |tx| {
                Box::pin(async move { tx.move_repo(&repo, alice, &id("alice/wanted"), at(1)).await })
            })
            .await
        })
    });
    let won = join_all(moves).await.into_iter().filter(|won| *won.as_ref().unwrap()).count();
    assert_eq!(won, 1);
    assert_eq!(read(db).await.owned_repos(alice, false, 0, 9).await.unwrap().len(), 8);
}

pub(super) async fn callers_meet_their_role(db: &Db) {
    let (alice, bob) = (user(db, "alice").await, user(db, "bob").await);
    let acme = org(db, "acme").await;
    put(db, move |tx| Box::pin(async move { tx.upsert_member(acme, bob, Role::Write).await })).await;
    let own = repo(db, alice, "alice/own").await;
    let shared = repo(db, acme, "acme/shared").await;
    put(db, {
        let (own, shared) = (own.id, shared.id);
        move |tx| {
            Box::pin(async move {
                assert!(tx.cas_ref(own, "refs/heads/v1", None, Some((oid(1), oid(1))), at(1)).await?);
                assert!(tx.cas_ref(own, "refs/tags/v1", None, Some((oid(2), oid(3))), at(2)).await?);
                assert!(tx.cas_ref(own, "refs/tags/v2", None, Some((oid(4), oid(5))), at(3)).await?);
                tx.insert_alias(MODEL, &id("acme/old"), shared).await
            })
        }
    })
    .await;
    let mut reader = read(db).await;
    let cases = [
        ("alice/own", None, None),
        ("alice/own", Some(alice), Some(Role::Admin)),
        ("alice/own", Some(bob), None),
        ("acme/shared", Some(bob), Some(Role::Write)),
        ("acme/SHARED", Some(alice), None),
        ("acme/old", Some(bob), Some(Role::Write)),
    ];
    for (name, caller, role) in cases {
        let met = reader.repo_access(MODEL, &id(name), caller).await.unwrap().unwrap();
        assert_eq!(met.standing.role, role, "{name} {caller:?}");
        let with = reader.repo_with_ref(MODEL, &id(name), caller, ["refs/heads/v1", "refs/tags/v1"]).await;
        let with = with.unwrap().unwrap();
        assert_eq!((&with.repo, with.standing.role), (&met.repo, role), "{name} {caller:?}");
        assert_eq!(with.found.is_some(), with.repo.id == own.id);
    }
    assert_eq!(reader.repo_access(MODEL, &id("alice/none"), Some(alice)).await.unwrap(), None);
    assert_eq!(reader.repo_with_ref(MODEL, &id("alice/none"), None, ["a", "b"]).await.unwrap(), None);
    for (version, expected) in
        [("v1", Some((oid(1), oid(1), at(1)))), ("v2", Some((oid(4), oid(5), at(3)))), ("v3", None)]
    {
        let refs = [format!("refs/heads/{version}"), format!("refs/tags/{version}")];
        let met =
            reader.repo_with_ref(MODEL, &id("alice/own"), None, [&refs[0], &refs[1]]).await.unwrap().unwrap();
        let found = met.found.map(|found| (found.target, found.peeled, found.updated_at));
        assert_eq!(found, expected, "{version}");
    }
}

pub(super) async fn deleted_repo_takes_all_along(db: &Db) {
    let alice = user(db, "alice").await;
    let (gone, kept) = (repo(db, alice, "alice/gone").await.id, repo(db, alice, "alice/kept").await.id);
    put(db, move |tx| {
        Box::pin(async move {
            for repo_id in [gone, kept] {
                for data in [SegmentData::Inline(vec![1]), SegmentData::Blob(format!("segments/{repo_id}"))] {
                    let seq = tx.take_segment_number(repo_id).await?.unwrap();
                    let new = NewSegment {
                        repo_id,
                        seq,
                        objects: 1,
                        bytes: 1,
                        idx: vec![2],
                        data,
                        source: "commit".to_owned(),
                        created_at: NOW,
                    };
                    assert!(tx.insert_segment(&new).await?);
                }
                tx.cas_ref(repo_id, "refs/heads/main", None, Some((oid(1), oid(1))), NOW).await?;
                let file = RepoFile {
                    repo_id,
                    sha256: sha(1),
                    size: 1,
                    xet_hash: xet(1),
                    verified: true,
                    pusher_id: 1,
                    file_name: "a".to_owned(),
                    ref_name: String::new(),
                    pushed_at: NOW,
                };
                tx.link_repo_file(&file).await?;
                tx.link_repo_xet_file(repo_id, &xet(2), NOW).await?;
                tx.set_like(repo_id, alice, true, NOW).await?;
                let action = "repo.create".to_owned();
                let detail = "{}".to_owned();
                tx.append_event(&NewEvent {
                    repo_id: Some(repo_id),
                    actor_id: None,
                    action,
                    detail,
                    at: NOW,
                })
                .await?;
            }
            assert_eq!(tx.segment_blob_keys(gone).await?, [format!("segments/{gone}")]);
            assert!(tx.delete_repo(gone).await?);
            assert!(!tx.delete_repo(gone).await?);
            assert_eq!(tx.take_segment_number(gone).await?, None);
            assert_eq!(tx.take_discussion_number(gone).await?, None);
            Ok(())
        })
    })
    .await;
    let mut reader = read(db).await;
    for (repo_id, there) in [(gone, false), (kept, true)] {
        assert_eq!(reader.repo(repo_id).await.unwrap().is_some(), there);
        assert_eq!(reader.segment_numbers(repo_id).await.unwrap().len(), 2 * usize::from(there));
        assert_eq!(reader.refs(repo_id).await.unwrap().len(), usize::from(there));
        assert_eq!(reader.repo_has_xet_file(repo_id, &xet(1)).await.unwrap(), there);
        assert_eq!(reader.repo_has_xet_file(repo_id, &xet(2)).await.unwrap(), there);
        let events = EventQuery { before: i64::MAX, repo_id: Some(repo_id), ..EventQuery::default() };
        assert_eq!(reader.events_found(&events, 9).await.unwrap().len(), 1, "events stay");
    }
    assert_eq!(reader.verify_events(kept).await.unwrap(), Chain::Intact { events: 1 });
    assert_eq!(reader.liked_repos(alice, Viewer::default(), None, 9).await.unwrap().len(), 1);
    drop(reader);
    assert!(repo(db, alice, "alice/gone").await.id > kept, "numbers are not used again");
}

pub(super) async fn downloads_and_likes_add_up(db: &Db) {
    let (alice, bob) = (user(db, "alice").await, user(db, "bob").await);
    let (one, two) = (repo(db, alice, "alice/one").await.id, repo(db, alice, "alice/two").await.id);
    let count = |repo_id, day: &str, count| DownloadCount { repo_id, day: day.to_owned(), count };
    let counts = vec![
        count(two, "2023-11-01", 5),
        count(one, "2023-11-14", 2),
        count(one, "2023-11-14", 1),
        count(one, "2023-11-02", 10),
        count(two + 100, "2023-11-14", 1),
    ];
    join_all((0..8).map(|_| {
        let counts = counts.clone();
        put(db, |tx| Box::pin(async move { tx.add_downloads(&counts).await }))
    }))
    .await;
    let like =
        |user, like| put(db, move |tx| Box::pin(async move { tx.set_like(one, user, like, at(user)).await }));
    assert!(like(alice, true).await && like(bob, true).await);
    assert!(!like(bob, true).await, "once is enough");
    let found = read(db).await.repo(one).await.unwrap().unwrap();
    assert_eq!((found.downloads, found.downloads_all, found.likes, found.trending), (104, 104, 2, 106));
    let days = read(db).await.downloads_by_day(one, "2023-11-02").await.unwrap();
    assert_eq!(days, [("2023-11-02".to_owned(), 80), ("2023-11-14".to_owned(), 24)]);

    let refresh = |after| {
        put(db, move |tx| {
            Box::pin(async move { tx.refresh_download_totals("2023-11-02", "2023-11-08", after, 1).await })
        })
    };
    assert_eq!(refresh(0).await, Some(one));
    assert_eq!(refresh(one).await, Some(two));
    assert_eq!(refresh(two).await, None);
    let found = read(db).await.repo(one).await.unwrap().unwrap();
    assert_eq!((found.downloads, found.downloads_all, found.likes, found.trending), (104, 104, 2, 26));
    let found = read(db).await.repo(two).await.unwrap().unwrap();
    assert_eq!((found.downloads, found.downloads_all, found.trending), (0, 40, 0));

    let likers = read(db).await.likers(one, None, 1).await.unwrap();
    assert_eq!(likers[0].id, alice);
    assert_eq!(read(db).await.likers(one, Some(alice), 9).await.unwrap()[0].id, bob);
    assert!(like(bob, false).await && !like(bob, false).await);
    assert_eq!(read(db).await.repo(one).await.unwrap().unwrap().likes, 1);
    let liked = read(db).await.liked_repos(alice, Viewer::default(), None, 9).await.unwrap();
    assert_eq!((liked[0].0.id, liked[0].1), (one, at(alice)));
    let after = Some((liked[0].1, one));
    assert!(read(db).await.liked_repos(alice, Viewer::default(), after, 9).await.unwrap().is_empty());
}

pub(super) async fn requests_for_access(db: &Db) {
    let (alice, bob) = (user(db, "alice").await, user(db, "bob").await);
    let gated = repo(db, alice, "alice/gated").await.id;
    put(db, move |tx| {
        Box::pin(async move {
            let settings = RepoSettings {
                visibility: Some(Visibility::Private),
                gated: Some(Gated::Manual),
                disabled: Some(true),
                ..RepoSettings::default()
            };
            assert!(tx.update_repo_settings(gated, &settings, at(1)).await?);
            let settings = RepoSettings { default_branch: Some("dev".to_owned()), ..RepoSettings::default() };
            assert!(tx.update_repo_settings(gated, &settings, at(2)).await?);
            assert!(!tx.update_repo_settings(gated + 100, &settings, at(2)).await?);
            tx.touch_repo(gated, at(4), Some(at(3))).await?;
            tx.touch_repo(gated, at(5), None).await?;
            let mut request = NewAccessRequest {
                repo_id: gated,
                user_id: bob,
                state: RequestState::Rejected,
                fields: Some("{\"why\":1}".to_owned()),
                reason: Some("no".to_owned()),
                expires_at: None,
            };
            tx.put_access_request(&request, at(1)).await?;
            request.state = RequestState::Accepted;
            (request.fields, request.reason, request.expires_at) = (None, None, Some(at(9)));
            tx.put_access_request(&request, at(2)).await
        })
    })
    .await;
    let found = read(db).await.repo(gated).await.unwrap().unwrap();
    assert_eq!((found.visibility, found.gated, found.disabled), (Visibility::Private, Gated::Manual, true));
    assert_eq!((found.default_branch.as_str(), found.updated_at, found.head_at), ("dev", at(5), at(3)));
    let request = read(db).await.access_request(gated, bob).await.unwrap().unwrap();
    assert_eq!((request.state, request.user.as_str()), (RequestState::Accepted, "bob"));
    assert_eq!(request.fields.as_deref(), Some("{\"why\":1}"));
    assert_eq!((request.created_at, request.updated_at), (at(1), at(2)));
    let standing = read(db).await.repo_access(MODEL, &found.name, Some(bob)).await.unwrap().unwrap().standing;
    assert_eq!((standing.request, standing.expires_at), (Some(RequestState::Accepted), Some(at(9))));
    assert_eq!((standing.role, standing.reason), (None, None));
    assert_eq!(read(db).await.access_request(gated, alice).await.unwrap(), None);
    let listed = read(db).await.access_requests(gated, RequestState::Accepted, None, 9).await.unwrap();
    assert_eq!(listed, [request]);
    assert!(read(db).await.access_requests(gated, RequestState::Pending, None, 9).await.unwrap().is_empty());
    assert!(put(db, move |tx| Box::pin(async move { tx.delete_access_request(gated, bob).await })).await);
}

pub(super) async fn settings_are_made_once(db: &Db) {
    let made = join_all((0_u8..16).map(|number| {
        put(db, move |tx| Box::pin(async move { tx.put_setting_if_absent("key", &[number; 4]).await }))
    }))
    .await;
    assert!(made.iter().all(|value| value == &made[0]), "all get the same");
    assert_eq!(read(db).await.setting("key").await.unwrap().as_ref(), Some(&made[0]));
    assert_eq!(read(db).await.setting("other").await.unwrap(), None);
    put(db, |tx| Box::pin(async move { tx.put_setting("key", b"new").await })).await;
    assert_eq!(read(db).await.setting("key").await.unwrap().as_deref(), Some(&b"new"[..]));
}
