//! Who may do what: every address times every kind of caller, as `matrix.txt` says.
//!
//! A new route needs a row there; a wrong row fails with the right one in the message, to be read and copied.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;

use axum::body::Body;
use http::{HeaderMap, Method};
use lyceum_core::{AccountName, RepoId, RepoKind, Sha256};
use lyceum_hub::{
    Action, Caller, CollectionMade, Gated, NewCollectionOf, NewOrganisation, NewRepo, NewToken, NewUser,
    RepoChange, RequestTarget, Role, TokenLimits, TokenRole, TokenScope, Visibility,
};
use serde_json::{Map, Value, json};
use sha2::Digest as _;

use crate::testing::{Answer, Site, XetFile, random};

/// The rows, and what the letters mean.
const MATRIX: &str = include_str!("matrix.txt");
/// The callers, in the order of the columns.
const CALLERS: [&str; 11] = [
    "nobody",
    "stranger",
    "reader",
    "contributor",
    "writer",
    "keeper",
    "pending",
    "accepted",
    "expired",
    "scoped",
    "elsewhere",
];
/// The repos, in the order of the groups. Names of one length, so that not even a length may tell.
const REPOS: [&str; 3] = ["secret", "public", "fenced"];
/// The buckets, in the order of the groups; they have no gates.
const BUCKETS: [&str; 2] = ["secret", "public"];
/// A repo that nobody made.
const MISSING: &str = "absent";
/// Callers who may not learn of the private repo.
const OUTSIDERS: [&str; 6] = ["nobody", "stranger", "pending", "accepted", "expired", "elsewhere"];

/// A line of the matrix.
struct Row {
    /// Gives content of a repo: its gate must bind.
    content: bool,
    method: Method,
    path: String,
    /// Expected answers: one group per repo, or one for all if the address is not about a repo.
    cells: Vec<String>,
    query: String,
    body: String,
}

impl Row {
    fn parse(line: &str) -> Self {
        let (content, line) = match line.strip_prefix("* ") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let mut words = line.split_whitespace();
        let mut next =
            || words.next().unwrap_or_else(|| panic!("a row is `METHOD PATH CELLS…`, not `{line}`"));
        let (method, path) = (next().parse().unwrap(), next().to_owned());
        let (cells, request) = line.split_once('|').unwrap_or((line, ""));
        let cells = cells.split_whitespace().skip(2).map(str::to_owned).collect();
        let request = request.trim();
        let (query, body) = match request.strip_prefix('?') {
            Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
            None => ("", request),
        };
        Self { content, method, path, cells, query: query.to_owned(), body: body.trim().to_owned() }
    }

    fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Writes the row as it stands in the file.
    fn show(&self, cells: &[String]) -> String {
        let mark = if self.content { "* " } else { "" };
        let mut line = format!("{:<76} {}", format!("{mark}{}", self.route()), cells.join(" "));
        if !self.query.is_empty() || !self.body.is_empty() {
            let query = if self.query.is_empty() { String::new() } else { format!("?{} ", self.query) };
            write!(line, " | {query}{}", self.body).unwrap();
        }
        line.trim_end().to_owned()
    }
}

/// A hub with an organisation, three repos and all the callers.
struct World {
    site: Site,
    admin: Caller,
    tokens: BTreeMap<&'static str, String>,
    file: XetFile,
    /// The second half of the slug of a private collection of the organisation.
    collection: Mutex<String>,
}

impl World {
    async fn new() -> Self {
        let site = Site::new().await;
        let org = NewOrganisation { name: "acme".to_owned(), full_name: None, private_by_default: true };
        site.hub.create_organisation(org).await.unwrap();
        let mut tokens = BTreeMap::new();
        for name in ["stranger", "reader", "contributor", "writer", "keeper", "pending", "accepted"] {
            let user =
                NewUser { name: name.to_owned(), full_name: None, email: None, admin: false, password: None };
            site.hub.create_user(user).await.unwrap();
            tokens.insert(name, token(&site, name, TokenRole::Write, TokenLimits::default()).await);
            let role = match name {
                "reader" => Role::Read,
                "contributor" => Role::Contributor,
                "writer" => Role::Write,
                "keeper" => Role::Admin,
                _ => continue,
            };
            site.hub.add_member(&account("acme"), &account(name), role).await.unwrap();
        }
        let end =
            TokenLimits { expires_at: Some(site.hub.clock().now().plus_seconds(60)), ..Default::default() };
        tokens.insert("expired", token(&site, "keeper", TokenRole::Write, end).await);
        site.hub.advance_seconds(61);
        for (caller, scope) in [
            ("scoped", "org:acme=repo.content.read"),
            ("elsewhere", "user:keeper=repo.write,discussion.write,collection.write,user.webhooks.write"),
        ] {
            let scopes = vec![TokenScope::parse(scope).unwrap()];
            let limits = TokenLimits { scopes, ..Default::default() };
            tokens.insert(caller, token(&site, "keeper", TokenRole::FineGrained, limits).await);
        }
        let admin = site.hub.authenticate(&tokens["keeper"]).await.unwrap();
        let content = random(7, 100_000);
        let digest = Sha256(sha2::Sha256::digest(&content).into());
        let file = XetFile::new(content, digest);
        let world = Self { site, admin, tokens, file, collection: Mutex::default() };
        world.collect().await;
        for name in REPOS {
            world.make(name).await;
        }
        for name in BUCKETS {
            world.make_bucket(name).await;
        }
        world
    }

    /// Makes one of the buckets, with a file.
    async fn make_bucket(&self, name: &str) {
        let visibility = if name == "secret" { Visibility::Private } else { Visibility::Public };
        self.site.hub.create_bucket(&self.admin, &account("acme"), name, Some(visibility)).await.unwrap();
        let (bucket, token) = (format!("/api/buckets/acme/{name}"), self.token("keeper"));
        let grant = self.site.get(&format!("{bucket}/xet-write-token"), token, &[]).await.expect(200);
        self.site.put_content(&grant, &self.file).await;
        let line = json!({ "type": "addFile", "path": "README.md", "xetHash": self.file.hash.to_string() });
        self.site.post(&format!("{bucket}/batch"), token, line.to_string()).await.expect(200);
    }

    /// Makes one of the repos, with a small and a large file.
    async fn make(&self, name: &str) {
        let hub = &self.site.hub;
        let visibility = if name == "secret" { Visibility::Private } else { Visibility::Public };
        let repo = NewRepo {
            namespace: Some(account("acme")),
            visibility: Some(visibility),
            ..NewRepo::new(RepoKind::Model, name)
        };
        let id = hub.create_repo(&self.admin, repo).await.unwrap();
        let token = &self.tokens["keeper"];
        self.site.upload(&id.to_string(), token, &self.file).await;
        let readme = json!({ "key": "file", "value": { "path": "README.md", "content": "kept apart" } });
        self.site.commit(&id.to_string(), token, &[readme, self.file.line("large.bin")]).await;
        if name == "fenced" {
            self.fence(&id).await;
        }
    }

    /// Makes the collection, unless it is there.
    async fn collect(&self) {
        let new = NewCollectionOf {
            namespace: account("acme"),
            title: "secret".to_owned(),
            description: None,
            private: true,
        };
        let made = self.site.hub.create_collection(&self.admin, new).await.unwrap();
        if let CollectionMade::New(made) = made {
            let slug = made.slug.to_string();
            *self.collection.lock().unwrap() = slug.split_once('/').unwrap().1.to_owned();
        }
    }

    /// Makes good what a row has destroyed.
    async fn restore(&self, row: &Row, name: &str) {
        match row.route().as_str() {
            "DELETE /api/repos/delete" => self.make(name).await,
            "DELETE /api/organizations/{namespace}/members/{user}" => {
                self.site.hub.add_member(&account("acme"), &account("reader"), Role::Read).await.unwrap();
            }
            _ => {}
        }
    }

    async fn fence(&self, id: &RepoId) {
        let hub = &self.site.hub;
        let repo = hub.open(&self.admin, RepoKind::Model, id, Action::Administer).await.unwrap();
        let gate = RepoChange { visibility: None, gated: Some(Gated::Manual) };
        hub.change_repo(&self.admin, &repo, gate).await.unwrap();
        for name in ["pending", "accepted"] {
            let caller = hub.authenticate(&self.tokens[name]).await.unwrap();
            let repo = hub.open(&caller, RepoKind::Model, id, Action::Discover).await.unwrap();
            hub.ask_access(&caller, &repo, Map::new()).await.unwrap();
        }
        let repo = hub.open(&self.admin, RepoKind::Model, id, Action::AnswerRequests).await.unwrap();
        let yes = lyceum_hub::AccessAnswer {
            state: lyceum_hub::RequestState::Accepted,
            reason: None,
            expires_at: None,
        };
        hub.answer_access(&self.admin, &repo, &RequestTarget::User(account("accepted")), yes).await.unwrap();
    }

    fn token(&self, caller: &str) -> Option<&str> {
        self.tokens.get(caller).map(String::as_str)
    }

    /// Asks for what a row is about. Addresses that take a grant are reached as clients reach them; who is refused on
    /// the way has that for an answer.
    async fn ask(&self, row: &Row, caller: &str, name: &str) -> Answer {
        let id = format!("acme/{name}");
        let (mut token, mut query) = (self.token(caller).map(str::to_owned), row.query.clone());
        if row.path.starts_with("/xet/") && !row.path.ends_with("/telemetry") {
            let first = if row.method == Method::POST { "write" } else { "read" };
            let mut grant = self.xet_token(&id, first, caller).await;
            if !grant.status.is_success() && row.path.contains("reconstructions") {
                grant = self.xet_token(&id, "read", caller).await;
            }
            if !grant.status.is_success() {
                return grant;
            }
            token = Some(grant.header("x-xet-access-token").to_owned());
            if row.path.contains("/data/") {
                let plan = format!("{}/v1/reconstructions/{}", grant.header("x-xet-cas-url"), self.file.hash);
                let plan = self.site.get(&plan, token.as_deref(), &[]).await.expect(200).json();
                let fetch = &plan["fetch_info"][self.file.index.hash.to_string()][0];
                let url = fetch["url"].as_str().unwrap();
                let (start, end) = (&fetch["url_range"]["start"], &fetch["url_range"]["end"]);
                let range = format!("bytes={start}-{end}");
                return self.site.get(url, None, &[("range", &range)]).await;
            }
        }
        if row.path.starts_with("/api/lfs/objects/") {
            let answer = self.lfs_grant(row, caller, &id).await;
            if !answer.status.is_success() {
                return answer;
            }
            let answer = answer.json();
            let actions = &answer["objects"][0]["actions"];
            let href = actions.as_object().unwrap().values().next().unwrap()["href"].as_str().unwrap();
            query = href.split_once('?').unwrap().1.to_owned();
            token = None;
        }
        let (path, body) = (self.fill(&row.path, name), self.fill(&row.body, name));
        let separator = if query.is_empty() { "" } else { "?" };
        let path = format!("{path}{separator}{}", self.fill(&query, name));
        let media_type = match row.path.rsplit_once("/git-") {
            Some((_, service)) => format!("application/x-git-{service}-request"),
            None => "application/json".to_owned(),
        };
        let headers = [("content-type", media_type.as_str())];
        self.site.send(row.method.clone(), &path, token.as_deref(), &headers, Body::from(body)).await
    }

    async fn xet_token(&self, id: &str, scope: &str, caller: &str) -> Answer {
        self.site.get(&format!("/api/models/{id}/xet-{scope}-token/main"), self.token(caller), &[]).await
    }

    async fn lfs_grant(&self, row: &Row, caller: &str, id: &str) -> Answer {
        let (operation, oid, size) = match (row.method == Method::GET, row.path.ends_with("{oid}")) {
            (true, _) => ("download", self.file.sha256.to_string(), self.file.content.len() as u64),
            (_, true) => ("upload", "1".repeat(64), 3),
            (_, false) => ("upload", "1".repeat(64), 2 << 30),
        };
        let body = json!({
            "operation": operation,
            "transfers": ["basic", "multipart"],
            "objects": [{ "oid": oid, "size": size }],
        });
        let address = format!("/{id}.git/info/lfs/objects/batch");
        self.site.post(&address, self.token(caller), body.to_string()).await
    }

    /// Puts values in the place of the names in braces.
    fn fill(&self, text: &str, name: &str) -> String {
        let (oid, file, xorb) =
            (self.file.sha256.to_string(), self.file.hash.to_string(), self.file.index.hash.to_string());
        let chunk = self.file.index.chunks[0].hash.to_string();
        let hash = match text {
            _ if text.contains("/chunks/") => &chunk,
            _ if text.contains("/xorb") || text.contains("/data/") => &xorb,
            _ => &file,
        };
        let text = text.replace("/{kind}/{namespace}", "/models/{namespace}");
        let text = if text.starts_with("/models/") { text.replacen("/models", "", 1) } else { text };
        [
            ("/api/{kind}", "/api/models"),
            ("{id}", "acme/{name}"),
            ("{namespace}", "acme"),
            ("{name}", name),
            ("{revision}", "main"),
            ("{branch}", "topic"),
            ("{lock}", "0"),
            ("{*archive}", "main.zip"),
            ("{comparison}", "main"),
            ("{*path}", "README.md"),
            ("{state}", "pending"),
            ("{user}", "reader"),
            ("{group}", "1"),
            ("{number}", "1"),
            ("{comment}", "nothing"),
            ("{attachment}", "nothing"),
            ("{slug}", &self.collection.lock().unwrap()),
            ("{item}", "0123456789abcdef01234567"),
            ("{publisher}", "1"),
            ("{webhook}", "000000000000000000000001"),
            ("{delivery}", "1"),
            ("{oid}", &oid),
            ("{hash}", hash),
            ("{prefix}", "default"),
            ("{instance}", self.site.hub.instance_id()),
        ]
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
    }
}

fn account(name: &str) -> AccountName {
    AccountName::parse(name).unwrap()
}

async fn token(site: &Site, user: &str, role: TokenRole, limits: TokenLimits) -> String {
    let token = NewToken { name: "test".to_owned(), role, value: None };
    site.hub.create_limited_token(&account(user), token, limits).await.unwrap()
}

/// Returns the letter of an answer; the file explains them.
fn letter(answer: &Answer) -> char {
    let wrong = "Invalid credentials in Authorization header";
    match (answer.status.as_u16(), answer.header("x-error-code")) {
        (401 | 404, "RepoNotFound") => '?',
        (401 | 403, "GatedRepo") => 'g',
        (401, _) if answer.header("x-error-message") == wrong => '!',
        (401, _) => 'a',
        (403, _) => 'x',
        (200..=299, _) => '+',
        (300..=499, _) => '~',
        _ => panic!("{answer:?}"),
    }
}

/// Returns an answer without what differs between any two.
fn compared(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let neutral = |text: &str| text.replace("secret", MISSING);
    let kept = |headers: &HeaderMap| {
        let pairs = headers.iter().filter(|(name, _)| *name != "x-request-id");
        pairs.map(|(name, value)| (name.to_string(), neutral(value.to_str().unwrap()))).collect()
    };
    (answer.status.as_u16(), kept(&answer.headers), neutral(&String::from_utf8_lossy(&answer.body)))
}

/// Checks what must hold whatever the file says.
async fn check(world: &World, row: &Row, caller: &str, name: &str, answer: &Answer) {
    let place = format!("{} for {caller} on {name}: {answer:?}", row.route());
    match letter(answer) {
        '?' => {
            let missing = world.ask(row, caller, MISSING).await;
            assert_eq!(compared(answer), compared(&missing), "{place}");
        }
        'g' => {
            let message = answer.header("x-error-message");
            let start = "Access to model acme/fenced is restricted";
            assert!(message.starts_with(start), "{place}");
            let known = message.contains(" and you are not in the authorized list.");
            assert_eq!(known, caller != "nobody", "{place}");
        }
        '!' => assert_eq!(caller, "expired", "{place}"),
        '+' | '~' => {
            let outside = OUTSIDERS.contains(&caller);
            let refused = !(row.content && outside && (name == "secret" || name == "fenced"));
            assert!(refused || (name == "fenced" && caller == "accepted"), "content leaks: {place}");
            let asked =
                row.body.contains("{name}") || row.path.contains("{name}") || row.body.contains("{id}");
            let text = String::from_utf8_lossy(&answer.body);
            assert!(asked || !outside || !text.contains("secret"), "a name leaks: {place}");
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_address_answers_every_caller_as_the_matrix_says() {
    let rows: Vec<Row> =
        MATRIX.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(Row::parse).collect();
    let listed: Vec<String> = rows.iter().map(Row::route).collect();
    let missing: Vec<_> = crate::route_table().into_iter().filter(|route| !listed.contains(route)).collect();
    assert!(missing.is_empty(), "tests/matrix.txt lacks rows for {missing:#?}");
    let table = crate::route_table();
    let gone: Vec<_> = listed.iter().filter(|route| !table.contains(route)).collect();
    assert!(gone.is_empty(), "tests/matrix.txt has rows for routes that are gone: {gone:#?}");

    let world = World::new().await;
    let mut wrong = String::new();
    for row in &rows {
        let repos = &REPOS[..row.cells.len()];
        let mut cells = Vec::new();
        for name in repos {
            let mut group = String::new();
            for caller in CALLERS {
                let answer = world.ask(row, caller, name).await;
                check(&world, row, caller, name, &answer).await;
                group.push(letter(&answer));
                if answer.status.is_success() {
                    world.restore(row, name).await;
                }
                if row.route() == "DELETE /api/buckets/{namespace}/{name}" && answer.status.is_success() {
                    world.make_bucket(name).await;
                }
                world.collect().await;
            }
            cells.push(group);
        }
        if cells != row.cells {
            writeln!(wrong, "{}", row.show(&cells)).unwrap();
        }
    }
    assert!(wrong.is_empty(), "these rows of tests/matrix.txt differ from what the hub answers:\n{wrong}");
}

#[tokio::test]
async fn what_takes_a_grant_gives_nothing_without_one() {
    let world = World::new().await;
    let mut seen = 0;
    for row in
        MATRIX.lines().filter(|line| !line.starts_with('#')).map(str::trim).filter(|line| !line.is_empty())
    {
        let row = Row::parse(row);
        let granted = row.path.starts_with("/xet/") || row.path.starts_with("/api/lfs/objects/");
        if !granted || row.path.ends_with("/telemetry") {
            continue;
        }
        let path = world.fill(&row.path, "public");
        let admin = world.token("keeper");
        // Not even the token of who may do everything: it is for another door.
        for token in [None, admin] {
            let answer = world.site.send(row.method.clone(), &path, token, &[], Body::empty()).await;
            assert!(matches!(answer.status.as_u16(), 400 | 401), "{} gives {answer:?}", row.route());
        }
        seen += 1;
    }
    assert!(seen > 10, "{seen} rows were looked at");
}

#[tokio::test]
async fn a_gate_that_closes_binds_what_was_given_out_before() {
    let world = World::new().await;
    let token = world.token("accepted");
    let grant = world.xet_token("acme/fenced", "read", "accepted").await.expect(200);
    let xet = Some(grant.header("x-xet-access-token"));
    let plan = format!("{}/v1/reconstructions/{}", grant.header("x-xet-cas-url"), world.file.hash);
    let object = json!({ "oid": world.file.sha256.to_string(), "size": world.file.content.len() });
    let batch = json!({ "operation": "download", "objects": [object] }).to_string();
    let batch = world.site.post("/acme/fenced.git/info/lfs/objects/batch", token, batch).await.expect(200);
    let href = batch.json()["objects"][0]["actions"]["download"]["href"].as_str().unwrap().to_owned();
    world.site.get(&plan, xet, &[]).await.expect(200);
    world.site.get(&href, None, &[]).await.expect(200);

    let answer = json!({ "user": "accepted", "status": "rejected" }).to_string();
    let handle = "/api/models/acme/fenced/user-access-request/handle";
    world.site.post(handle, world.token("keeper"), answer).await.expect(200);
    world.site.get(&plan, xet, &[]).await.expect(401);
    world.site.get(&href, None, &[]).await.expect(403);
    // With a token that was never for it, a file of the closed repo is not there at all.
    let other = world.xet_token("acme/public", "read", "accepted").await.expect(200);
    let absent = format!("{}/v1/reconstructions/{}", other.header("x-xet-cas-url"), "f".repeat(64));
    world.site.get(&absent, Some(other.header("x-xet-access-token")), &[]).await.expect(404);
}

#[tokio::test]
async fn a_gate_tells_where_a_user_stands() {
    let world = World::new().await;
    let file = "/acme/fenced/resolve/main/README.md";
    for (caller, status, message) in [
        (
            "nobody",
            401,
            "Access to model acme/fenced is restricted. You must have access to it and be authenticated to access it. \
             Please log in.",
        ),
        (
            "stranger",
            403,
            "Access to model acme/fenced is restricted and you are not in the authorized list.",
        ),
        (
            "pending",
            403,
            "Access to model acme/fenced is restricted and you are not in the authorized list. Your request awaits the \
             answer of its authors.",
        ),
    ] {
        let answer = world.site.get(file, world.token(caller), &[]).await.expect(status);
        assert_eq!((answer.header("x-error-code"), answer.header("x-error-message")), ("GatedRepo", message));
        assert_eq!(answer.json(), json!({ "error": message }));
    }
    let info = world.site.get("/api/models/acme/fenced", None, &[]).await.expect(200).json();
    assert_eq!(info["gated"], Value::from("manual"));
}
