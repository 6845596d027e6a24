//! Pages in a browser: signing in, private repos, approving a device, and the headers of every page.

use serde_json::json;

use crate::client::{Answer, Client, file};
use crate::process::{PASSWORD, Site};

/// A browser: cookies and forms, no token.
struct Browser {
    client: Client,
    cookies: Vec<(String, String)>,
}

impl Browser {
    fn new(site: &Site) -> Self {
        Self { client: Client::new(&site.server.address, None), cookies: Vec::new() }
    }

    fn request(&mut self, method: &str, path: &str, form: &str) -> Answer {
        let cookie =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut headers = vec![("accept", "text/html,*/*;q=0.8")];
        if !cookie.is_empty() {
            headers.push(("cookie", &cookie));
        }
        if method == "POST" {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        let answer = self.client.send(method, path, &headers, form.as_bytes());
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite="), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, "")
    }

    fn sign_in(&mut self, password: &str, next: &str) -> Answer {
        let form = self.get("/login");
        assert_eq!(form.status, 200);
        let token = token(&form);
        let password = password.replace(' ', "+");
        self.request("POST", "/login", &format!("token={token}&name=ada&password={password}&next={next}"))
    }
}

/// Returns the hidden token of the last form on a page.
fn token(page: &Answer) -> String {
    let text = page.text();
    let (_, after) = text.rsplit_once("name=\"token\" value=\"").expect("the page has a form");
    after.split('"').next().unwrap().to_owned()
}

#[test]
fn signing_in_shows_what_was_hidden() {
    let site = Site::new();
    let created = json!({ "name": "secret", "type": "model", "visibility": "private" });
    assert_eq!(site.client.post("/api/repos/create", &created).status, 200);
    let operations =
        [file("README.md", b"---\nlicense: mit\n---\n# <b>Hidden</b>"), file("a/b c.txt", b"text <i>")];
    assert_eq!(site.client.try_commit("ada/secret", None, &operations).unwrap().status, 200);

    let mut browser = Browser::new(&site);
    let hidden = browser.get("/ada/secret");
    let missing = browser.get("/ada/missing");
    assert_eq!((hidden.status, missing.status), (404, 404));
    assert_eq!(hidden.text(), missing.text(), "hidden and missing look the same");
    assert!(!browser.get("/").text().contains("ada/secret"));

    let refused = browser.sign_in("wrong", "/ada/secret");
    assert_eq!(refused.status, 401);
    let forged = browser.request("POST", "/login", "token=none&name=ada&password=x");
    assert_eq!(forged.status, 403);
    let entered = browser.sign_in(PASSWORD, "%2Fada%2Fsecret");
    assert_eq!((entered.status, entered.header("location")), (303, "/ada/secret"));

    let page = browser.get("/ada/secret").text();
    assert!(page.contains("<b>Hidden"), "{page}");
    assert!(page.contains("private") && !page.contains("license: mit</pre>"), "{page}");
    assert!(browser.get("/ada/secret/tree/main").text().contains("README.md"));
    assert!(browser.get("/").text().contains("ada/secret"));
    assert!(browser.get("/ada/secret/tree/main/a").text().contains("b c.txt"));
    let shown = browser.get("/ada/secret/blob/main/a/b%20c.txt");
    assert!(shown.status == 200 && !shown.text().contains("text <i>"), "{}", shown.text());
    let saved = browser.get("/ada/secret/download/main/a/b%20c.txt");
    assert_eq!((saved.status, saved.text().as_str()), (200, "text <i>"));
    assert!(saved.header("content-disposition").starts_with("attachment"));
    assert!(saved.header("content-security-policy").contains("sandbox"));
    assert!(browser.get("/ada/secret/commits/main").text().contains("a change"));
    let head = site.client.head("ada/secret");
    assert!(browser.get(&format!("/ada/secret/commit/{head}")).text().contains(&head));
    assert_eq!(browser.get("/ada/secret/discussions").status, 200);

    let token = token(&browser.get("/"));
    assert_eq!(browser.request("POST", "/logout", "token=wrong").status, 403);
    assert_eq!(browser.request("POST", "/logout", &format!("token={token}")).status, 303);
    assert_eq!(browser.get("/ada/secret").status, 404);
}

#[test]
fn a_device_is_let_in_by_its_code() {
    let site = Site::new();
    let anonymous = Client::new(&site.server.address, None);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let start = anonymous.send("POST", "/oauth/device", &form, b"client_id=tests");
    assert_eq!(start.status, 200, "{}", start.text());
    let start = start.json();
    let page = start["verification_uri_complete"]
        .as_str()
        .unwrap()
        .strip_prefix(&site.server.address)
        .unwrap()
        .to_owned();

    let mut browser = Browser::new(&site);
    let redirect = browser.get(&page);
    assert_eq!(redirect.status, 303);
    assert!(redirect.header("location").starts_with("/login?next="), "{}", redirect.header("location"));
    assert_eq!(browser.sign_in(PASSWORD, "/").status, 303);
    let shown = browser.get(&page);
    let code = start["user_code"].as_str().unwrap();
    assert!(shown.text().contains(code), "{}", shown.text());
    let token = token(&shown);
    let unknown = browser.request(
        "POST",
        "/device/approve",
        &format!("token={token}&user_code=AAAA-AAAA&decision=approve"),
    );
    assert_eq!(unknown.status, 404);
    let forged =
        browser.request("POST", "/device/approve", &format!("token=x&user_code={code}&decision=approve"));
    assert_eq!(forged.status, 403);
    let approved = browser.request(
        "POST",
        "/device/approve",
        &format!("token={token}&user_code={code}&decision=approve"),
    );
    assert!(approved.status == 200 && approved.text().contains("Connected"), "{}", approved.text());

    let body = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=tests&device_code={}",
        start["device_code"].as_str().unwrap()
    );
    let granted = anonymous.send("POST", "/oauth/token", &form, body.as_bytes());
    assert_eq!(granted.status, 200, "{}", granted.text());
    let token = granted.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(Client::new(&site.server.address, Some(&token)).get("/api/whoami-v2").json()["name"], "ada");
}

#[test]
fn every_page_denies_scripts() {
    let site = Site::new();
    site.client.create_model("m");
    let mut browser = Browser::new(&site);
    let policy = "default-src 'none'; style-src 'self'";
    for path in [
        "/",
        "/models",
        "/ada",
        "/ada/m",
        "/ada/m/tree/main",
        "/ada/m/commits/main",
        "/login",
        "/nothing/here",
        "/no",
    ] {
        let page = browser.get(path);
        assert!(
            page.header("content-type").starts_with("text/html"),
            "{path}: {} {}",
            page.status,
            page.text()
        );
        assert!(page.header("content-security-policy").starts_with(policy), "{path}");
        assert!(!page.header("content-security-policy").contains("unsafe"), "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert!(["private, no-cache", "no-store"].contains(&page.header("cache-control")), "{path}");
        assert!(!page.text().contains("<script") && !page.text().contains(" style="), "{path}");
        let style = page
            .text()
            .split("rel=\"stylesheet\" href=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        let style = browser.get(&style);
        assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
        assert!(style.header("cache-control").contains("immutable"));
    }
}

#[test]
fn an_address_that_nothing_answers_has_a_page_for_people_and_json_for_programs() {
    let site = Site::new();
    let mut browser = Browser::new(&site);
    let page = browser.get("/ada/m/no/such/page");
    assert_eq!(page.status, 404);
    assert!(page.header("content-type").starts_with("text/html"), "{}", page.text());
    let program = site.client.get("/api/nothing");
    assert_eq!(program.status, 404);
    assert!(program.json()["error"].is_string());
}
