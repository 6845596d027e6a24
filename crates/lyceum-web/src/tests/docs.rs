//! Tests of the page about the interface for programs.

use lyceum_core::{Entropy, RepoKind};
use lyceum_hub::testing::TestHub;
use serde_json::json;

use super::TestSite;
use crate::{Machine, Web, router};

#[tokio::test]
async fn every_example_runs_as_it_stands() {
    let operation = json!({
        "operationId": "post_thing", "summary": "Says <it>", "tags": ["Things"],
        "security": [{ "token": [] }],
        "parameters": [
            { "name": "namespace", "in": "path", "description": "Whose", "example": "x" },
            { "name": "path", "in": "path", "description": "Where", "example": "a b/c" },
            { "name": "q", "in": "query", "example": "1&2" },
        ],
        "requestBody": { "content": { "application/json": { "example": { "user": "{user}", "word": "it's" } } } },
    });
    let document = json!({
        "tags": [{ "name": "Things" }],
        "paths": { "/api/{namespace}/{path}": { "post": operation } },
    });
    let hub = TestHub::new().await;
    let (ada, _) = hub.user("ada").await;
    hub.repo(&ada, RepoKind::Model, "m").await;
    let machine = Machine { api: Some(Box::leak(Box::new(document))), ..Machine::default() };
    let web = Web {
        hub: hub.hub().clone(),
        entropy: Entropy::system(),
        public_url: Some("https://hub.example".to_owned()),
        machine,
    };
    let site = TestSite { hub, router: router(web) };
    let page = site.get("/docs/api", "").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Says &#60;it&#62;") && page.text.contains("needs a token"), "{}", page.text);
    let example = "curl -X POST &#39;https://hub.example/api/ada/a%20b/c?q=1%262&#39; \
        -H &#34;Authorization: Bearer $HF_TOKEN&#34; -H &#39;Content-Type: application/json&#39; \
        --data-binary &#39;{&#34;user&#34;:&#34;ada&#34;,&#34;word&#34;:&#34;it&#39;\\&#39;&#39;s&#34;}&#39;";
    assert!(page.text.contains(example), "{}", page.text);
}

#[tokio::test]
async fn without_a_document_there_is_no_page() {
    let site = TestSite::new().await;
    assert_eq!(site.get("/docs/api", "").await.status, 404);
}
