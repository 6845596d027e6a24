//! Starting, announcing, limiting and stopping.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::client::{Client, file};
use crate::process::{Server, Site, command, ok};

#[test]
fn the_first_start_explains_how_to_make_an_admin() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new");
    let mut server = Server::start(&data);
    let text = [server.line(), server.line(), server.line()].join("\n");
    assert!(text.contains("no users yet"), "{text}");
    assert!(text.contains("lyceum user create NAME --admin"), "{text}");
    assert!(text.contains("lyceum token create NAME"), "{text}");
    let port: u16 = server.address.rsplit(':').next().unwrap().parse().unwrap();
    assert_ne!(port, 0, "the real port is printed");
    drop(server);

    ok(&data, &["user", "create", "ada"]);
    let mut server = Server::start(&data);
    server.terminate();
    assert_eq!(server.line(), "", "a hub with users has nothing to explain");
}

#[test]
fn it_is_ready_and_counts_requests() {
    let site = Site::new();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(site.client.get(path).status, 200, "{path}");
    }
    let metrics = site.client.get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.text().contains("# TYPE "), "{}", metrics.text());
}

#[test]
fn a_running_request_finishes_before_the_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let site = Site::new();
        site.client.create_model("m");
        let token_client = site.client.clone();
        // A commit whose body arrives in two parts, with the signal in between.
        let line = file("a.txt", b"slow").to_string();
        let head = r#"{"key":"header","value":{"summary":"slow"}}"#;
        let body = format!("{head}\n{line}\n");
        let mut stream = TcpStream::connect(site.server.address.trim_start_matches("http://")).unwrap();
        let token = ok(site.folder.path(), &["token", "create", "ada"]);
        write!(
            stream,
            "POST /api/models/ada/m/commit/main HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {}\r\n\
             content-type: application/x-ndjson\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            token.trim(),
            body.len()
        )
        .unwrap();
        // The server asks for the body once the handler runs.
        let mut interim = [0_u8; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(&body.as_bytes()[..20]).unwrap();
        site.server.signal(signal);
        // New clients are turned away as soon as the server knows.
        let deadline = Instant::now() + Duration::from_secs(20);
        while token_client.at(&site.server.address).try_send("GET", "/healthz", &[], &[]).is_ok() {
            assert!(Instant::now() < deadline, "the server still accepts connections");
        }
        stream.write_all(&body.as_bytes()[20..]).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let Site { server, folder, client } = site;
        assert!(server.wait().success());
        let server = Server::start(folder.path());
        let read = client.at(&server.address).get("/ada/m/resolve/main/a.txt");
        assert_eq!((read.status, read.text().as_str()), (200, "slow"));
    }
}

#[test]
fn a_request_that_never_ends_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("LYCEUM_LIMITS_SHUTDOWN_SECONDS", "0");
    let server = Server::spawn(&mut command);
    let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).unwrap();
    write!(
        stream,
        "POST /oauth/device HTTP/1.1\r\nhost: hub\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n"
    )
    .unwrap();
    server.terminate();
    assert!(server.wait().success());
}

#[test]
fn a_head_that_is_too_large_or_too_slow_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("LYCEUM_LIMITS_HEADER_BYTES", "8192")
        .env("LYCEUM_LIMITS_HEADER_SECONDS", "1");
    let server = Server::spawn(&mut command);
    let address = server.address.trim_start_matches("http://");
    let mut large = TcpStream::connect(address).unwrap();
    write!(large, "GET / HTTP/1.1\r\nhost: hub\r\nx-large: {}\r\n", "x".repeat(20_000)).unwrap();
    let mut answer = String::new();
    large.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");

    let mut slow = TcpStream::connect(address).unwrap();
    write!(slow, "GET / HTTP/1.1\r\nhost:").unwrap();
    let mut rest = Vec::new();
    let started = Instant::now();
    let _reset = slow.read_to_end(&mut rest);
    assert!(started.elapsed() < Duration::from_secs(10), "a slow head holds its connection");
}

#[test]
fn a_taken_port_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let address = server.address.trim_start_matches("http://");
    let output = command(&folder.path().join("other")).args(["serve", "--listen", address]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(address) && text.contains("hint: "), "{text}");
    assert!(!folder.path().join("other").exists(), "nothing was made for a server that cannot listen");
}

#[test]
fn json_logs_carry_the_request_id() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["serve", "--listen", "127.0.0.1:0", "--json"]).env("LYCEUM_LOG_FORMAT", "json");
    let output =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut child = scopeguard(output);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.0.stdout.take().unwrap()), &mut line)
        .unwrap();
    let started: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(started["first_admin"].as_array().unwrap().len(), 2);
    let client = Client::new(started["address"].as_str().unwrap(), None);
    let answer = client.send("GET", "/healthz", &[("x-request-id", "trace-me-0123456789")], &[]);
    assert_eq!(answer.header("x-request-id"), "trace-me-0123456789");
    let missing = client.send("GET", "/api/models/no/thing", &[("x-request-id", "trace-me-too")], &[]);
    assert_eq!((missing.status, missing.header("x-request-id")), (401, "trace-me-too"));
    let mut log = child.0.stderr.take().unwrap();
    child.0.kill().unwrap();
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    for line in text.lines() {
        let entry: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        assert!(entry["level"].is_string(), "{line}");
    }
    assert!(text.contains("trace-me-too"), "{text}");
}

struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn scopeguard(child: std::process::Child) -> Killed {
    Killed(child)
}
