//! The command line, alone and beside a running server.

use std::path::Path;

use serde_json::Value;

use crate::client::Client;
use crate::process::{PASSWORD, Server, Site, lyceum, lyceum_with, ok};

fn json(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap()
}

/// Runs a command that must fail and returns its exit code and what it says.
fn fails(data: &Path, arguments: &[&str]) -> (i32, String) {
    let output = lyceum(data, arguments);
    assert!(output.stdout.is_empty(), "{arguments:?} printed {}", String::from_utf8_lossy(&output.stdout));
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn accounts_are_made_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let server = Server::start(data);

    assert_eq!(
        ok(data, &["user", "create", "Grace", "--admin", "--full-name", "Grace H."]),
        "Created administrator Grace\n"
    );
    let output = lyceum_with(
        data,
        &["user", "create", "alan", "--email", "alan@example.org", "--password-stdin", "--json"],
        PASSWORD,
    );
    let account = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(account["name"], "alan");
    assert_eq!(account["type"], "user");
    assert_eq!(account["admin"], false);
    assert_eq!(account["email"], "alan@example.org");
    assert_eq!(ok(data, &["org", "create", "lab", "--private-by-default"]), "Created organisation lab\n");
    let member = ok(data, &["org", "add", "lab", "alan", "--role", "contributor", "--json"]);
    assert_eq!(json(&member)["role"], "contributor");

    let token = ok(data, &["token", "create", "alan", "--name", "laptop"]);
    assert!(token.starts_with("hf_") && token.trim().len() >= 37, "{token}");
    let me = Client::new(&server.address, Some(token.trim())).get("/api/whoami-v2");
    assert_eq!(me.status, 200, "{}", me.text());
    let me = me.json();
    assert_eq!(me["name"], "alan");
    assert_eq!(me["orgs"][0]["name"], "lab");
    assert_eq!(me["auth"]["accessToken"]["displayName"], "laptop");

    let imported = "hf_thisTokenWasMadeElsewhereLongAgo00001";
    let created = ok(data, &["token", "create", "grace", "--value", imported, "--role", "read", "--json"]);
    assert_eq!(json(&created)["token"], imported);
    let me = Client::new(&server.address, Some(imported)).get("/api/whoami-v2");
    assert_eq!(me.json()["name"], "Grace");
}

#[test]
fn tokens_are_limited_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let server = Server::start(data);
    assert_eq!(ok(data, &["user", "create", "robot", "--service"]), "Created service account robot\n");
    ok(data, &["org", "create", "lab"]);
    ok(data, &["org", "add", "lab", "robot", "--role", "write"]);
    let made = ok(
        data,
        &[
            "token",
            "create",
            "robot",
            "--name",
            "ci",
            "--role",
            "fine-grained",
            "--expires",
            "90d",
            "--scope",
            "org:lab=repo.content.read,repo.content.write",
        ],
    );
    let client = Client::new(&server.address, Some(made.trim()));
    assert_eq!(client.get("/api/whoami-v2").json()["auth"]["accessToken"]["role"], "fineGrained");
    let listed = json(&ok(data, &["token", "list", "robot", "--json"]));
    assert_eq!(listed[0]["scopes"][0], "org:lab=repo.content.read,repo.content.write");
    assert!(listed[0]["expires_at"].is_string(), "{listed}");
    assert!(!listed.to_string().contains(made.trim()), "a secret is shown once");
    let text = ok(data, &["token", "list", "robot"]);
    assert!(text.contains("fineGrained") && text.contains("org:lab=repo.content.read"), "{text}");
    let id = listed[0]["id"].to_string();
    ok(data, &["token", "revoke", "robot", &id]);
    assert_eq!(client.get("/api/whoami-v2").status, 401);
    assert_eq!(fails(data, &["token", "revoke", "robot", &id]).0, 4);
    assert_eq!(ok(data, &["org", "remove", "lab", "robot"]), "robot is no longer a member of lab\n");
}

#[test]
fn mistakes_are_answered_with_a_reason_and_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    ok(data, &["user", "create", "ada"]);
    let check = |arguments: &[&str], code: i32, words: &str| {
        let (found, text) = fails(data, arguments);
        assert_eq!(found, code, "{arguments:?}: {text}");
        assert!(text.starts_with("error: ") && text.contains(words), "{arguments:?}: {text}");
    };
    check(&["user", "create", "ADA"], 3, "ADA");
    check(&["org", "create", "ada"], 3, "ada");
    check(&["user", "create", "datasets"], 2, "reserved");
    check(&["user", "create", "a b"], 2, "`a b`");
    check(&["user", "create", "bob", "--password-stdin"], 2, "no password");
    check(&["token", "create", "nobody"], 4, "nobody");
    check(&["org", "add", "nothing", "ada", "--role", "read"], 4, "nothing");
    check(&["org", "add", "nothing", "ada", "--role", "king"], 2, "king");
    check(&["org", "remove", "nothing", "ada"], 4, "nothing");
    check(&["user", "create", "robot", "--service", "--admin"], 2, "--service");
    check(&["token", "create", "ada", "--role", "fine-grained", "--scope", "ada=all"], 2, "`ada`");
    check(&["token", "create", "ada", "--scope", "user:ada=repo.write"], 2, "fine-grained");
    check(&["token", "create", "ada", "--expires", "1999-01-01"], 2, "passed");
    check(&["token", "create", "ada", "--expires", "soon"], 2, "soon");
    check(&["serve", "--listen", "nonsense"], 2, "listen");
    check(&["config", "--config", "/does/not/exist.toml"], 2, "/does/not/exist.toml");
    check(&["frobnicate"], 2, "frobnicate");

    let (code, text) = fails(data, &["user", "create", "ada", "--json"]);
    assert_eq!(code, 3);
    assert!(json(text.trim())["error"].as_str().unwrap().contains("ada"), "{text}");
}

#[test]
fn help_shows_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        &["--help"][..],
        &["serve", "--help"],
        &["user", "create", "--help"],
        &["org", "create", "--help"],
        &["org", "add", "--help"],
        &["token", "create", "--help"],
        &["config", "--help"],
        &["doctor", "--help"],
        &["fsck", "--help"],
        &["demo", "--help"],
    ] {
        let text = ok(folder.path(), command);
        assert!(text.contains("Example:"), "{command:?}: {text}");
        assert!(
            text.contains("--data") && text.contains("--config") && text.contains("--json"),
            "{command:?}"
        );
    }
}

#[test]
fn config_prints_the_settings_in_effect() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lyceum.toml");
    std::fs::write(&file, "public_url = \"https://hub.example\"\n[limits]\nuploads = 3\n").unwrap();
    let arguments = ["config", "--config", file.to_str().unwrap()];
    let printed = ok(folder.path(), &arguments);
    assert!(printed.contains("public_url = \"https://hub.example\""), "{printed}");
    assert!(
        printed.contains("# Default: 32. Environment: LYCEUM_LIMITS_UPLOADS. Set by: file.\nuploads = 3\n"),
        "{printed}"
    );
    let settings = json(&ok(folder.path(), &[&arguments[..], &["--json"]].concat()));
    let uploads =
        settings["settings"].as_array().unwrap().iter().find(|key| key["name"] == "limits.uploads").unwrap();
    assert_eq!((uploads["value"].as_u64(), uploads["default"].as_u64()), (Some(3), Some(32)));
    // Nothing was made: printing settings is not serving.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    std::fs::write(&file, "listne = \"x\"\n").unwrap();
    let (code, text) = fails(folder.path(), &arguments);
    assert_eq!(code, 2);
    assert!(text.contains("listne") && text.contains("hint: "), "{text}");
}

#[test]
fn doctor_and_fsck_find_a_healthy_hub_healthy() {
    let site = Site::new();
    site.client.create_model("m");
    let data = site.folder.path();
    let report = json(&ok(data, &["doctor", "--json"]));
    let states: Vec<_> =
        report["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(states, ["data folder", "free space", "clock", "open files", "public_url", "database"]);
    assert!(ok(data, &["doctor"]).contains("1 users"));

    let report = json(&ok(data, &["fsck", "--deep", "--json"]));
    assert_eq!((report["clean"].as_bool(), report["repos"].as_u64()), (Some(true), Some(1)), "{report}");
}

#[test]
fn doctor_names_what_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lyceum.db"), vec![7_u8; 10_000]).unwrap();
    let output = lyceum(folder.path(), &["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("error    database") && text.contains("hint: "), "{text}");
}

#[test]
fn fsck_finds_a_damaged_store() {
    let Site { server, folder, client } = Site::new();
    client.create_model("m");
    let content = vec![42_u8; 300_000];
    assert!(client.try_upload("ada/m", &content).unwrap());
    let answer = client.try_commit("ada/m", None, &[crate::client::large_file("w.bin", &content)]).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    server.terminate();
    assert!(server.wait().success());
    let mut damaged = 0;
    let mut folders = vec![folder.path().join("store")];
    while let Some(path) = folders.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains("xorb") {
                std::fs::remove_file(path).unwrap();
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0, "the large file is stored in a xorb");
    let output = lyceum(folder.path(), &["fsck", "--json"]);
    let report = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(!report["findings"].as_array().unwrap().is_empty());
}
