use serde_json::json;

use super::{Problem, Source, layers, manifest, shape};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn errors(problems: &[Problem]) -> Vec<&str> {
    let texts = problems.iter().filter_map(|problem| match problem {
        Problem::Error(text) => Some(text.as_str()),
        Problem::Warning(_) => None,
    });
    texts.collect()
}

fn check_layer(name: &str, dependency: &str, kind: Option<&str>, allowed: bool) {
    let metadata = json!({
        "packages": [{"name": name, "dependencies": [{"name": dependency, "kind": kind}]}],
    });
    let problems = layers::check(&metadata).unwrap();
    assert_eq!(problems.is_empty(), allowed, "{name} -> {dependency} ({kind:?}): {problems:?}");
}

#[test]
fn dependencies_point_down() {
    check_layer("lyceum-hub", "lyceum-db", None, true);
    check_layer("lyceum-store", "lyceum-xet", None, true);
    check_layer("lyceum-git", "lyceum-xet", None, false);
    check_layer("lyceum-api", "lyceum-db", None, false);
    check_layer("lyceum-api", "lyceum-web", None, false);
    check_layer("lyceum-core", "lyceum-hub", Some("dev"), false);
    check_layer("lyceum-api", "lyceum-db", Some("dev"), true);
    check_layer("lyceum-core", "proptest", Some("dev"), true);
    check_layer("unheard-of", "serde", None, false);
}

#[test]
fn heavy_crates_have_one_home() {
    check_layer("lyceum-db", "sqlx", None, true);
    check_layer("lyceum-hub", "sqlx", None, false);
    check_layer("lyceum-hub", "axum", None, false);
    check_layer("lyceum", "axum", None, true);
}

#[test]
fn unused_dependencies_are_found() {
    let metadata = json!({
        "packages": [{
            "name": "lyceum-core",
            "targets": [{"kind": ["lib"], "doctest": false}],
            "dependencies": [{"name": "time"}, {"name": "tokio-util"}],
        }],
    });
    let root = "[workspace.dependencies]\ntime = \"0.3\"\ntokio-util = \"0.7\"\nforgotten = \"1\"\n";
    let sources = [source("crates/lyceum-core/src/lib.rs", "use time::Date; let some_tokio_utility = 1;")];
    let problems = manifest::check(&metadata, root, &sources).unwrap();
    assert_eq!(
        errors(&problems),
        [
            "crate `lyceum-core` depends on `tokio-util` and never uses it",
            "no crate uses the workspace dependency `forgotten`",
        ]
    );
}

#[test]
fn only_the_binary_has_end_to_end_tests() {
    for (name, binaries, allowed) in [("lyceum", 1, true), ("lyceum", 2, false), ("lyceum-api", 1, false)] {
        let targets: Vec<_> = (0..binaries).map(|_| json!({"kind": ["test"], "doctest": false})).collect();
        let metadata = json!({"packages": [{"name": name, "targets": targets, "dependencies": []}]});
        let problems = manifest::check(&metadata, "[workspace.dependencies]", &[]).unwrap();
        assert_eq!(problems.is_empty(), allowed, "{name} with {binaries}: {problems:?}");
    }
}

#[test]
fn files_have_a_shape() {
    let long = format!("//! Long.\n{}", "// line\n".repeat(1000));
    let longish = format!("//! Long.\nmod inner;\n{}", "// line\n".repeat(600));
    let sources = [
        source(
            "crates/a/src/lib.rs",
            "//! A.\nmod long;\nmod longish;\npub mod listed;\n#[cfg(test)]\nmod tests;\n",
        ),
        source("crates/a/src/long.rs", &long),
        source("crates/a/src/longish.rs", &longish),
        source("crates/a/src/longish/inner.rs", "fn undocumented() {}\n"),
        source("crates/a/src/listed.rs", "//! Listed.\n"),
        source("crates/a/src/orphan.rs", "//! Nobody declares it.\n"),
        source("crates/a/src/tests.rs", "use super::*;\n"),
        source("crates/a/tests/it/main.rs", "mod cli;\n"),
        source("crates/a/tests/it/cli.rs", "fn a_test() {}\n"),
        source("crates/a/tests/it/lost.rs", "fn a_test() {}\n"),
        source("crates/a/src/old/mod.rs", "//! Old.\n"),
    ];
    let problems = shape::check(&sources);
    let mut errors = errors(&problems);
    errors.sort_unstable();
    assert_eq!(
        errors,
        [
            "crates/a/src/long.rs: 1001 lines, more than 1000",
            "crates/a/src/longish/inner.rs: a module starts with `//!` and says its purpose",
            "crates/a/src/old/mod.rs: no parent module declares it",
            "crates/a/src/old/mod.rs: use `foo.rs` beside `foo/`, not `foo/mod.rs`",
            "crates/a/src/orphan.rs: no parent module declares it",
            "crates/a/tests/it/lost.rs: no parent module declares it",
        ]
    );
    assert_eq!(problems.len() - errors.len(), 1, "one warning for the longish file: {problems:?}");
}
