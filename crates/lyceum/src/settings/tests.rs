//! Tests of the settings.

use std::collections::{BTreeSet, HashMap};

use toml::{Table, Value};

use super::load::{defaults, to_table, without_password};
use super::{KEYS, Loaded, LogFormat, Overrides, Settings};

fn load(file: Option<&str>, environment: &[(&str, &str)], data: Option<&str>) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let config = file.map(|text| {
        let path = folder.path().join("lyceum.toml");
        std::fs::write(&path, text).unwrap();
        path
    });
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    let overrides = Overrides { config, data: data.map(Into::into), listen: None };
    Loaded::load_with(&overrides, |name| environment.get(name).map(ToString::to_string))
        .map_err(|failure| format!("{failure:?}"))
}

fn names(prefix: &str, table: &Table, into: &mut BTreeSet<String>) {
    for (name, value) in table {
        match value {
            Value::Table(inner) => names(&format!("{prefix}{name}."), inner, into),
            _ => {
                into.insert(format!("{prefix}{name}"));
            }
        }
    }
}

#[test]
fn every_setting_is_documented_once() {
    let mut expected = BTreeSet::new();
    names("", &defaults(), &mut expected);
    let documented: BTreeSet<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    assert_eq!(documented, expected);
    assert_eq!(documented.len(), KEYS.len());
    for key in KEYS {
        assert_eq!(key.environment, format!("LYCEUM_{}", key.name.to_uppercase().replace('.', "_")));
        assert!(key.description.ends_with('.'), "{}", key.name);
    }
}

#[test]
fn later_sources_win() {
    let file = "data = \"/file\"\n[log]\nformat = \"json\"\n[limits]\nuploads = 5\n";
    let environment = [("LYCEUM_DATA", "/environment"), ("LYCEUM_LIMITS_UPLOADS", "7")];
    let loaded = load(Some(file), &environment, Some("/line")).unwrap();
    assert_eq!(loaded.settings.data.to_str(), Some("/line"));
    assert_eq!(loaded.settings.log.format, LogFormat::Json);
    assert_eq!(loaded.settings.limits.uploads, 7);
    assert_eq!(loaded.settings.listen, Settings::default().listen);
    let sources = ["data", "limits.uploads", "log.format", "listen"].map(|name| loaded.source(name).words());
    assert_eq!(sources, ["command line", "environment", "file", "default"]);
}

#[test]
fn what_config_prints_is_a_settings_file() {
    let loaded =
        load(Some("database = \"postgres://a@b/c\"\npublic_url = \"https://hub.example/\""), &[], None)
            .unwrap();
    let text = crate::command::render_settings(&loaded);
    let again = load(Some(&text), &[], None).unwrap();
    assert_eq!(again.settings, loaded.settings);
    assert_eq!(to_table(&again.settings), to_table(&loaded.settings));
    assert_eq!(loaded.settings.public_url(), Some("https://hub.example"));
}

#[test]
fn mistakes_are_named() {
    let check = |file: Option<&str>, environment: &[(&str, &str)], expected: &str| {
        let error = load(file, environment, None).expect_err(expected);
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    };
    check(Some("listne = \"127.0.0.1:1\""), &[], "unknown field `listne`");
    check(Some("[limits]\nuploads = \"many\""), &[], "line 2");
    check(Some("[limits]\nuploads = 0"), &[], "setting `limits.uploads` must be at least 1");
    check(Some("listen = \"localhost\""), &[], "setting `listen`");
    check(Some("public_url = \"hub.example\""), &[], "setting `public_url`");
    check(Some("database = \"mysql://x\""), &[], "setting `database`");
    check(Some("data = \"\""), &[], "setting `data`");
    check(Some("[publishers]\nissuers = \"https://a, http://b\""), &[], "names `http://b`, which is none");
    check(None, &[("LYCEUM_LIMITS_UPLOADS", "x")], "`LYCEUM_LIMITS_UPLOADS` must be a whole number");
    check(None, &[("LYCEUM_TRUST_PROXY", "yes")], "`LYCEUM_TRUST_PROXY` must be `true` or `false`");
    check(None, &[("LYCEUM_CONFIG", "/does/not/exist")], "cannot be read");
}

const CORP: &str = r#"
public_url = "https://hub.example"
[[oidc]]
name = "corp"
issuer = "https://id.example"
client_id = "hub"
client_secret_env = "CORP_SECRET"
groups = [{ group = "ml", org = "lab", role = "write" }]
"#;

#[test]
fn providers_are_read_shown_and_read_again() {
    let environment = [("CORP_SECRET", "hush")];
    let loaded = load(Some(CORP), &environment, None).unwrap();
    let provider = loaded.settings.oidc[0].provider().unwrap();
    assert_eq!((provider.label.as_str(), provider.user_claim.as_str()), ("corp", "preferred_username"));
    assert_eq!((provider.groups.len(), provider.create_users), (1, true));
    assert_eq!(provider.client_secret.map(|secret| secret.0).as_deref(), Some("hush"));
    let text = crate::command::render_settings(&loaded);
    assert_eq!(load(Some(&text), &environment, None).unwrap().settings, loaded.settings);
    let shown = CORP.replace("client_secret_env = \"CORP_SECRET\"", "client_secret = \"hush\"");
    let loaded = load(Some(&shown), &[], None).unwrap();
    let text = crate::command::render_settings(&loaded);
    assert!(text.contains("client_secret = \"***\"") && !text.contains("hush"), "{text}");
    // The commented section is one that would be read.
    let described: String = text
        .lines()
        .skip_while(|line| *line != "# [[oidc]]")
        .take_while(|line| line.starts_with("# "))
        .filter_map(|line| line.strip_prefix("# ").filter(|line| !line.starts_with('#')))
        .map(|line| format!("{line}\n"))
        .collect();
    let described = format!("public_url = \"https://hub.example\"\n{described}");
    assert_eq!(load(Some(&described), &[], None).unwrap().settings.oidc.len(), 1, "{described}");
}

#[test]
fn mistakes_in_providers_are_named() {
    let check = |old: &str, new: &str, expected: &str| {
        assert!(CORP.contains(old), "{old}");
        let error =
            load(Some(&CORP.replace(old, new)), &[("CORP_SECRET", "hush")], None).expect_err(expected);
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    };
    check("public_url = \"https://hub.example\"", "", "`public_url` must be set");
    check("name = \"corp\"", "name = \"Corp!\"", "1 to 32 lowercase letters");
    check("https://id.example", "http://id.example", "must start with `https://`");
    check("client_id = \"hub\"", "client_id = \"\"", "`oidc.client_id` of `corp` must not be empty");
    check("client_id = \"hub\"", "client = \"hub\"", "unknown field `client`");
    check("CORP_SECRET", "OTHER", "not in the environment as `OTHER`");
    check("client_id = \"hub\"", "client_id = \"hub\"\nclient_secret = \"x\"", "more than one way");
    check(
        "client_secret_env = \"CORP_SECRET\"",
        "client_secret_file = \"/none\"",
        "cannot be read from `/none`",
    );
    check("\"write\"", "\"owner\"", "`owner`, which is no role");
    let twice = format!("{CORP}{}", &CORP[CORP.find("[[").unwrap()..]);
    let error = load(Some(&twice), &[("CORP_SECRET", "hush")], None).unwrap_err();
    assert!(error.contains("stands twice"), "{error}");
}

const HUB: &str = r#"
[[upstream]]
name = "hf"
url = "https://hub.example/"
token_env = "HUB_TOKEN"
allow = ["google/*", "datasets/*/*"]
pull_through = "users"
"#;

#[test]
fn upstreams_are_read_shown_and_read_again() {
    let environment = [("HUB_TOKEN", "hush")];
    let loaded = load(Some(HUB), &environment, None).unwrap();
    let upstream = loaded.settings.upstream[0].upstream().unwrap();
    assert_eq!((upstream.url.as_str(), upstream.token.as_deref()), ("https://hub.example", Some("hush")));
    assert_eq!((upstream.allow.len(), upstream.refresh_seconds), (2, 3600));
    assert!(!format!("{upstream:?} {:?}", loaded.settings).contains("hush"));
    let text = crate::command::render_settings(&loaded);
    assert_eq!(load(Some(&text), &environment, None).unwrap().settings, loaded.settings);
    let loaded =
        load(Some(&HUB.replace("token_env = \"HUB_TOKEN\"", "token = \"hush\"")), &[], None).unwrap();
    let text = crate::command::render_settings(&loaded);
    assert!(text.contains("token = \"***\"") && !text.contains("hush"), "{text}");
    // The commented section is one that would be read.
    let described: String = text
        .lines()
        .skip_while(|line| *line != "# [[upstream]]")
        .take_while(|line| line.starts_with("# "))
        .filter_map(|line| line.strip_prefix("# ").filter(|line| !line.starts_with('#')))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(load(Some(&described), &[], None).unwrap().settings.upstream.len(), 1, "{described}");
}

#[test]
fn mistakes_in_upstreams_are_named() {
    let check = |old: &str, new: &str, expected: &str| {
        assert!(HUB.contains(old), "{old}");
        let error = load(Some(&HUB.replace(old, new)), &[("HUB_TOKEN", "hush")], None).expect_err(expected);
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    };
    check("name = \"hf\"", "name = \"HF\"", "1 to 32 lowercase letters");
    check("https://hub.example/", "hub.example", "`upstream.url` of `hf` must have the form");
    check("https://hub.example/", "https://ada:x@hub.example", "must have the form");
    check("google/*", "google", "`google` is not of the form");
    check("\"users\"", "\"some\"", "unknown variant `some`");
    check("HUB_TOKEN", "OTHER", "not in the environment as `OTHER`");
    check("name = \"hf\"", "name = \"hf\"\nrefresh_seconds = 5", "must be at least 60");
    let twice = format!("{HUB}{HUB}");
    let error = load(Some(&twice), &[("HUB_TOKEN", "hush")], None).unwrap_err();
    assert!(error.contains("stands twice"), "{error}");
}

#[test]
fn passwords_are_not_shown() {
    let check = |url, expected| assert_eq!(without_password(url), expected);
    check("postgres://ada:se:cr@et@db.example:5432/hub", "postgres://ada:***@db.example:5432/hub");
    check("postgres://ada@db/hub?x=a:b@c", "postgres://ada@db/hub?x=a:b@c");
    check("postgres:///hub?host=/run", "postgres:///hub?host=/run");
    check("", "");
}
