//! Followers, and what an account's page counts.

use lyceum_core::RepoKind;

use super::{NOW, new_repo, org, put, read, repo, user};
use crate::{Db, OrgCounts, Role, UserCounts, Viewer, Visibility};

pub(super) async fn followers_and_counts(db: &Db) {
    let (alice, bob, acme) = (user(db, "alice").await, user(db, "bob").await, org(db, "acme").await);
    let open = repo(db, alice, "alice/open").await.id;
    let hidden = new_repo(acme, "acme/hidden", Visibility::Private);
    let follow =
        |from, to, on| put(db, move |tx| Box::pin(async move { tx.set_follow(from, to, on, NOW).await }));
    assert!(follow(bob, alice, true).await && follow(bob, acme, true).await);
    assert!(!follow(bob, alice, true).await, "once is enough");
    put(db, move |tx| {
        Box::pin(async move {
            let hidden = tx.insert_repo(&hidden).await?.expect("the name is free");
            tx.upsert_member(acme, alice, Role::Read).await?;
            tx.set_like(open, alice, true, NOW).await?;
            tx.set_like(hidden, alice, true, NOW).await
        })
    })
    .await;

    let mut reader = read(db).await;
    let followers = reader.followers_of(alice, None, 9).await.unwrap();
    assert_eq!(followers.iter().map(|account| account.id).collect::<Vec<_>>(), [bob]);
    let followed = reader.followed_by(bob, Some(alice), 9).await.unwrap();
    assert_eq!(followed.iter().map(|account| account.id).collect::<Vec<_>>(), [acme]);
    assert_eq!(reader.follows_among(bob, &[alice, bob, 99]).await.unwrap(), [alice]);
    assert!(reader.follows_among(alice, &[bob]).await.unwrap().is_empty());

    let (nobody, member) = (Viewer::default(), Viewer { user_id: Some(alice), admin: false, scope: None });
    let root = Viewer { user_id: None, admin: true, scope: None };
    assert_eq!(reader.repo_counts(acme, nobody).await.unwrap(), []);
    for viewer in [member, root] {
        assert_eq!(reader.repo_counts(acme, viewer).await.unwrap(), [(RepoKind::Model, 1)]);
        assert_eq!(reader.user_counts(alice, viewer).await.unwrap().likes, 2);
    }
    let counts = UserCounts { likes: 1, followers: 1, ..UserCounts::default() };
    assert_eq!(reader.user_counts(alice, nobody).await.unwrap(), counts);
    assert_eq!(reader.liked_repos(alice, nobody, None, 9).await.unwrap().len(), 1);
    assert_eq!(reader.liked_repos(alice, member, None, 9).await.unwrap().len(), 2);
    assert_eq!(reader.org_counts(acme).await.unwrap(), OrgCounts { members: 1, followers: 1 });
    drop(reader);
    assert!(follow(bob, alice, false).await && !follow(bob, alice, false).await);
}
