//! The hub on PostgreSQL, named in its settings file.

use serde_json::Value;

use crate::client::{Client, file, large_file};
use crate::process::{Server, command};

#[test]
fn a_configured_postgresql_serves() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(database) = runtime.block_on(lyceum_db::testing::postgres()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("lyceum.toml");
    std::fs::write(&settings, format!("database = {:?}\n", database.url())).unwrap();
    let data = folder.path().join("data");
    let run = |arguments: &[&str]| {
        let output = command(&data).args(arguments).arg("--config").arg(&settings).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let mut serve = command(&data);
    let server = Server::spawn(serve.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&settings));
    run(&["user", "create", "ada"]);
    let token = run(&["token", "create", "ada"]);
    let client = Client::new(&server.address, Some(token.trim()));
    client.create_model("m");
    let weights = vec![7_u8; 400_000];
    assert!(client.try_upload("ada/m", &weights).unwrap());
    let operations = [file("a.txt", b"text"), large_file("w.bin", &weights)];
    assert_eq!(client.try_commit("ada/m", None, &operations).unwrap().status, 200);
    assert_eq!(client.get("/ada/m/resolve/main/a.txt").text(), "text");
    assert!(client.get("/ada/m/resolve/main/w.bin").body == weights);
    server.terminate();
    assert!(server.wait().success());
    let report: Value = serde_json::from_str(&run(&["fsck", "--deep", "--json"])).unwrap();
    assert_eq!((report["clean"].as_bool(), report["repos"].as_u64()), (Some(true), Some(1)), "{report}");
    assert!(run(&["doctor"]).contains("postgres"));
    assert!(!data.join("lyceum.db").exists(), "nothing is kept in SQLite");
}
