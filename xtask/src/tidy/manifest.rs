//! Rules about manifests: every dependency is used, versions stand once, one end-to-end test binary.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Problem, Source};

/// The only crate with an integration test binary; each one more links the world again.
const END_TO_END: &str = "lyceum";

pub(super) fn check(metadata: &Value, root_manifest: &str, sources: &[Source]) -> Result<Vec<Problem>> {
    let packages = metadata["packages"].as_array().context("the metadata has no packages")?;
    let mut problems = Vec::new();
    for package in packages {
        problems.extend(check_targets(package));
        problems.extend(check_uses(package, sources));
    }
    problems.extend(check_workspace(root_manifest, packages)?);
    Ok(problems)
}

fn check_targets(package: &Value) -> Vec<Problem> {
    let name = text(&package["name"]);
    let mut problems = Vec::new();
    let mut test_binaries = 0;
    for target in package["targets"].as_array().into_iter().flatten() {
        let kinds: Vec<_> = target["kind"].as_array().into_iter().flatten().map(text).collect();
        if kinds.contains(&"test") {
            test_binaries += 1;
        }
        if kinds.contains(&"lib") && target["doctest"].as_bool() == Some(true) {
            problems.push(Problem::Error(format!("crate `{name}` must say `doctest = false` under [lib]")));
        }
    }
    if test_binaries > usize::from(name == END_TO_END) {
        problems.push(Problem::Error(format!(
            "crate `{name}` has {test_binaries} integration test binaries; \
             end-to-end tests live in crates/{END_TO_END}/tests/it, others beside the code"
        )));
    }
    problems
}

/// Reports dependencies that the crate's own sources never name.
fn check_uses(package: &Value, sources: &[Source]) -> Vec<Problem> {
    let name = text(&package["name"]);
    let folder = if name == "xtask" { "xtask/".to_owned() } else { format!("crates/{name}/") };
    let own: Vec<_> =
        sources.iter().filter(|s| s.path.starts_with(&folder) && s.path.ends_with(".rs")).collect();
    let mut problems = Vec::new();
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let known = dependency["rename"].as_str().unwrap_or_else(|| text(&dependency["name"]));
        let word = known.replace('-', "_");
        if !own.iter().any(|source| names(&source.text, &word)) {
            problems.push(Problem::Error(format!("crate `{name}` depends on `{known}` and never uses it")));
        }
    }
    problems
}

/// Reports workspace dependencies that no crate takes.
fn check_workspace(root_manifest: &str, packages: &[Value]) -> Result<Vec<Problem>> {
    let manifest: toml::Table = root_manifest.parse().context("parse Cargo.toml")?;
    let listed = manifest.get("workspace").and_then(|w| w.get("dependencies")).and_then(|d| d.as_table());
    let listed = listed.context("Cargo.toml has no [workspace.dependencies]")?;
    let taken = |name: &str| {
        packages.iter().any(|package| {
            let mut dependencies = package["dependencies"].as_array().into_iter().flatten();
            dependencies.any(|d| d["rename"].as_str().unwrap_or_else(|| text(&d["name"])) == name)
        })
    };
    Ok(listed
        .keys()
        .filter(|name| !taken(name))
        .map(|name| Problem::Error(format!("no crate uses the workspace dependency `{name}`")))
        .collect())
}

/// Whether a text holds an identifier as a whole word.
fn names(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
