//! Commits over plain HTTP: one of many files, and many small ones to different repos.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

use super::{Bench, Row};
use crate::http::Connection;
use crate::server::{self, Server};

const FILES: usize = 1000;
const CLIENTS: usize = 16;
const DURATION: Duration = Duration::from_secs(6);
pub(super) const NDJSON: &str = "application/x-ndjson";

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let server = Server::start(&bench.scratch.path().join("commits"))?;
    let token = server::user(server.data(), "alice")?;
    Ok(vec![
        Row::at_most("commit of 1,000 small files", many_files(&server, &token)?, 2.0, "s"),
        Row::at_least("small commits from 16 clients", many_commits(&server, &token)?, 500.0, "1/s"),
    ])
}

/// Creates a model repo of alice.
pub(super) fn create(connection: &mut Connection, token: &str, name: &str) -> Result<()> {
    let body = format!(r#"{{"name":"{name}","organization":"alice","type":"model"}}"#);
    connection.post("/api/repos/create", token, "application/json", body.as_bytes())?.success().map(drop)
}

/// Returns the seconds that one commit of 1,000 different files takes; the median of three.
fn many_files(server: &Server, token: &str) -> Result<f64> {
    let mut connection = server.connect()?;
    let mut seconds = Vec::new();
    for round in 0..3 {
        let name = format!("many-{round}");
        create(&mut connection, token, &name)?;
        let mut body = header("Add a thousand files");
        for number in 0..FILES {
            // Base64 of ten digits: the content differs per file and round.
            let content = base64(format!("{round:03}{number:09}").as_bytes());
            writeln!(
                body,
                r#"{{"key":"file","value":{{"path":"folder-{}/file-{number}.txt","content":"{content}","encoding":"base64"}}}}"#,
                number % 20
            )?;
        }
        let start = Instant::now();
        let path = format!("/api/models/alice/{name}/commit/main");
        connection.post(&path, token, NDJSON, body.as_bytes())?.success()?;
        seconds.push(start.elapsed().as_secs_f64());
        let history =
            connection.get(&format!("/api/models/alice/{name}/commits/main"), Some(token))?.success()?;
        let history: serde_json::Value = serde_json::from_slice(&history.body)?;
        let commits = history.as_array().map(Vec::len);
        anyhow::ensure!(commits == Some(2), "one commit was asked for, the history has {commits:?}");
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[1])
}

/// Returns the commits per second of 16 clients, each committing to a repo of its own.
fn many_commits(server: &Server, token: &str) -> Result<f64> {
    let done = AtomicU64::new(0);
    let mut connection = server.connect()?;
    for client in 0..CLIENTS {
        create(&mut connection, token, &format!("client-{client}"))?;
    }
    let (start, counter) = (Instant::now(), &done);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || commit_until(server, token, client, start, counter)))
            .collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| anyhow!("a client panicked"))?)
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let done = u32::try_from(done.into_inner()).context("count the commits")?;
    Ok(f64::from(done) / seconds)
}

fn commit_until(server: &Server, token: &str, client: usize, start: Instant, done: &AtomicU64) -> Result<()> {
    let mut connection = server.connect()?;
    let path = format!("/api/models/alice/client-{client}/commit/main");
    for number in 0.. {
        if start.elapsed() > DURATION {
            break;
        }
        let content = base64(format!("{client:03}{number:09}").as_bytes());
        let mut body = header("Change the state");
        writeln!(
            body,
            r#"{{"key":"file","value":{{"path":"state.txt","content":"{content}","encoding":"base64"}}}}"#
        )?;
        connection.post(&path, token, NDJSON, body.as_bytes())?.success()?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

pub(super) fn header(summary: &str) -> String {
    format!("{{\"key\":\"header\",\"value\":{{\"summary\":\"{summary}\",\"description\":\"\"}}}}\n")
}

/// Encodes bytes whose number is a multiple of three, so that there is no padding to care for.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert!(bytes.len().is_multiple_of(3), "only whole groups are encoded");
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        text.extend([18, 12, 6, 0].map(|shift| char::from(DIGITS[bits >> shift & 63])));
    }
    text
}
