//! Which crate may depend on which, and which outside crate belongs to which of ours.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Problem;

/// A crate of ours: what it may depend on. Later rows stand higher.
const LAYERS: &[(&str, &[&str])] = &[
    ("lyceum-core", &[]),
    ("lyceum-fetch", &[]),
    ("lyceum-markup", &[]),
    ("lyceum-oidc", &["lyceum-core", "lyceum-fetch"]),
    ("lyceum-xet", &["lyceum-core"]),
    ("lyceum-git", &["lyceum-core"]),
    ("lyceum-bare", &["lyceum-core", "lyceum-git"]),
    ("lyceum-db", &["lyceum-core"]),
    ("lyceum-search", &["lyceum-core"]),
    ("lyceum-trust", &["lyceum-core"]),
    ("lyceum-store", &["lyceum-core", "lyceum-xet"]),
    (
        "lyceum-hub",
        &[
            "lyceum-core",
            "lyceum-fetch",
            "lyceum-oidc",
            "lyceum-xet",
            "lyceum-git",
            "lyceum-db",
            "lyceum-search",
            "lyceum-trust",
            "lyceum-store",
        ],
    ),
    ("lyceum-api", &["lyceum-core", "lyceum-hub"]),
    ("lyceum-web", &["lyceum-core", "lyceum-markup", "lyceum-hub"]),
    (
        "lyceum",
        &[
            "lyceum-core",
            "lyceum-fetch",
            "lyceum-xet",
            "lyceum-git",
            "lyceum-bare",
            "lyceum-db",
            "lyceum-trust",
            "lyceum-store",
            "lyceum-hub",
            "lyceum-api",
            "lyceum-web",
        ],
    ),
    ("xtask", &[]),
];

/// Outside crates that have one home, so that what they bring stays there.
const HOMES: &[(&str, &[&str])] = &[
    ("blake3", &["lyceum-xet"]),
    ("gearhash", &["lyceum-xet"]),
    ("lz4_flex", &["lyceum-xet"]),
    ("object_store", &["lyceum-store"]),
    ("sqlx", &["lyceum-db"]),
    ("chrono", &["lyceum-oidc"]),
    ("openidconnect", &["lyceum-oidc"]),
    ("tokio-rustls", &["lyceum-fetch"]),
    ("rustls-native-certs", &["lyceum-fetch"]),
    ("axum", &["lyceum-api", "lyceum-web", "lyceum"]),
    ("askama", &["lyceum-web"]),
    ("comrak", &["lyceum-markup"]),
    ("tantivy", &["lyceum-search"]),
    ("clap", &["lyceum", "xtask"]),
];

pub(super) fn check(metadata: &Value) -> Result<Vec<Problem>> {
    let packages = metadata["packages"].as_array().context("the metadata has no packages")?;
    let mut problems = Vec::new();
    for package in packages {
        let name = package["name"].as_str().context("a package has no name")?;
        let Some(layer) = LAYERS.iter().position(|(known, _)| *known == name) else {
            problems.push(Problem::Error(format!(
                "crate `{name}` has no place in the layers; give it one in tidy"
            )));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let other = dependency["name"].as_str().context("a dependency has no name")?;
            let for_tests = dependency["kind"].as_str() == Some("dev");
            problems.extend(check_edge(name, layer, other, for_tests));
        }
    }
    Ok(problems)
}

fn check_edge(name: &str, layer: usize, other: &str, for_tests: bool) -> Option<Problem> {
    if let Some(other_layer) = LAYERS.iter().position(|(known, _)| *known == other) {
        // Tests may reach for anything below (or for the crate's own test features), never upwards.
        let allowed = if for_tests { other_layer <= layer } else { LAYERS[layer].1.contains(&other) };
        return (!allowed).then(|| Problem::Error(format!("`{name}` must not depend on `{other}`")));
    }
    let (_, homes) = HOMES.iter().find(|(outside, _)| *outside == other)?;
    (!for_tests && !homes.contains(&name))
        .then(|| Problem::Error(format!("`{name}` uses `{other}`, whose place is {}", homes.join(", "))))
}
