use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

fn router(shared: &Arc<Shared>) -> Router {
    let router = Router::new()
        .route("/ok/{name}", get(|| async { "fine" }))
        .route("/refuse", post(|| async { StatusCode::BAD_REQUEST }))
        .route("/panic", get(|| async { panic!("a bug") as &'static str }));
    wrap(router, Arc::clone(shared))
}

async fn ask(shared: &Arc<Shared>, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router(shared).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_answer_has_the_id_the_client_knows() {
    let shared = Shared::new(Entropy::from_fn(|bytes| bytes.fill(1)), None, false);
    let check = async |path: &str, sent: &[(&str, &str)], expected: &str| {
        let response = ask(&shared, Method::GET, path, sent).await;
        assert_eq!(header(&response, "x-request-id"), expected, "{path} {sent:?}");
    };
    let fresh = "01010101010101010101010101010101";
    check("/ok/a", &[], fresh).await;
    check("/missing", &[], fresh).await;
    check("/panic", &[("x-request-id", "one")], "one").await;
    check("/ok/a", &[("x-amzn-trace-id", "two")], "two").await;
    check("/ok/a", &[("x-amzn-trace-id", "two"), ("x-request-id", "one")], "one").await;
    check("/ok/a", &[("x-request-id", "has space")], fresh).await;
    check("/ok/a", &[("x-request-id", &"long".repeat(100))], fresh).await;
}

#[tokio::test]
async fn a_panic_is_a_500() {
    let shared = Shared::new(Entropy::system(), None, false);
    let response = ask(&shared, Method::GET, "/panic", &[]).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "{\"error\":\"internal error\"}");
}

#[tokio::test]
async fn browsers_of_other_origins_may_read() {
    let shared = Shared::new(Entropy::system(), None, false);
    let response = ask(&shared, Method::GET, "/ok/a", &[("origin", "https://page.example")]).await;
    assert_eq!(header(&response, "access-control-allow-origin"), "*");
    assert!(header(&response, "access-control-expose-headers").contains("X-Linked-Size"));
    let response = ask(&shared, Method::GET, "/ok/a", &[]).await;
    assert_eq!(header(&response, "access-control-allow-origin"), "");
    let asked = [
        ("origin", "https://page.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization, range"),
    ];
    let response = ask(&shared, Method::OPTIONS, "/ok/a", &asked).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(&response, "access-control-allow-headers"), "authorization, range");
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let shared = Shared::new(Entropy::system(), None, false);
    for path in ["/ok/a", "/ok/b", "/made/up"] {
        ask(&shared, Method::GET, path, &[]).await;
    }
    let text = shared.metrics.render("0");
    assert!(text.contains("_count{method=\"GET\",route=\"/ok/{name}\",status=\"200\"} 2"), "{text}");
    assert!(text.contains("_count{method=\"GET\",route=\"unmatched\",status=\"404\"} 1"), "{text}");
}

/// Sends a body of three pieces to a handler that refuses it unread, and returns how many of them were taken.
async fn taken_of_refused(expect: Option<&str>) -> usize {
    let (sender, mut pieces) = tokio::sync::mpsc::channel::<()>(3);
    let body = stream::iter(0..3).map(move |_| {
        sender.try_send(()).unwrap();
        Ok::<_, std::io::Error>(Bytes::from_static(b"piece"))
    });
    let mut request = Request::builder().method(Method::POST).uri("/refuse");
    if let Some(expect) = expect {
        request = request.header("expect", expect);
    }
    let request = request.body(Body::from_stream(body)).unwrap();
    let response = router(&Shared::new(Entropy::system(), None, false)).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let mut taken = 0;
    while pieces.try_recv().is_ok() {
        taken += 1;
    }
    taken
}

#[tokio::test]
async fn a_refused_body_is_read_so_that_the_answer_arrives() {
    assert_eq!(taken_of_refused(None).await, 3);
    assert_eq!(taken_of_refused(Some("100-continue")).await, 0, "the client waits to be asked");
}
