//! Locks as git-lfs makes, lists and takes them away.

use lyceum_core::{AccountName, RepoKind};
use lyceum_hub::{NewOrganisation, NewRepo, Role, Visibility};
use serde_json::{Value, json};

use crate::testing::{Answer, Site};

const LOCKS: &str = "/acme/model.git/info/lfs/locks";

/// A private repo of an organisation with two writers and a reader.
struct Fixture {
    site: Site,
    ada: String,
    bob: String,
    eve: String,
}

impl Fixture {
    async fn new() -> Self {
        let site = Site::new().await;
        let org = NewOrganisation { name: "acme".to_owned(), full_name: None, private_by_default: false };
        site.hub.create_organisation(org).await.unwrap();
        let acme = AccountName::parse("acme").unwrap();
        let mut tokens = Vec::new();
        let mut admin = None;
        for (name, role) in [("ada", Role::Admin), ("bob", Role::Write), ("eve", Role::Read)] {
            let (caller, token) = site.hub.user(name).await;
            site.hub.add_member(&acme, &AccountName::parse(name).unwrap(), role).await.unwrap();
            tokens.push(token);
            admin.get_or_insert(caller);
        }
        let repo = NewRepo {
            namespace: Some(acme),
            visibility: Some(Visibility::Private),
            ..NewRepo::new(RepoKind::Model, "model")
        };
        site.hub.create_repo(&admin.unwrap(), repo).await.unwrap();
        let [ada, bob, eve] = tokens.try_into().unwrap();
        Self { site, ada, bob, eve }
    }

    async fn lock(&self, token: &str, path: &str) -> Answer {
        let body = json!({ "path": path, "ref": { "name": "refs/heads/main" } });
        self.site.post(LOCKS, Some(token), body.to_string()).await
    }

    async fn list(&self, query: &str) -> Value {
        self.site.get(&format!("{LOCKS}{query}"), Some(&self.eve), &[]).await.expect(200).json()
    }

    async fn unlock(&self, token: &str, id: &Value, body: &Value) -> Answer {
        let address = format!("{LOCKS}/{}/unlock", id.as_str().unwrap());
        self.site.post(&address, Some(token), body.to_string()).await
    }
}

fn paths(locks: &Value) -> Vec<&str> {
    locks.as_array().unwrap().iter().map(|lock| lock["path"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_file_has_one_lock() {
    let fixture = Fixture::new().await;
    let made = fixture.lock(&fixture.ada, "a/weights.bin").await.expect(201);
    assert_eq!(made.header("content-type"), "application/vnd.git-lfs+json");
    let made = made.json();
    let lock = &made["lock"];
    assert_eq!((&lock["path"], &lock["owner"]["name"]), (&json!("a/weights.bin"), &json!("ada")));
    assert_eq!(lock["locked_at"], "2023-11-14T22:13:20.000Z");
    for token in [&fixture.ada, &fixture.bob] {
        let taken = fixture.lock(token, "a/weights.bin").await.expect(409).json();
        assert_eq!(taken["lock"], *lock);
        assert_eq!(taken["message"], "already created lock: `a/weights.bin` is locked by `ada`");
    }
    let refused = fixture.lock(&fixture.eve, "other").await.expect(403).json();
    assert_eq!(refused["message"], "you have no write access to model `acme/model`");
    let invalid = fixture.lock(&fixture.ada, "../weights.bin").await.expect(400).json();
    assert!(invalid["message"].as_str().unwrap().contains("../weights.bin"), "{invalid}");
}

#[tokio::test]
async fn locks_are_listed_in_pages_and_found_by_path_and_id() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.list("").await, json!({ "locks": [] }));
    for (token, path) in [(&fixture.ada, "1"), (&fixture.bob, "2"), (&fixture.ada, "3")] {
        fixture.lock(token, path).await.expect(201);
    }
    let all = fixture.list("?refspec=refs/heads/main").await;
    assert_eq!(paths(&all["locks"]), ["1", "2", "3"]);
    assert!(all["next_cursor"].is_null());
    let first = fixture.list("?limit=2").await;
    assert_eq!(paths(&first["locks"]), ["1", "2"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(paths(&fixture.list(&format!("?limit=2&cursor={cursor}")).await["locks"]), ["3"]);
    assert_eq!(paths(&fixture.list("?path=2").await["locks"]), ["2"]);
    let id = all["locks"][2]["id"].as_str().unwrap();
    assert_eq!(paths(&fixture.list(&format!("?id={id}")).await["locks"]), ["3"]);
    assert!(paths(&fixture.list("?id=nothing").await["locks"]).is_empty());
    fixture.site.get(&format!("{LOCKS}?cursor=x"), Some(&fixture.eve), &[]).await.expect(400);
}

#[tokio::test]
async fn a_client_learns_which_locks_bind_it() {
    let fixture = Fixture::new().await;
    for (token, path) in [(&fixture.ada, "1"), (&fixture.bob, "2"), (&fixture.ada, "3")] {
        fixture.lock(token, path).await.expect(201);
    }
    let verify = |token, body: Value| {
        let (site, address) = (&fixture.site, format!("{LOCKS}/verify"));
        async move { site.post(&address, Some(token), body.to_string()).await }
    };
    let answer =
        verify(fixture.ada.as_str(), json!({ "ref": { "name": "refs/heads/main" } })).await.expect(200);
    let answer = answer.json();
    assert_eq!((paths(&answer["ours"]), paths(&answer["theirs"])), (vec!["1", "3"], vec!["2"]));
    let page = verify(fixture.bob.as_str(), json!({ "limit": 1 })).await.expect(200).json();
    assert_eq!((paths(&page["ours"]), paths(&page["theirs"])), (vec![], vec!["1"]));
    let page =
        verify(fixture.bob.as_str(), json!({ "cursor": page["next_cursor"] })).await.expect(200).json();
    assert_eq!((paths(&page["ours"]), paths(&page["theirs"])), (vec!["2"], vec!["3"]));
    verify(fixture.eve.as_str(), json!({})).await.expect(403);
}

#[tokio::test]
async fn only_force_takes_away_the_lock_of_another_user() {
    let fixture = Fixture::new().await;
    let lock = fixture.lock(&fixture.ada, "weights.bin").await.expect(201).json()["lock"].clone();
    let refused = fixture.unlock(&fixture.bob, &lock["id"], &json!({ "force": false })).await.expect(403);
    assert_eq!(refused.json()["message"], "`weights.bin` is locked by `ada`; `--force` unlocks it");
    fixture.unlock(&fixture.eve, &lock["id"], &json!({ "force": true })).await.expect(403);
    let gone = fixture.unlock(&fixture.bob, &lock["id"], &json!({ "force": true })).await.expect(200);
    assert_eq!(gone.json()["lock"], lock);
    fixture.unlock(&fixture.ada, &lock["id"], &json!({})).await.expect(404);
    let again = fixture.lock(&fixture.bob, "weights.bin").await.expect(201).json();
    fixture.unlock(&fixture.bob, &again["lock"]["id"], &Value::Null).await.expect(200);
    assert_eq!(fixture.list("").await, json!({ "locks": [] }));
}
