//! People whom providers know, roles that groups give, and publishers.

use super::{NOW, at, org, put, read, repo, user};
use crate::{Db, NewPublisher, NewToken, PublisherOf, Role, TokenKind, TokenRole};

pub(super) async fn subjects_lead_to_their_users(db: &Db) {
    let (alice, bob) = (user(db, "alice").await, user(db, "bob").await);
    put(db, move |tx| {
        Box::pin(async move {
            assert!(tx.insert_identity("https://a", "1", alice, NOW).await?);
            assert!(!tx.insert_identity("https://a", "1", bob, NOW).await?, "it is tied to alice");
            assert!(tx.insert_identity("https://b", "1", bob, NOW).await?);
            tx.touch_identity("https://a", "1", at(1)).await?;
            assert!(tx.use_sign_in(&[1; 32], NOW, at(10)).await?);
            assert!(!tx.use_sign_in(&[1; 32], at(9), at(19)).await?);
            assert!(tx.use_sign_in(&[1; 32], at(11), at(21)).await?, "it was forgotten");
            Ok(())
        })
    })
    .await;
    let mut reader = read(db).await;
    for (issuer, subject, expected) in
        [("https://a", "1", Some(alice)), ("https://b", "1", Some(bob)), ("https://a", "2", None)]
    {
        let found = reader.user_by_identity(issuer, subject).await.unwrap();
        assert_eq!(found.map(|account| account.id), expected, "{issuer} {subject}");
    }
    drop(reader);
    assert_eq!(
        put(db, move |tx| Box::pin(async move { tx.delete_identities(alice, "https://b").await })).await,
        0
    );
    assert_eq!(
        put(db, move |tx| Box::pin(async move { tx.delete_identities(alice, "https://a").await })).await,
        1
    );
    assert_eq!(read(db).await.user_by_identity("https://a", "1").await.unwrap(), None);
}

pub(super) async fn groups_leave_alone_what_hands_gave(db: &Db) {
    let alice = user(db, "alice").await;
    let (acme, zoo) = (org(db, "acme").await, org(db, "zoo").await);
    put(db, move |tx| {
        Box::pin(async move {
            tx.upsert_member(acme, alice, Role::Read).await?;
            assert!(!tx.upsert_member_by_issuer(acme, alice, Role::Admin, "https://a").await?);
            assert!(tx.upsert_member_by_issuer(zoo, alice, Role::Write, "https://a").await?);
            assert!(!tx.upsert_member_by_issuer(zoo, alice, Role::Write, "https://a").await?, "he has it");
            assert!(!tx.upsert_member_by_issuer(zoo, alice, Role::Read, "https://b").await?);
            assert!(tx.upsert_member_by_issuer(zoo, alice, Role::Admin, "https://a").await?);
            Ok(())
        })
    })
    .await;
    let given = read(db).await.memberships_by_issuer(alice, "https://a").await.unwrap();
    assert_eq!(given.iter().map(|(org, role)| (org.id, *role)).collect::<Vec<_>>(), [(zoo, Role::Admin)]);
    assert_eq!(read(db).await.role_in(acme, alice).await.unwrap(), Some(Role::Read));
    put(db, move |tx| Box::pin(async move { tx.upsert_member(zoo, alice, Role::Read).await })).await;
    assert!(read(db).await.memberships_by_issuer(alice, "https://a").await.unwrap().is_empty());
}

pub(super) async fn tokens_end_with_their_publisher(db: &Db) {
    let alice = user(db, "alice").await;
    let model = repo(db, alice, "alice/m").await.id;
    let new = move |of| NewPublisher {
        of,
        user_id: alice,
        issuer: "https://a".to_owned(),
        claims: "{}".to_owned(),
        created_at: NOW,
    };
    let (of_repo, of_account) = (PublisherOf::Repo(model), PublisherOf::Account(alice));
    let id = put(db, move |tx| {
        Box::pin(async move {
            tx.insert_publisher(&new(of_account)).await?;
            let id = tx.insert_publisher(&new(of_repo)).await?;
            let token = NewToken {
                user_id: alice,
                name: "ci".to_owned(),
                role: TokenRole::FineGrained,
                kind: TokenKind::Publisher,
                hash: [1; 32],
                created_at: NOW,
                expires_at: Some(at(10)),
                scopes: None,
                publisher_id: Some(id),
            };
            tx.insert_token(&token).await?;
            assert!(tx.touch_publisher(id, at(1)).await?);
            Ok(id)
        })
    })
    .await;
    let mut reader = read(db).await;
    let listed = reader.publishers_of(of_repo, 9).await.unwrap();
    assert_eq!(listed.iter().map(|found| (found.id, found.used_at)).collect::<Vec<_>>(), [(id, Some(at(1)))]);
    assert_eq!(reader.publishers_of(of_account, 9).await.unwrap().len(), 1);
    assert!(reader.token_by_hash(&[1; 32]).await.unwrap().is_some());
    drop(reader);
    put(db, move |tx| {
        Box::pin(async move {
            assert_eq!(tx.delete_publisher(of_account, id).await?, None, "it is the repo's");
            assert_eq!(tx.delete_publisher(of_repo, id).await?.map(|gone| gone.id), Some(id));
            assert!(!tx.touch_publisher(id, at(2)).await?);
            assert_eq!(tx.token_by_hash(&[1; 32]).await?, None);
            Ok(())
        })
    })
    .await;
    put(db, move |tx| Box::pin(async move { tx.delete_repo(model).await })).await;
}
