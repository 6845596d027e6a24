//! `/docs/api`: the interface for programs, each address with an example that runs as it stands.

use askama::Template;
use axum::extract::State;
use http::header::HOST;
use http::{HeaderMap, StatusCode};
use lyceum_core::RepoKind;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::Web;
use crate::error::{PageError, PageResult};
use crate::layout::Layout;
use crate::page::list::newest;
use crate::response::{CachePolicy, render};
use crate::session::Session;

/// Letters of an address that need no escape, slashes among them.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    who: &'static str,
    parameters: Vec<(String, String)>,
    example: String,
}

struct Group {
    id: String,
    name: String,
    operations: Vec<Operation>,
}

#[derive(Template)]
#[template(path = "docs_api.html")]
struct ApiPage {
    layout: Layout,
    base: String,
    groups: Vec<Group>,
}

/// What stands for the names in addresses and bodies.
struct Names {
    user: String,
    namespace: String,
    name: String,
}

/// Answers the page.
pub(crate) async fn api(State(web): State<Web>, session: Session, headers: HeaderMap) -> PageResult {
    let document = web.machine.api.ok_or_else(PageError::not_found)?;
    let base = base(&web, &headers);
    // A model that the caller may see, so that the examples show something.
    let known = newest(&web, &session, RepoKind::Model, None, 1).await?.into_iter().next();
    let id = known.map_or_else(|| "ada/example".to_owned(), |row| row.id);
    let (namespace, name) = id.split_once('/').unwrap_or(("ada", "example"));
    let user =
        session.caller.identity().map_or_else(|| namespace.to_owned(), |identity| identity.name.to_string());
    let names = Names { user, namespace: namespace.to_owned(), name: name.to_owned() };
    let mut groups: Vec<Group> =
        list(&document["tags"]).iter().map(|tag| group(text(&tag["name"]))).collect();
    for (path, operations) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let tag = text(&operation["tags"][0]);
            if let Some(group) = groups.iter_mut().find(|group| group.name == tag) {
                group.operations.push(Operation::new(&base, &names, method, path, operation));
            }
        }
    }
    let page = ApiPage { layout: Layout::new("The API", &session), base, groups };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

impl Operation {
    fn new(base: &str, names: &Names, method: &str, path: &str, operation: &Value) -> Self {
        let method = method.to_uppercase();
        let security = list(&operation["security"]);
        let who = match security.last() {
            None => "anyone",
            Some(needed) if needed.get("signed").is_some() => "whoever holds a signed token",
            Some(_) if security.len() > 1 => "anyone, a token shows more",
            Some(_) => "needs a token",
        };
        let mut url = path.to_owned();
        let (mut query, mut parameters) = (Vec::new(), Vec::new());
        for parameter in list(&operation["parameters"]) {
            let (name, example) = (text(&parameter["name"]), text(&parameter["example"]));
            if parameter["in"] == "query" {
                query.push(format!("{name}={}", utf8_percent_encode(example, NON_ALPHANUMERIC)));
                continue;
            }
            parameters.push((name.to_owned(), text(&parameter["description"]).to_owned()));
            let value = names.value(name, example);
            url = url.replace(&format!("{{{name}}}"), &utf8_percent_encode(value, PATH).to_string());
        }
        if !query.is_empty() {
            url = format!("{url}?{}", query.join("&"));
        }
        let mut words = vec!["curl".to_owned()];
        match method.as_str() {
            "GET" => words.push("-L".to_owned()),
            "HEAD" => words.push("-I".to_owned()),
            _ => words.extend(["-X".to_owned(), method.clone()]),
        }
        words.push(quoted(&format!("{base}{url}")));
        match security.last() {
            None => {}
            Some(needed) if needed.get("signed").is_some() => {
                words.push("-H \"Authorization: Bearer $SIGNED_TOKEN\"".to_owned());
            }
            Some(_) => words.push("-H \"Authorization: Bearer $HF_TOKEN\"".to_owned()),
        }
        for (media_type, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            let body = match &content["example"] {
                Value::String(lines) => lines.clone(),
                example => example.to_string(),
            };
            words.push(format!("-H {}", quoted(&format!("Content-Type: {media_type}"))));
            words.push(format!("--data-binary {}", quoted(&names.fill(&body))));
        }
        Self {
            id: text(&operation["operationId"]).to_owned(),
            path: path.to_owned(),
            summary: text(&operation["summary"]).to_owned(),
            who,
            parameters,
            example: words.join(" "),
            method,
        }
    }
}

impl Names {
    /// Returns what a part of an address is in the examples.
    fn value<'a>(&'a self, name: &str, example: &'a str) -> &'a str {
        match name {
            "user" => &self.user,
            "namespace" => &self.namespace,
            "name" => &self.name,
            _ => example,
        }
    }

    fn fill(&self, body: &str) -> String {
        body.replace("{user}", &self.user)
            .replace("{namespace}", &self.namespace)
            .replace("{name}", &self.name)
    }
}

fn group(name: &str) -> Group {
    Group { id: name.to_lowercase().replace(' ', "-"), name: name.to_owned(), operations: Vec::new() }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns a word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Returns the address of this hub, as far as it is known.
fn base(web: &Web, headers: &HeaderMap) -> String {
    if let Some(url) = &web.public_url {
        return url.clone();
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return "http://localhost:8640".to_owned();
    }
    format!("http://{host}")
}
