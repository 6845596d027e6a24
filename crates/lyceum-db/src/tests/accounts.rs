//! Accounts, tokens and device grants.

use lyceum_core::RepoKind;

use super::{NOW, at, id, name, new_account, new_repo, org, put, read, user};
use crate::{
    AccountKind, Db, DeviceGrant, GrantState, ListQuery, NewToken, RefreshToken, Role, TokenKind, TokenRole,
    Visibility,
};

pub(super) async fn names_and_addresses_are_unique(db: &Db) {
    let alice = user(db, "Alice").await;
    let bob = user(db, "bob").await;
    for (account, email) in [("aLICE", "other@example.com"), ("carol", "ALICE@example.COM")] {
        let mut new = new_account(AccountKind::Org, account);
        new.email = Some(email.to_owned());
        let id = put(db, |tx| Box::pin(async move { tx.insert_account(&new).await })).await;
        assert_eq!(id, None, "{account} {email}");
    }
    org(db, "carol").await;
    org(db, "dave").await;
    let mut reader = read(db).await;
    let found = reader.account_by_name(&name("ALICE")).await.unwrap().unwrap();
    assert_eq!((found.id, found.name.as_str(), found.created_at), (alice, "Alice", NOW));
    assert_eq!(found.email.as_deref(), Some("Alice@example.com"));
    assert_eq!(reader.account_by_email("alice@EXAMPLE.com").await.unwrap().unwrap().id, alice);
    assert_eq!(reader.account(bob).await.unwrap().unwrap().name, name("bob"));
    assert_eq!(reader.account(bob + 100).await.unwrap(), None);
    let mut accounts = reader.accounts(&[bob, alice, bob + 100]).await.unwrap();
    accounts.sort_by_key(|account| account.id);
    assert_eq!(accounts.iter().map(|account| account.id).collect::<Vec<_>>(), [alice, bob]);
    assert_eq!(reader.users_count().await.unwrap(), 2);
    let first = reader.accounts_page(AccountKind::Org, None, 1).await.unwrap();
    assert_eq!(first[0].name, name("carol"));
    let second = reader.accounts_page(AccountKind::Org, Some(&first[0].name), 9).await.unwrap();
    assert_eq!(second.iter().map(|account| account.name.as_str()).collect::<Vec<_>>(), ["dave"]);
    drop(reader);

    put(db, move |tx| {
        Box::pin(async move {
            assert!(tx.set_password(alice, "$argon2id$").await?);
            assert!(tx.set_profile(alice, "Alice A.", true).await?);
            assert_eq!(tx.lock_administrators().await?, []);
            assert!(tx.set_admin(alice, true).await?);
            assert_eq!(tx.lock_administrators().await?, [alice]);
            assert!(tx.set_disabled(alice, true).await?);
            assert_eq!(tx.lock_administrators().await?, []);
            assert!(!tx.set_password(alice + 100, "x").await?);
            Ok(())
        })
    })
    .await;
    let alice = read(db).await.account(alice).await.unwrap().unwrap();
    assert_eq!(alice.password_hash.as_deref(), Some("$argon2id$"));
    assert_eq!((alice.full_name.as_str(), alice.admin, alice.private_by_default), ("Alice A.", true, true));
    assert!(alice.disabled);
    let mut reader = read(db).await;
    for (start, after, expected) in
        [("a", "", 1), ("a", "alice", 0), ("A", "al", 1), ("b", "", 1), ("", "alice", 1)]
    {
        let found = reader.accounts_starting_after(AccountKind::User, start, after, 9).await.unwrap();
        assert_eq!(found.len(), expected, "{start:?} after {after:?}");
    }
}

pub(super) async fn members_and_roles(db: &Db) {
    let (alice, bob) = (user(db, "alice").await, user(db, "bob").await);
    let (acme, zoo) = (org(db, "acme").await, org(db, "Zoo").await);
    put(db, move |tx| {
        Box::pin(async move {
            tx.upsert_member(zoo, alice, Role::Read).await?;
            tx.upsert_member(acme, alice, Role::Write).await?;
            tx.upsert_member(acme, alice, Role::Admin).await?;
            tx.upsert_member(acme, bob, Role::Contributor).await
        })
    })
    .await;
    let mut reader = read(db).await;
    assert_eq!(reader.role_in(acme, alice).await.unwrap(), Some(Role::Admin));
    assert_eq!(reader.role_in(zoo, bob).await.unwrap(), None);
    assert_eq!(reader.members_with_role(acme, Role::Admin).await.unwrap(), 1);
    let of_alice = reader.memberships_of(alice).await.unwrap();
    assert_eq!(
        of_alice.iter().map(|(org, role)| (org.id, *role)).collect::<Vec<_>>(),
        [(acme, Role::Admin), (zoo, Role::Read)]
    );
    let first = reader.members_of(acme, None, 1).await.unwrap();
    let second = reader.members_of(acme, Some(first[0].0.id), 9).await.unwrap();
    assert_eq!((first[0].0.id, second.len(), second[0].0.id), (alice, 1, bob));
    drop(reader);
    assert!(put(db, move |tx| Box::pin(async move { tx.remove_member(acme, bob).await })).await);
    assert!(!put(db, move |tx| Box::pin(async move { tx.remove_member(acme, bob).await })).await);
    assert!(Role::Read < Role::Contributor && Role::Contributor < Role::Write && Role::Write < Role::Admin);
}

pub(super) async fn resource_groups_give_roles(db: &Db) {
    let (alice, bob, carol) = (user(db, "alice").await, user(db, "bob").await, user(db, "carol").await);
    let acme = org(db, "acme").await;
    let new = new_repo(acme, "acme/shared", Visibility::Private);
    let shared = put(db, move |tx| Box::pin(async move { tx.insert_repo(&new).await })).await.unwrap();
    let group = put(db, move |tx| {
        Box::pin(async move {
            tx.upsert_member(acme, alice, Role::Admin).await?;
            tx.upsert_member(acme, bob, Role::Write).await?;
            tx.upsert_member(acme, carol, Role::Read).await?;
            let group = tx.insert_resource_group(acme, "Team", "", NOW).await?.unwrap();
            assert_eq!(tx.insert_resource_group(acme, "tEAM", "", NOW).await?, None);
            tx.upsert_group_member(group, carol, Role::Write).await?;
            assert!(tx.set_resource_group(shared, Some(group)).await?);
            Ok(group)
        })
    })
    .await;
    let mut reader = read(db).await;
    for (user, role) in [(alice, Some(Role::Admin)), (bob, None), (carol, Some(Role::Write))] {
        let met = reader.repo_access(RepoKind::Model, &id("acme/shared"), Some(user)).await.unwrap().unwrap();
        assert_eq!(met.standing.role, role);
        let mut query = ListQuery::new(RepoKind::Model);
        query.viewer = Some(user);
        assert_eq!(reader.list_repos(&query).await.unwrap().len(), usize::from(role.is_some()), "{role:?}");
    }
    assert_eq!(reader.resource_groups(acme, Some(bob), 0, 9).await.unwrap(), []);
    assert_eq!(reader.resource_groups(acme, Some(carol), 0, 9).await.unwrap()[0].members, 1);
    assert_eq!(reader.resource_group(acme + 1, group).await.unwrap(), None);
    assert_eq!(reader.group_repos(group, 0, 9).await.unwrap()[0].resource_group_id, Some(group));
    drop(reader);
    put(db, move |tx| {
        Box::pin(async move {
            assert!(!tx.delete_resource_group(group).await?, "it has a repo");
            assert!(tx.remove_member(acme, carol).await?);
            assert_eq!(tx.role_in_group(group, carol).await?, None);
            let moving = tx.repo(shared).await?.unwrap();
            assert!(tx.move_repo(&moving, alice, &id("alice/moved"), NOW).await?);
            assert!(tx.delete_resource_group(group).await?, "a repo leaves the group with its organisation");
            Ok(())
        })
    })
    .await;
}

pub(super) async fn tokens_lead_to_their_users(db: &Db) {
    let alice = user(db, "alice").await;
    let new = |secret: u8, expires| NewToken {
        user_id: alice,
        name: "laptop".to_owned(),
        role: TokenRole::Write,
        kind: TokenKind::Access,
        hash: [secret; 32],
        created_at: NOW,
        expires_at: expires,
        scopes: None,
        publisher_id: None,
    };
    let tokens = [new(1, None), new(2, Some(at(10))), new(1, None)];
    let ids = put(db, move |tx| {
        Box::pin(async move {
            let mut ids = Vec::new();
            for token in &tokens {
                ids.push(tx.insert_token(token).await?);
            }
            Ok(ids)
        })
    })
    .await;
    assert_eq!(ids[2], None, "the hash is there already");
    let (token, account) = read(db).await.token_by_hash(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((Some(token.id), token.role, account.id), (ids[0], TokenRole::Write, alice));
    assert_eq!((token.last_used_at, token.expires_at), (None, None));
    assert_eq!(read(db).await.token_by_hash(&[3; 32]).await.unwrap(), None);
    let id = token.id;
    put(db, move |tx| Box::pin(async move { tx.touch_token(id, at(5)).await })).await;
    assert_eq!(put(db, |tx| Box::pin(async move { tx.delete_expired_tokens(at(11), 9).await })).await, 1);
    let left = read(db).await.tokens_of(alice, 0, 9).await.unwrap();
    assert_eq!((left.len(), left[0].last_used_at), (1, Some(at(5))));
    assert!(put(db, move |tx| Box::pin(async move { tx.delete_token(id).await })).await);
    assert!(!put(db, move |tx| Box::pin(async move { tx.delete_token(id).await })).await);
}

pub(super) async fn refresh_tokens_work_once(db: &Db) {
    let alice = user(db, "alice").await;
    let token = RefreshToken {
        hash: [5; 32],
        user_id: alice,
        client_id: "app".to_owned(),
        created_at: NOW,
        expires_at: at(100),
        used_at: None,
    };
    let new = token.clone();
    assert!(put(db, move |tx| Box::pin(async move { tx.insert_refresh_token(&new).await })).await);
    let take = |now| put(db, move |tx| Box::pin(async move { tx.take_refresh_token(&[5; 32], now).await }));
    assert_eq!(take(at(100)).await, None, "it has ended");
    let taken = take(at(50)).await.unwrap();
    assert_eq!(taken, RefreshToken { used_at: Some(at(50)), ..token });
    assert_eq!(take(at(51)).await, None, "it was used");
    assert_eq!(read(db).await.refresh_token(&[5; 32]).await.unwrap(), Some(taken));
}

pub(super) async fn device_grants_step_once(db: &Db) {
    let alice = user(db, "alice").await;
    let grant = DeviceGrant {
        device_hash: [6; 32],
        user_code: "ABCD-EFGH".to_owned(),
        client_id: "cli".to_owned(),
        user_id: None,
        state: GrantState::Pending,
        created_at: NOW,
        expires_at: at(100),
        last_polled_at: None,
    };
    let same_code = DeviceGrant { device_hash: [7; 32], ..grant.clone() };
    let first = grant.clone();
    put(db, move |tx| {
        Box::pin(async move {
            assert!(tx.insert_device_grant(&first).await?);
            assert!(!tx.insert_device_grant(&same_code).await?);
            tx.touch_device_grant(&[6; 32], at(1)).await
        })
    })
    .await;
    let step = |from, to, user| {
        put(db, move |tx| Box::pin(async move { tx.set_device_grant_state(&[6; 32], from, to, user).await }))
    };
    assert!(step(GrantState::Pending, GrantState::Approved, Some(alice)).await);
    assert!(!step(GrantState::Pending, GrantState::Denied, Some(alice)).await);
    assert!(step(GrantState::Approved, GrantState::Used, None).await);
    assert!(!step(GrantState::Approved, GrantState::Used, None).await);
    let found = read(db).await.device_grant_by_user_code("ABCD-EFGH").await.unwrap().unwrap();
    let expected =
        DeviceGrant { user_id: Some(alice), state: GrantState::Used, last_polled_at: Some(at(1)), ..grant };
    assert_eq!(found, expected);
    assert_eq!(read(db).await.device_grant_by_device_hash(&[6; 32]).await.unwrap(), Some(expected));
    assert_eq!(read(db).await.device_grant_by_user_code("abcd-efgh").await.unwrap(), None);
}
