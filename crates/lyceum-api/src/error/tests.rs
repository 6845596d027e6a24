use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http_body_util::BodyExt as _;
use lyceum_core::Oid;
use tower::ServiceExt as _;

use super::*;

async fn render(authorization: Option<&str>, kind: ErrorKind) -> Response {
    let handler = move || async move {
        Err::<(), _>(ApiError::from(Error::new(kind, "wörds\nhere").at_commit(Oid::ZERO)))
    };
    let router = Router::new().route("/", get(handler)).layer(axum::middleware::from_fn(settle));
    let mut request = http::Request::get("/");
    if let Some(value) = authorization {
        request = request.header(AUTHORIZATION, value);
    }
    router.oneshot(request.body(Body::empty()).expect("valid request")).await.expect("infallible")
}

#[tokio::test]
async fn hidden_repos_look_alike_by_caller() {
    for (kind, known, anonymous) in [
        (ErrorKind::RepoNotFound, 404, 401),
        (ErrorKind::Gated, 403, 401),
        (ErrorKind::RevisionNotFound, 404, 404),
        (ErrorKind::EntryNotFound, 404, 404),
        (ErrorKind::Forbidden, 403, 403),
    ] {
        assert_eq!(render(Some("Bearer x"), kind).await.status(), known, "{kind:?}");
        assert_eq!(render(None, kind).await.status(), anonymous, "{kind:?}");
    }
}

#[tokio::test]
async fn carries_code_message_and_commit() {
    let response = render(None, ErrorKind::EntryNotFound).await;
    assert_eq!(response.headers()[X_ERROR_CODE], "EntryNotFound");
    assert_eq!(response.headers()[X_ERROR_MESSAGE], "w?rds here");
    assert_eq!(response.headers()[X_REPO_COMMIT], Oid::ZERO.to_string());
    let body = response.into_body().collect().await.expect("whole body").to_bytes();
    assert_eq!(body, "{\"error\":\"wörds\\nhere\"}");
}

#[tokio::test]
async fn taken_names_the_address() {
    let response =
        ApiError::Taken { message: "taken".to_owned(), url: "http://h/a/b".to_owned() }.into_response();
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let body = response.into_body().collect().await.expect("whole body").to_bytes();
    assert_eq!(body, r#"{"error":"taken","url":"http://h/a/b"}"#);
}

#[tokio::test]
async fn moved_keeps_method_and_body() {
    let response = ApiError::Moved { location: "/api/models/a/b?x=1".to_owned() }.into_response();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(response.headers()[LOCATION], "/api/models/a/b?x=1");
}
