use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// Functions that address a hub, and are not tested; docs/conformance.md tells why.
const EXCEPTIONS: &[&str] = &[
    "HFRepository::add_secret",
    "HFRepository::add_variable",
    "HFRepository::delete_secret",
    "HFRepository::delete_variable",
    "HFRepository::pause",
    "HFRepository::request_hardware",
    "HFRepository::restart",
    "HFRepository::runtime",
    "HFRepository::set_sleep_time",
];

/// What calls the client.
const TESTS: &[&str] = &[
    include_str!("../tests.rs"),
    include_str!("buckets.rs"),
    include_str!("files.rs"),
    include_str!("history.rs"),
    include_str!("people.rs"),
    include_str!("repos.rs"),
];

/// Returns the folder of the client's source, as Cargo has it.
fn source() -> PathBuf {
    let metadata = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["metadata", "--format-version=1", "--locked", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let client = packages.iter().find(|package| package["name"] == "hf-hub").unwrap();
    PathBuf::from(client["manifest_path"].as_str().unwrap()).with_file_name("src")
}

/// Returns `Type::function` of everything that the client builds a request for: each is the builder of a call that
/// ends in `send`.
fn functions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let (mut of, mut sends) = (String::new(), false);
            for line in fs::read_to_string(path).unwrap().lines() {
                if let Some(rest) = line.strip_prefix("impl") {
                    let name = rest.split_once("HF").map_or("", |(_, name)| name);
                    let end = name.find(|c: char| !c.is_alphanumeric()).unwrap_or(name.len());
                    let name = &name[..end];
                    of = format!("HF{}", name.strip_suffix("Sync").unwrap_or(name));
                }
                sends |= line.contains("finish_fn = send");
                let line = line.trim_start();
                let function = line.strip_prefix("pub async fn ").or_else(|| line.strip_prefix("pub fn "));
                if let Some(function) = function.filter(|_| std::mem::take(&mut sends)) {
                    let end = function.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap();
                    found.insert(format!("{of}::{}", &function[..end]));
                }
            }
        }
    }
    found
}

#[test]
fn every_function_is_called_or_named_with_a_reason() {
    let functions = functions();
    assert!(functions.contains("HFRepository::list_tree") && functions.len() > 60, "{functions:?}");
    let called = |function: &str| {
        let call = format!(".{}()", function.split("::").last().unwrap());
        TESTS.iter().any(|test| test.contains(&call))
    };
    let missed: Vec<_> = functions.iter().filter(|function| !called(function)).collect();
    assert_eq!(missed, EXCEPTIONS);
    let told = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/conformance.md")).unwrap();
    for exception in EXCEPTIONS {
        let name = exception.split("::").last().unwrap();
        assert!(told.contains(&format!("`{name}`")), "docs/conformance.md does not tell of {exception}");
    }
}
