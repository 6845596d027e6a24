//! Discussions: the diff of a large pull request, and the list of a repo in which much was said.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::commits::{self, NDJSON};
use super::{Bench, Row};
use crate::http::Connection;
use crate::server::Server;

const FILES: usize = 1000;
const DIFFS: usize = 5;
const DISCUSSIONS: usize = 1000;
/// With the opening one, a discussion has a hundred events.
const COMMENTS: usize = 99;
const WRITERS: usize = 16;
const READERS: usize = 8;
const DURATION: Duration = Duration::from_secs(6);
const JSON: &str = "application/json";

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let server = Server::start(&bench.scratch.path().join("discussions"))?;
    let token = crate::server::user(server.data(), "alice")?;
    let diff = diff(&server, &token)?;
    let list = list(&server, &token)?;
    Ok(vec![
        Row::at_most("diff of a pull request of 1,000 files", diff, 300.0, "ms"),
        Row::at_most("list of discussions, 100,000 events, p99", list, 20.0, "ms"),
    ])
}

/// Returns the milliseconds in which a pull request that changes 1,000 files is told with its diff; the median of five.
fn diff(server: &Server, token: &str) -> Result<f64> {
    let mut connection = server.connect()?;
    commits::create(&mut connection, token, "changed")?;
    commit(&mut connection, token, "main", "old")?;
    let body = br#"{"title":"Change everything","pullRequest":true}"#;
    connection.post("/api/models/alice/changed/discussions", token, JSON, body)?.success()?;
    commit(&mut connection, token, "refs%2Fpr%2F1", "new")?;
    let mut taken = Vec::new();
    for _ in 0..DIFFS {
        let start = Instant::now();
        let path = "/api/models/alice/changed/discussions/1?diff=1";
        let details = connection.get(path, Some(token))?.success()?;
        taken.push(start.elapsed().as_secs_f64() * 1e3);
        let details: serde_json::Value = serde_json::from_slice(&details.body)?;
        let diff = details["diff"].as_str().context("the answer has no diff")?;
        let files = diff.lines().filter(|line| line.starts_with("diff --git ")).count();
        ensure!(files == FILES, "the diff has {files} files");
    }
    taken.sort_by(f64::total_cmp);
    Ok(taken[DIFFS / 2])
}

/// Commits a thousand files of a hundred lines, one of which says `word`.
fn commit(connection: &mut Connection, token: &str, revision: &str, word: &str) -> Result<()> {
    let mut body = commits::header("A thousand files");
    for number in 0..FILES {
        let mut content = String::new();
        for line in 0..100 {
            let said = if line == 50 { word } else { "the" };
            writeln!(content, "{said} line {line:02} of file {number:05}")?;
        }
        content.push_str(&" ".repeat((3 - content.len() % 3) % 3));
        let content = commits::base64(content.as_bytes());
        writeln!(
            body,
            r#"{{"key":"file","value":{{"path":"folder-{}/file-{number}.txt","content":"{content}","encoding":"base64"}}}}"#,
            number % 20
        )?;
    }
    let path = format!("/api/models/alice/changed/commit/{revision}");
    connection.post(&path, token, NDJSON, body.as_bytes())?.success().map(drop)
}

/// Returns the 99th percentile in milliseconds of reading pages of the list, by eight readers at once.
fn list(server: &Server, token: &str) -> Result<f64> {
    commits::create(&mut server.connect()?, token, "talk")?;
    let start = Instant::now();
    at_once(WRITERS, |writer| write(server, token, writer))?;
    println!("wrote {} events in {:.1} s", DISCUSSIONS * (COMMENTS + 1), start.elapsed().as_secs_f64());
    let start = Instant::now();
    let mut latencies: Vec<f64> = at_once(READERS, |_| read(server, start))?.concat();
    latencies.sort_by(f64::total_cmp);
    latencies.get(latencies.len() * 99 / 100).copied().context("no list was answered")
}

/// Opens a writer's share of the discussions and fills them; every third is closed.
fn write(server: &Server, token: &str, writer: usize) -> Result<()> {
    let mut connection = server.connect()?;
    let base = "/api/models/alice/talk/discussions";
    for number in (writer..DISCUSSIONS).step_by(WRITERS) {
        let body = format!(r#"{{"title":"Question {number}","description":"How?"}}"#);
        let made = connection.post(base, token, JSON, body.as_bytes())?.success()?;
        let made: serde_json::Value = serde_json::from_slice(&made.body)?;
        let place = format!("{base}/{}", made["num"].as_i64().context("a discussion has no number")?);
        for comment in 0..COMMENTS {
            let body = format!(r#"{{"comment":"Answer {comment}"}}"#);
            connection.post(&format!("{place}/comment"), token, JSON, body.as_bytes())?.success()?;
        }
        if number % 3 == 0 {
            connection.post(&format!("{place}/status"), token, JSON, br#"{"status":"closed"}"#)?.success()?;
        }
    }
    Ok(())
}

/// Reads pages of the list one after the other until the time is over; returns each latency in milliseconds.
fn read(server: &Server, start: Instant) -> Result<Vec<f64>> {
    let mut connection = server.connect()?;
    let mut latencies = Vec::new();
    let pages = ["?p=0", "?p=0&status=open", "?p=9&status=closed&type=discussion", "?p=19"];
    for page in pages.iter().cycle() {
        if start.elapsed() > DURATION {
            break;
        }
        let asked = Instant::now();
        connection.get(&format!("/api/models/alice/talk/discussions{page}"), None)?.success()?;
        latencies.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok(latencies)
}

/// Runs the same work on several threads.
pub(super) fn at_once<T: Send>(threads: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let work = &work;
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|number| scope.spawn(move || work(number))).collect();
        running.into_iter().map(|each| each.join().map_err(|_| anyhow!("a client panicked"))?).collect()
    })
}
