//! Lists and searches among 100,000 repos, by 32 readers at once: pages with facets, and the API.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::discussions::at_once;
use super::{Bench, Row};
use crate::server::{Server, pause};

const REPOS: usize = 100_000;
const WRITERS: usize = 16;
const READERS: usize = 32;
const DURATION: Duration = Duration::from_secs(8);
/// Longest wait for the work that making repos leaves behind.
const QUIET: Duration = Duration::from_secs(1800);
const JSON: &str = "application/json";

const FAMILIES: &[&str] = &["bert", "llama", "mistral", "qwen", "whisper", "marian", "falcon", "gemma"];
const KINDS: &[&str] =
    &["base", "chat", "instruct", "tiny", "large", "gguf", "lora", "awq", "vision", "code"];
const LICENCES: &[&str] = &["mit", "apache-2.0", "gpl-3.0", "bsd-3-clause"];

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let server = Server::start(&bench.scratch.path().join("search"))?;
    let token = crate::server::user(server.data(), "alice")?;
    let start = Instant::now();
    at_once(WRITERS, |writer| write(&server, &token, writer))?;
    println!("made {REPOS} repos in {:.1} s", start.elapsed().as_secs_f64());
    quiet(&server)?;
    let lists = ["/models", "/models?license=mit", "/models?sort=downloads", "/api/models?limit=30"];
    let list = read(&server, |turn| lists[turn % lists.len()].to_owned())?;
    let search = read(&server, |turn| {
        let (family, kind) = (FAMILIES[turn % FAMILIES.len()], KINDS[turn / 7 % KINDS.len()]);
        match turn % 4 {
            0 => format!("/models?search={family}"),
            1 => format!("/models?search={family}+{kind}&license=mit"),
            2 => format!("/api/models?search={family}-{kind}-{}&limit=30", turn % 1000),
            // Written with a mistake.
            _ => format!("/models?search={}x{}", &family[..2], &family[2..]),
        }
    })?;
    Ok(vec![
        Row::at_most("lists of 100,000 repos, 32 connections, p99", list, 50.0, "ms"),
        Row::at_most("searches among 100,000 repos, 32 connections, p99", search, 50.0, "ms"),
    ])
}

/// Makes a writer's share of the repos.
fn write(server: &Server, token: &str, writer: usize) -> Result<()> {
    let mut connection = server.connect()?;
    for number in (writer..REPOS).step_by(WRITERS) {
        let (family, kind) = (FAMILIES[number % FAMILIES.len()], KINDS[number / 8 % KINDS.len()]);
        let licence = LICENCES[number / 3 % LICENCES.len()];
        let body = format!(r#"{{"name":"{family}-{kind}-{number}","type":"model","license":"{licence}"}}"#);
        connection.post("/api/repos/create", token, JSON, body.as_bytes())?.success()?;
    }
    Ok(())
}

/// Waits until the server has nothing to do, and has found all repos.
fn quiet(server: &Server) -> Result<()> {
    let start = Instant::now();
    let mut before = server.cpu_seconds()?;
    loop {
        pause(Duration::from_secs(2));
        let now = server.cpu_seconds()?;
        if now - before < 0.2 {
            break;
        }
        before = now;
        ensure!(start.elapsed() < QUIET, "the server is still at work after {} s", QUIET.as_secs());
    }
    let page = server.connect()?.get("/models?license=mit", None)?.success()?;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let found = page.split("<strong>").nth(1).and_then(|rest| rest.split('<').next());
    let digits = found.map(|found| found.chars().filter(char::is_ascii_digit).collect::<String>());
    let expected = (0..REPOS).filter(|number| LICENCES[number / 3 % LICENCES.len()] == "mit").count();
    if digits.as_deref() != Some(&expected.to_string()) {
        bail!("the list says that {found:?} repos are under the MIT licence, not {expected}");
    }
    println!("indexed after {:.1} s more", start.elapsed().as_secs_f64());
    Ok(())
}

/// Asks for one address after the other on all connections, and returns the 99th percentile in milliseconds.
fn read(server: &Server, path: impl Fn(usize) -> String + Sync) -> Result<f64> {
    let start = Instant::now();
    let readers = at_once(READERS, |reader| {
        let mut connection = server.connect()?;
        let mut latencies = Vec::new();
        for turn in (reader..).step_by(READERS) {
            if start.elapsed() > DURATION {
                break;
            }
            let asked = Instant::now();
            connection.get(&path(turn), None)?.success()?;
            latencies.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        Ok(latencies)
    })?;
    let mut latencies = readers.concat();
    latencies.sort_by(f64::total_cmp);
    latencies.get(latencies.len() * 99 / 100).copied().context("nothing was answered")
}
