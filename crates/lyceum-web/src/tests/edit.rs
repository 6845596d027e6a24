//! What people change in a repo from a browser.

use axum::body::Body;
use http::header::COOKIE;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use lyceum_core::{RepoKind, RepoPath, Revision};
use lyceum_hub::{Action, Caller, RepoChange, Visibility};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tower::ServiceExt as _;

use super::community::{form_token, shows};
use super::{Page, TestSite};

impl TestSite {
    /// Sends a form with files, each with its name and content.
    pub(super) async fn upload(
        &self,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> Page {
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        for (name, content) in files {
            let head = format!(
                "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--xyz--\r\n");
        let request = Request::post(path)
            .header(COOKIE, cookie)
            .header("content-type", "multipart/form-data; boundary=xyz")
            .header("content-length", body.len())
            .body(Body::from(body))
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

    /// Returns the head of `main`.
    async fn head(&self, caller: &Caller) -> String {
        let id = "ada/thing".parse_id();
        let repo = self.hub.open(caller, RepoKind::Model, &id, Action::Read).await.unwrap();
        self.hub.resolve(&repo, &Revision::main()).await.unwrap().to_string()
    }
}

trait ParseId {
    fn parse_id(&self) -> lyceum_core::RepoId;
}

impl ParseId for str {
    fn parse_id(&self) -> lyceum_core::RepoId {
        lyceum_core::RepoId::parse(self).unwrap()
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn a_text_is_edited_directly_or_proposed_and_nothing_is_lost() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "thing").await;
    site.commit(
        &ada,
        RepoKind::Model,
        &id,
        &[("a.txt", b"one\r\n</textarea><script>\r\n"), ("b.txt", b"b\n"), ("raw.dat", &[0, 159, 146])],
    )
    .await;
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    let (mine, token) = (form_token(&site, &owner).await, form_token(&site, &other).await);
    let path = "/ada/thing/edit/main/a.txt";

    assert_eq!(site.get(path, "").await.status, 401);
    let form = site.get(path, &owner).await;
    shows(
        &form,
        &["one\n&#60;/textarea&#62;&#60;script&#62;", "Directly to main", "Save file"],
        &["<script"],
    );
    shows(&site.get(path, &other).await, &["As a pull request"], &["Directly to"]);
    let refused = site.get("/ada/thing/edit/main/raw.dat", &owner).await;
    assert_eq!(refused.status, 400);
    shows(&refused, &["it is no text"], &[]);
    let commit = site.head(&ada).await;
    shows(&site.get(&format!("/ada/thing/edit/{commit}/a.txt"), &owner).await, &["choose one first"], &[]);

    let save = async |session: &str, token: &str, was: &str, rest: &str| {
        site.post(path, session, &format!("token={token}&was={was}&returns=crlf{rest}")).await
    };
    let forged = save(&owner, "forged", &commit, "&text=kept&where=direct").await;
    assert_eq!(forged.status, 403);
    shows(&forged, &["kept", "out of date"], &[]);
    assert_eq!(save("", &mine, &commit, "&text=x").await.status, 403);
    let refused = save(&other, &token, &commit, "&text=x&where=direct").await;
    assert_eq!(refused.status, 403, "who may not write may only propose");

    let long = save(&owner, &mine, &commit, &format!("&text={}", "x".repeat(3 << 20))).await;
    assert_eq!(long.status, 413);
    shows(&long, &["upload what is long as a file"], &[]);

    // Another file changed meanwhile: that is no conflict.
    site.commit(&ada, RepoKind::Model, &id, &[("b.txt", b"bb\n")]).await;
    let saved = save(&owner, &mine, &commit, "&text=two%0D%0A&summary=Say+two&where=direct").await;
    assert_eq!((saved.status.as_u16(), saved.location()), (303, "/ada/thing/blob/main/a.txt"));
    let file = site.get("/ada/thing/download/main/a.txt", &owner).await;
    assert_eq!(file.text, "two\r\n", "lines end as they did");
    shows(&site.get("/ada/thing/commits/main", "").await, &["Say two"], &[]);

    // This one did: told, kept, and saved when sent again.
    let stale = save(&owner, &mine, &commit, "&text=three%0D%0A&summary=Mine&where=direct").await;
    assert_eq!(stale.status, 409);
    let now = site.head(&ada).await;
    let parts =
        ["changed by somebody else", "three", "value=\"Mine\"", &format!("name=\"was\" value=\"{now}\"")];
    shows(&stale, &parts, &[]);
    assert_eq!(save(&owner, &mine, &now, "&text=three&where=direct").await.status, 303);
    let again = save(&owner, &mine, &site.head(&ada).await, "&text=three&where=direct").await;
    shows(&again, &["the same as before"], &[]);

    let proposed = save(&other, &token, &site.head(&ada).await, "&text=four&where=pull").await;
    assert_eq!((proposed.status.as_u16(), proposed.location()), (303, "/ada/thing/discussions/1"));
    shows(&site.get("/ada/thing/discussions/1", "").await, &["Change a.txt", "+four"], &[]);
    let pull = "/ada/thing/edit/refs%2Fpr%2F1/a.txt";
    shows(&site.get(pull, &other).await, &["added to this pull request", "four"], &[]);
    let form = format!("token={token}&was=refs%2Fpr%2F1&text=five");
    assert_eq!(site.post(pull, &other, &form).await.status, 409, "a revision is no commit");
}

#[tokio::test]
async fn files_are_made_and_deleted() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "thing").await;
    site.commit(&ada, RepoKind::Model, &id, &[("deep/a.txt", b"a\n")]).await;
    let owner = site.session("ada").await;
    let mine = form_token(&site, &owner).await;
    let head = site.head(&ada).await;
    shows(&site.get("/ada/thing/new/main/deep", &owner).await, &["value=\"deep/\""], &[]);
    let make = async |path: &str, text: &str| {
        let body = format!("token={mine}&was={head}&path={}&text={}", encode(path), encode(text));
        site.post("/ada/thing/new/main/deep", &owner, &body).await
    };
    let made = make("deep/b c.txt", "b").await;
    assert_eq!((made.status.as_u16(), made.location()), (303, "/ada/thing/blob/main/deep/b%20c.txt"));
    for (path, words) in
        [("deep/a.txt", "exists already"), ("../x", "role=\"alert\""), (".git/config", "role=\"alert\"")]
    {
        let refused = make(path, "kept <text>").await;
        assert!(refused.status.is_client_error(), "{path}");
        shows(&refused, &[words, "kept &#60;text"], &[]);
    }
    let bad = make("README.md", "---\nlicense: [\n---\n").await;
    assert!(bad.status.is_client_error(), "{}", bad.text);

    let path = "/ada/thing/delete/main/deep/a.txt";
    shows(&site.get(path, &owner).await, &["Delete file", "deep/a.txt"], &[]);
    shows(&site.get("/ada/thing/delete/main/deep", &owner).await, &["Delete folder"], &[]);
    assert_eq!(site.get("/ada/thing/delete/main/none", &owner).await.status, 404);
    let form = |token: &str| format!("token={token}&was={head}&where=direct");
    assert_eq!(site.post(path, &owner, &form("forged")).await.status, 403);
    let gone = site.post(path, &owner, &form(&mine)).await;
    assert_eq!((gone.status.as_u16(), gone.location()), (303, "/ada/thing/tree/main"));
    assert_eq!(site.get("/ada/thing/blob/main/deep/a.txt", &owner).await.status, 404);
    let folder = site.post("/ada/thing/delete/main/deep", &owner, &form(&mine)).await;
    assert_eq!(folder.status, 409, "the folder is not what it was");
    let form = format!("token={mine}&was={}&where=direct", site.head(&ada).await);
    assert_eq!(site.post("/ada/thing/delete/main/deep", &owner, &form).await.status, 303);
}

#[tokio::test]
async fn files_are_uploaded_as_they_stream() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    site.hub.repo(&ada, RepoKind::Model, "thing").await;
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    let (mine, token) = (form_token(&site, &owner).await, form_token(&site, &other).await);
    let path = "/ada/thing/upload/main";
    shows(&site.get(path, &owner).await, &["type=\"file\"", "for=\"files\"", "Upload files"], &[]);
    let large: Vec<u8> =
        (0..3_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let files: [(&str, &[u8]); 4] =
        [("a b.txt", b"text\n"), ("weights.bin", &large), ("tiny.bin", &[0, 159]), ("empty", b"")];
    let sent =
        site.upload(path, &owner, &[("token", &mine), ("folder", "new"), ("where", "direct")], &files).await;
    assert_eq!((sent.status.as_u16(), sent.location()), (303, "/ada/thing/tree/main/new"), "{}", sent.text);
    let repo = site.hub.open(&ada, RepoKind::Model, &"ada/thing".parse_id(), Action::Read).await.unwrap();
    for (name, content) in files {
        let path = RepoPath::parse(&format!("new/{name}")).unwrap();
        let file = site.hub.file(&repo, &Revision::main(), &path).await.unwrap();
        assert_eq!(
            (file.entry.size, file.entry.lfs.is_some()),
            (content.len() as u64, name.ends_with(".bin"))
        );
    }
    let address = "/ada/thing/download/main/new/weights.bin";
    assert_eq!(site.get(address, &owner).await.status, 200);

    let refused =
        async |session: &str, fields: &[(&str, &str)], files: &[(&str, &[u8])], status: u16, words: &str| {
            let page = site.upload(path, session, fields, files).await;
            assert_eq!(page.status.as_u16(), status, "{}", page.text);
            shows(&page, &[words], &[]);
        };
    refused(&owner, &[("token", "forged")], &[("a", b"a")], 403, "out of date").await;
    refused("", &[("token", &mine)], &[("a", b"a")], 403, "out of date").await;
    refused(&other, &[("token", &token)], &[("a", b"a")], 403, "no write access").await;
    refused(&owner, &[("token", &mine), ("summary", "kept")], &[], 400, "value=\"kept\"").await;
    refused(&owner, &[("token", &mine), ("folder", "..")], &[("a", b"a")], 400, "value=\"..\"").await;
    // A browser names no token after the files.
    refused(&owner, &[], &[("a", b"a")], 403, "out of date").await;
    let proposed =
        site.upload(path, &other, &[("token", &token), ("where", "pull")], &[("c.txt", b"c\n")]).await;
    assert_eq!((proposed.status, proposed.location()), (StatusCode::SEE_OTHER, "/ada/thing/discussions/1"));
}

#[tokio::test]
async fn branches_and_tags_come_and_go() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    site.hub.repo(&ada, RepoKind::Model, "thing").await;
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    let (mine, token) = (form_token(&site, &owner).await, form_token(&site, &other).await);
    let path = "/ada/thing/settings/refs";
    assert_eq!(site.get(path, "").await.status, 401);
    let send = async |rest: &str| site.post(path, &owner, &format!("token={mine}{rest}")).await;
    assert_eq!(send("&do=create-branch&name=dev").await.status, 303);
    assert_eq!(send("&do=create-tag&name=v1&start=dev&message=first").await.status, 303);
    shows(&site.get(path, &owner).await, &["Delete branch dev", "Delete tag v1", "default branch"], &[]);
    for (rest, status) in [
        ("&do=create-branch&name=dev", 409),
        ("&do=create-branch&name=%22%3E%3Cscript%3E+..", 400),
        ("&do=create-tag&name=v2&start=nowhere", 400),
        ("&do=delete-branch&name=main", 403),
        ("&do=delete-tag&name=none", 400),
        ("&do=none", 400),
    ] {
        let refused = send(rest).await;
        assert_eq!(refused.status.as_u16(), status, "{rest}: {}", refused.text);
        shows(&refused, &["role=\"alert\""], &["<script"]);
    }
    let form = format!("token={token}&do=delete-branch&name=dev");
    assert_eq!(site.post(path, &other, &form).await.status, 403);
    assert_eq!(send("&do=delete-branch&name=dev").await.status, 303);
    assert_eq!(send("&do=delete-tag&name=v1").await.status, 303);
    shows(&site.get(path, &owner).await, &[], &["dev<", "v1<"]);
}

#[tokio::test]
async fn hidden_repos_look_missing_to_who_would_change_them() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "thing").await;
    let private = RepoChange { visibility: Some(Visibility::Private), ..RepoChange::default() };
    site.change(&ada, &id, private).await;
    let other = site.session("bob").await;
    let token = form_token(&site, &other).await;
    for rest in [
        "/edit/main/README.md",
        "/new/main",
        "/delete/main/README.md",
        "/settings/refs",
        "/upload/main",
        "/settings",
        "/settings/access",
    ] {
        let hidden = site.get(&format!("/ada/thing{rest}"), &other).await;
        let missing = site.get(&format!("/ada/none{rest}"), &other).await;
        assert_eq!((hidden.status.as_u16(), &hidden.text), (404, &missing.text), "{rest}");
        let answer = async |name: &str| {
            let path = format!("/ada/{name}{rest}");
            if rest.starts_with("/upload") {
                return site
                    .upload(&path, &other, &[("token", &token), ("where", "pull")], &[("a", b"a")])
                    .await;
            }
            let form =
                format!("token={token}&do=gate&where=pull&text=t&path=p&name=n&user=bob&visibility=public");
            site.post(&path, &other, &form).await
        };
        let (hidden, missing) = (answer("thing").await, answer("none").await);
        assert_eq!((hidden.status.as_u16(), &hidden.text), (404, &missing.text), "{rest}");
    }
}
