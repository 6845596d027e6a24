//! The demo: a hub with something on it, in one command.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::client::Client;
use crate::process::command;

#[test]
fn the_demo_shows_a_model_and_a_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    // The second run finds what the first one left.
    for _ in 0..2 {
        let mut command = command(folder.path());
        command.args(["demo", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let shown: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(shown["commands"].as_array().unwrap().len(), 3);
        let client = Client::new(shown["address"].as_str().unwrap(), None);
        let me = Client::new(&client.address, shown["token"].as_str()).get("/api/whoami-v2");
        assert_eq!(me.json()["name"], "demo");

        let weights = client.get("/demo/tiny-llama/resolve/main/model.safetensors");
        assert_eq!(weights.status, 200);
        let header = u64::from_le_bytes(weights.body[..8].try_into().unwrap());
        let header: Value =
            serde_json::from_slice(&weights.body[8..8 + usize::try_from(header).unwrap()]).unwrap();
        assert_eq!(header["model.embed_tokens.weight"]["dtype"], "F32");
        for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
            let file = client.get(&format!("/demo/tiny-llama/resolve/main/{name}"));
            assert_eq!(file.status, 200, "{name}");
            file.json();
        }
        let rows = client.get("/datasets/demo/chemical-elements/resolve/main/elements.jsonl").text();
        assert_eq!(rows.lines().count(), 118);
        let page = client.get("/demo/tiny-llama");
        assert!(page.status == 200 && page.text().contains("Tiny Llama"), "{}", page.text());

        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        assert!(child.wait().unwrap().success());
    }
    assert!(data.join("lyceum.db").exists(), "a named folder stays");
}
