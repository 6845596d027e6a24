//! Tests of the pages through the router, each for a stranger, the owner and another user.

mod admin;
mod bucket;
mod community;
mod docs;
mod edit;
mod gate;
mod list;
mod manage;
mod oidc;
mod organisation;
mod parts;
mod repo;
mod settings;
mod site;
mod space;

use axum::Router;
use axum::body::Body;
use http::header::{COOKIE, LOCATION};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use lyceum_core::Entropy;
use lyceum_hub::testing::TestHub;
use tower::ServiceExt as _;

use crate::{Machine, Web, router};

/// Password that [`TestHub`] gives its users.
const PASSWORD: &str = "correct horse";

/// A hub with its pages.
struct TestSite {
    hub: TestHub,
    router: Router,
}

/// An answer, read to its end.
struct Page {
    status: StatusCode,
    headers: http::HeaderMap,
    text: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }
}

impl TestSite {
    async fn new() -> Self {
        Self::at(None).await
    }

    async fn at(public_url: Option<&str>) -> Self {
        Self::over(TestHub::new().await, public_url)
    }

    fn over(hub: TestHub, public_url: Option<&str>) -> Self {
        let web = Web {
            hub: hub.hub().clone(),
            entropy: Entropy::system(),
            public_url: public_url.map(str::to_owned),
            machine: Machine::default(),
        };
        Self { hub, router: router(web) }
    }

    /// Opens a session for a user whom [`TestHub`] made, and returns its cookie.
    async fn session(&self, name: &str) -> String {
        format!("lyceum_session={}", self.hub.sign_in(name, PASSWORD, None).await.unwrap())
    }

    async fn get(&self, path: &str, cookie: &str) -> Page {
        self.send(Method::GET, path, cookie, "").await
    }

    async fn post(&self, path: &str, cookie: &str, form: &str) -> Page {
        self.send(Method::POST, path, cookie, form).await
    }

    async fn send(&self, method: Method, path: &str, cookie: &str, form: &str) -> Page {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(COOKIE, cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Page {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}
