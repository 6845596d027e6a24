use std::net::IpAddr;

use crate::testing::TestHub;
use lyceum_core::AccountName;
use lyceum_db::TokenKind;

use crate::{
    Caller, DevicePoll, ErrorKind, NewServiceAccount, NewToken, NewUser, TokenLimits, TokenRole, TokenScope,
};

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_tokens_sign_in() {
    for hub in TestHub::each().await {
        let (caller, secret) = hub.user("alice").await;
        assert!(secret.starts_with("hf_") && secret.len() == 37, "{secret}");
        assert_eq!(hub.whoami(&caller).await.unwrap().account.name.as_str(), "alice");
        assert_eq!(hub.authenticate("hf_wrong").await.unwrap_err().kind(), ErrorKind::InvalidCredentials);
        assert!(hub.authenticate_basic("alice", "correct horse", None).await.is_ok());
        assert!(hub.authenticate_basic("whoever", &secret, None).await.is_ok());
        for (name, password) in [("alice", "wrong"), ("nobody", "correct horse"), ("alice", "")] {
            assert_eq!(
                hub.sign_in(name, password, None).await.unwrap_err().kind(),
                ErrorKind::InvalidCredentials
            );
        }
        let session = hub.sign_in("ALICE", "correct horse", None).await.unwrap();
        assert!(hub.authenticate(&session).await.is_ok());
        hub.sign_out(&session).await.unwrap();
        assert!(hub.authenticate(&session).await.is_err());
        let again =
            NewUser { name: "Alice".to_owned(), full_name: None, email: None, admin: false, password: None };
        assert_eq!(hub.create_user(again).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_end_and_sessions_do_not() {
    let hub = TestHub::new().await;
    hub.user("alice").await;
    let (here, there) = (Some(IpAddr::from([192, 0, 2, 1])), Some(IpAddr::from([192, 0, 2, 2])));
    let session = hub.sign_in("alice", "correct horse", there).await.unwrap();
    for name in ["alice", "nobody"] {
        for attempt in 0..12 {
            // Pages and git count together.
            let error = if attempt % 2 == 0 {
                hub.sign_in(name, "wrong", here).await.unwrap_err()
            } else {
                hub.authenticate_basic(name, "wrong", here).await.unwrap_err()
            };
            let expected =
                if attempt < 10 { ErrorKind::InvalidCredentials } else { ErrorKind::TooManyRequests };
            assert_eq!(error.kind(), expected, "{name} {attempt}");
            assert_eq!(error.retry_seconds().is_some(), attempt >= 10);
        }
    }
    let right = hub.sign_in("alice", "correct horse", here).await.unwrap_err();
    assert_eq!(right.kind(), ErrorKind::TooManyRequests, "the right one comes too late");
    assert!(hub.authenticate(&session).await.is_ok(), "who is signed in stays so");
    hub.sign_in("alice", "correct horse", there).await.unwrap();
    hub.advance_seconds(600);
    for _ in 0..20 {
        hub.sign_in("alice", "correct horse", here).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_checked_was_no_guess() {
    let hub = TestHub::new().await;
    hub.user("alice").await;
    hub.inner.password_work.close();
    for _ in 0..20 {
        let error = hub.sign_in("alice", "correct horse", None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn service_accounts_have_tokens_only() {
    let hub = TestHub::new().await;
    let service = NewServiceAccount { name: "ci".to_owned(), full_name: None, email: None };
    assert!(hub.create_service_account(service).await.unwrap().service);
    let name = AccountName::parse("ci").unwrap();
    let token = NewToken { name: "t".to_owned(), role: TokenRole::Write, value: None };
    let secret = hub.create_token(&name, token).await.unwrap();
    assert!(hub.authenticate_basic("ci", &secret, None).await.is_ok(), "as git sends it");
    for password in ["", "correct horse"] {
        assert_eq!(
            hub.sign_in("ci", password, None).await.unwrap_err().kind(),
            ErrorKind::InvalidCredentials
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_have_ends_limits_and_a_last_use() {
    for hub in TestHub::each().await {
        hub.user("alice").await;
        hub.user("bob").await;
        let name = |name: &str| AccountName::parse(name).unwrap();
        let new = |role| NewToken { name: "t".to_owned(), role, value: None };
        let limits = |scope: &str| TokenLimits {
            scopes: vec![TokenScope::parse(scope).unwrap()],
            ..TokenLimits::default()
        };
        let fine = TokenRole::FineGrained;
        for (role, limits, kind) in [
            (fine, limits("org:none=repo.write"), ErrorKind::NotFound),
            (fine, limits("model:alice/none=repo.write"), ErrorKind::NotFound),
            (fine, limits("everywhere=repo.write"), ErrorKind::Invalid),
            (TokenRole::Write, limits("user:bob=repo.write"), ErrorKind::Invalid),
            (
                fine,
                TokenLimits {
                    scopes: vec![limits("user:bob=repo.write").scopes.remove(0); 65],
                    ..TokenLimits::default()
                },
                ErrorKind::Invalid,
            ),
            (
                TokenRole::Read,
                TokenLimits { expires_at: Some(hub.clock().now()), ..TokenLimits::default() },
                ErrorKind::Invalid,
            ),
        ] {
            let made = hub.create_limited_token(&name("alice"), new(role), limits).await;
            assert_eq!(made.unwrap_err().kind(), kind);
        }
        for wrong in [
            "repo.write",
            "user:alice",
            "user:alice=",
            "user:alice=all",
            "galaxy:a/b=repo.write",
            "=repo.write",
        ] {
            assert_eq!(TokenScope::parse(wrong).unwrap_err().kind(), ErrorKind::Invalid, "{wrong}");
        }
        let secret =
            hub.create_limited_token(&name("alice"), new(fine), limits("user:bob=org.read")).await.unwrap();
        let token = hub.tokens(&name("alice"), 0).await.unwrap().pop().unwrap();
        assert_eq!(token.fine_grained.unwrap().scoped[0].name, "bob");
        assert_eq!(hub.revoke_token(&name("bob"), token.id).await.unwrap_err().kind(), ErrorKind::NotFound);
        hub.revoke_token(&name("alice"), token.id).await.unwrap();
        assert!(hub.authenticate(&secret).await.is_err());
        assert_eq!(hub.tokens(&name("alice"), 0).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_imported_once_per_user() {
    let hub = TestHub::new().await;
    hub.user("alice").await;
    hub.user("bob").await;
    let import = |user: &str| {
        let token =
            NewToken { name: "ci".to_owned(), role: TokenRole::Write, value: Some("hf_imported".to_owned()) };
        let user = lyceum_core::AccountName::parse(user).unwrap();
        let hub = hub.hub().clone();
        async move { hub.create_token(&user, token).await.map_err(|error| error.kind()) }
    };
    assert_eq!(import("alice").await, Ok("hf_imported".to_owned()));
    assert_eq!(import("alice").await, Ok("hf_imported".to_owned()));
    assert_eq!(import("bob").await, Err(ErrorKind::AlreadyExists));
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_sign_in_and_refresh() {
    for hub in TestHub::each().await {
        let (by_token, _) = hub.user("alice").await;
        let session = hub.sign_in("alice", "correct horse", None).await.unwrap();
        let alice = hub.authenticate(&session).await.unwrap();
        let start = hub.device_start("client").await.unwrap();
        let poll = async || hub.device_poll(&start.device_code, "client").await.unwrap();
        assert!(matches!(poll().await, DevicePoll::Pending));
        assert!(matches!(poll().await, DevicePoll::SlowDown));
        assert!(matches!(hub.device_poll(&start.device_code, "other").await.unwrap(), DevicePoll::Expired));
        assert_eq!(
            hub.device_decide(&by_token, &start.user_code, true).await.unwrap_err().kind(),
            ErrorKind::Forbidden
        );
        hub.device_decide(&alice, &start.user_code.to_lowercase().replace('-', " "), true).await.unwrap();
        let DevicePoll::Granted(pair) = poll().await else { panic!("the user agreed") };
        assert!(matches!(hub.authenticate(&pair.access_token).await.unwrap(), Caller::User(_)));
        assert!(matches!(poll().await, DevicePoll::Expired), "a code is good for one pair");
        let renewed =
            hub.refresh_token(&pair.refresh_token, "client").await.unwrap().expect("the token is fresh");
        assert!(hub.authenticate(&renewed.access_token).await.is_ok());
        assert!(
            hub.refresh_token(&pair.refresh_token, "client").await.unwrap().is_none(),
            "a refresh token works once"
        );
        hub.advance_seconds(9 * 3600);
        assert!(hub.authenticate(&renewed.access_token).await.is_err(), "access tokens end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_login_is_not_renewed() {
    for hub in TestHub::each().await {
        hub.user("alice").await;
        let name = AccountName::parse("alice").unwrap();
        let session = hub.sign_in("alice", "correct horse", None).await.unwrap();
        let alice = hub.authenticate(&session).await.unwrap();
        let start = hub.device_start("client").await.unwrap();
        hub.device_decide(&alice, &start.user_code, true).await.unwrap();
        let granted = hub.device_poll(&start.device_code, "client").await.unwrap();
        let DevicePoll::Granted(pair) = granted else { panic!("the user agreed") };
        let revoke = async |kind| {
            let tokens = hub.tokens(&name, 0).await.unwrap();
            let token = tokens.iter().find(|token| token.kind == kind).unwrap();
            hub.revoke_token(&name, token.id).await.unwrap();
        };
        revoke(TokenKind::Access).await;
        let renewed = hub.refresh_token(&pair.refresh_token, "client").await.unwrap();
        let renewed = renewed.expect("a token of another kind has nothing to do with it");
        revoke(TokenKind::OAuth).await;
        let again = hub.refresh_token(&renewed.refresh_token, "client").await.unwrap();
        assert!(again.is_none(), "what was revoked must not come back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_what_the_old_one_began() {
    for hub in TestHub::each().await {
        let (_, secret) = hub.user("alice").await;
        let here = Some(IpAddr::from([192, 0, 2, 1]));
        let (one, other) = (
            hub.sign_in("alice", "correct horse", here).await.unwrap(),
            hub.sign_in("alice", "correct horse", here).await.unwrap(),
        );
        let caller = hub.authenticate(&one).await.unwrap();
        for (old, new, kind) in [
            ("wrong", "battery staple", ErrorKind::InvalidCredentials),
            ("correct horse", "short", ErrorKind::Invalid),
        ] {
            assert_eq!(hub.change_password(&caller, old, new, here).await.unwrap_err().kind(), kind);
        }
        assert!(hub.authenticate(&other).await.is_ok(), "a refused change ends nothing");
        let session = hub.change_password(&caller, "correct horse", "battery staple", here).await.unwrap();
        for ended in [&one, &other] {
            assert!(hub.authenticate(ended).await.is_err());
        }
        assert!(hub.authenticate(&session).await.is_ok());
        assert!(hub.authenticate(&secret).await.is_ok(), "access tokens are not sessions");
        assert!(hub.sign_in("alice", "correct horse", here).await.is_err());
        let third = hub.sign_in("alice", "battery staple", here).await.unwrap();
        hub.end_other_sessions(&hub.authenticate(&third).await.unwrap()).await.unwrap();
        assert!(hub.authenticate(&session).await.is_err() && hub.authenticate(&third).await.is_ok());

        let caller = hub.authenticate(&third).await.unwrap();
        assert!(hub.change_full_name(&caller, "a\nb").await.is_err());
        for (given, expected) in [(" Alice A. ", "Alice A."), (" ", "alice")] {
            hub.change_full_name(&caller, given).await.unwrap();
            assert_eq!(hub.whoami(&caller).await.unwrap().account.full_name, expected);
        }
        let read = NewToken { name: "r".to_owned(), role: TokenRole::Read, value: None };
        let read = hub.create_token(&AccountName::parse("alice").unwrap(), read).await.unwrap();
        let reader = hub.authenticate(&read).await.unwrap();
        for refused in [
            hub.change_full_name(&reader, "x").await.unwrap_err(),
            hub.end_other_sessions(&reader).await.unwrap_err(),
            hub.change_password(&reader, "battery staple", "x".repeat(9).as_str(), here).await.unwrap_err(),
        ] {
            assert_eq!(refused.kind(), ErrorKind::Forbidden);
        }
    }
}
