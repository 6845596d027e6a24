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
    check(None, &[("LYCEUM_LIMITS_UPLOADS", "x")], "`LYCEUM_LIMITS_UPLOADS` must be a whole number");
    check(None, &[("LYCEUM_TRUST_PROXY", "yes")], "`LYCEUM_TRUST_PROXY` must be `true` or `false`");
    check(None, &[("LYCEUM_CONFIG", "/does/not/exist")], "cannot be read");
}

#[test]
fn passwords_are_not_shown() {
    let check = |url, expected| assert_eq!(without_password(url), expected);
    check("postgres://ada:se:cr@et@db.example:5432/hub", "postgres://ada:***@db.example:5432/hub");
    check("postgres://ada@db/hub?x=a:b@c", "postgres://ada@db/hub?x=a:b@c");
    check("postgres:///hub?host=/run", "postgres:///hub?host=/run");
    check("", "");
}
