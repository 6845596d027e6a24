use http::Method;

use super::*;
use crate::testing::{Answer, Site};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn limiter(limits: RateLimits) -> Arc<Limiter> {
    Limiter::new(limits, Clock::from_fn(|| NOW)).unwrap()
}

fn one(api: u32, resolvers: u32) -> Rates {
    Rates { api, resolvers }
}

#[test]
fn files_are_told_from_the_rest() {
    let check = |path: &str, expected: &str| assert_eq!(Resource::of(path).name(), expected, "{path}");
    check("/alice/model/resolve/main/config.json", "resolvers");
    check("/datasets/alice/data/resolve/main/a/b.csv", "resolvers");
    check("/buckets/alice/files/resolve/a", "resolvers");
    check("/api/models/alice/model", "api");
    check("/api/models/alice/resolve/tree/main", "api");
    check("/alice/model.git/info/lfs/objects/batch", "api");
    check("/", "api");
}

#[test]
fn each_window_starts_anew() {
    let limiter = limiter(RateLimits { window_seconds: 10, user: one(2, 0), ..RateLimits::default() });
    let ask = |seconds: i64| {
        let subjects = [(Subject::User(1), limiter.limits.user)];
        let standing = limiter.count(Resource::Api, &subjects, Timestamp(seconds * 1000)).unwrap();
        (standing.exceeded, standing.remaining, standing.reset_seconds)
    };
    assert_eq!(ask(100), (false, 1, 11));
    assert_eq!(ask(104), (false, 0, 7));
    assert_eq!(ask(109), (true, 0, 2));
    assert_eq!(ask(110), (false, 1, 11));
}

#[test]
fn the_tightest_limit_counts() {
    let limits =
        RateLimits { window_seconds: 10, user: one(3, 0), token: one(2, 0), ..RateLimits::default() };
    let limiter = limiter(limits.clone());
    let ask = |token: i64| {
        let subjects = [(Subject::User(1), limits.user), (Subject::Token(token), limits.token)];
        limiter.count(Resource::Api, &subjects, NOW).map(|standing| (standing.limit, standing.exceeded))
    };
    assert_eq!(ask(1), Some((2, false)));
    assert_eq!(ask(1), Some((2, false)));
    assert_eq!(ask(2), Some((3, false)));
    assert_eq!(ask(2), Some((3, true)), "the user's tokens together");
    assert_eq!(limiter.count(Resource::Resolvers, &[(Subject::User(1), limits.user)], NOW), None);
}

#[test]
fn one_network_is_one_caller() {
    let check = |forwarded: &str, trusted: bool, expected: &str| {
        let mut request = http::Request::new(());
        request.headers_mut().insert(X_FORWARDED_FOR, forwarded.try_into().unwrap());
        let peer: SocketAddr = "192.0.2.1:1".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let address = client_address(request.headers(), request.extensions(), trusted).unwrap();
        assert_eq!(address.to_string(), expected, "{forwarded}");
    };
    check("198.51.100.7", false, "192.0.2.1");
    check("203.0.113.1, 198.51.100.7", true, "198.51.100.7");
    check("::ffff:198.51.100.7", true, "198.51.100.7");
    check("2001:db8:1:2:3:4:5:6", true, "2001:db8:1:2::");
    check("unknown", true, "192.0.2.1");
}

async fn ask(site: &Site, token: Option<&str>, address: &str) -> Answer {
    site.send(Method::GET, "/api/models", token, &[("x-forwarded-for", address)], "").await
}

#[tokio::test]
async fn clients_learn_where_they_stand() {
    let limits =
        RateLimits { window_seconds: 300, anonymous: one(2, 0), user: one(3, 0), ..RateLimits::default() };
    let site = Site::with_rates(limits).await;
    let (_, alice) = site.hub.user("alice").await;
    for remaining in [1, 0] {
        let answer = ask(&site, None, "192.0.2.1").await.expect(200);
        assert!(answer.header("ratelimit").starts_with(&format!("\"api\";r={remaining};t=")), "{answer:?}");
        assert_eq!(answer.header("ratelimit-policy"), "\"fixed window\";\"api\";q=2;w=300");
        assert_eq!(answer.header("retry-after"), "");
    }
    let refused = ask(&site, None, "192.0.2.1").await.expect(429);
    assert!(refused.header("ratelimit").starts_with("\"api\";r=0;t="), "{refused:?}");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    assert!(refused.header("x-error-message").starts_with("more than 2 requests in 300 seconds"));

    ask(&site, None, "192.0.2.2").await.expect(200);
    ask(&site, Some(&alice), "192.0.2.1").await.expect(200);
    for _ in 0..2 {
        ask(&site, Some("hf_wrongwrongwrongwrongwrongwrongwrongwrong"), "192.0.2.3").await.expect(401);
    }
    ask(&site, Some("hf_wrongwrongwrongwrongwrongwrongwrongwrong"), "192.0.2.3").await.expect(429);
}

#[tokio::test]
async fn nothing_is_said_without_limits() {
    let site = Site::new().await;
    let answer = ask(&site, None, "192.0.2.1").await.expect(200);
    assert_eq!(answer.header("ratelimit"), "");
}

#[tokio::test]
async fn guesses_by_git_are_told_when_to_come_back() {
    use base64::Engine as _;
    let site = Site::new().await;
    site.hub.user("alice").await;
    let basic = |password: &str| {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("alice:{password}"));
        format!("Basic {pair}")
    };
    let guess = async |password: &str, address: &str| {
        let headers = [("authorization", &*basic(password)), ("x-forwarded-for", address)];
        site.send(Method::GET, "/api/whoami-v2", None, &headers, "").await
    };
    for _ in 0..10 {
        guess("wrong", "192.0.2.1").await.expect(401);
    }
    let refused = guess("correct horse", "192.0.2.1").await.expect(429);
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0, "{refused:?}");
    assert!(refused.header("x-error-message").starts_with("there were too many wrong attempts"));
    guess("correct horse", "192.0.2.2").await.expect(200);
}
