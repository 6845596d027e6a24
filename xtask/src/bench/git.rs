//! Clones, fetches and pushes, compared with `git http-backend` on a repository of the same history.

mod backend;
mod lfs;
mod push;

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};

use self::backend::Backend;
use super::commits::{NDJSON, base64, create, header};
use super::{Bench, Row};
use crate::http::{Connection, Request};
use crate::process;
use crate::server::{self, Server};

const FILES: usize = 10_000;
const COMMITS: usize = 1000;
const CHANGED: usize = 5;
const ROUNDS: usize = 3;
const CLONES: usize = 16;
/// The large history: so many files of a mebibyte each that cannot be compressed.
const LARGE_FILES: usize = 1024;
const LARGE_FILE_BYTES: usize = 1 << 20;
const LARGE_FILES_PER_COMMIT: usize = 8;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let scratch = bench.scratch.path().join("git");
    let server = Server::start(&scratch.join("hub"))?;
    let token = server::user(server.data(), "alice")?;
    history(&server, &token)?;
    let url = format!("{}/alice/history", server.endpoint());
    let repositories = scratch.join("repositories");
    fs::create_dir_all(&repositories).context("make a folder for repositories")?;
    let origin = repositories.join("history.git");
    clone(&url, &origin)?;
    // What a server of git alone would have after its own housekeeping.
    process::run(git().arg("-C").arg(&origin).args(["gc", "-q"]))?;
    let backend = Backend::start(&repositories)?;

    let (mut cold, mut kept, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let copy = |name: &str| scratch.join(format!("{name}-{round}"));
        forget_packs(server.data())?;
        cold.push(clone(&url, &copy("cold"))?);
        wait_for_pack(server.data())?;
        kept.push(clone(&url, &copy("kept"))?);
        theirs.push(clone(&backend.url("history.git"), &copy("backend"))?);
    }
    let theirs = median(theirs);
    println!("git http-backend: {theirs:.3} s");
    Ok(vec![
        Row::at_most("clone of 1,000 commits against git http-backend", median(cold) / theirs, 1.5, "times"),
        Row::at_most("the same from the kept pack", median(kept) / theirs, 1.0, "times"),
        Row::at_most("what the server takes for a fetch of one commit", fetch(&server, &token)?, 50.0, "ms"),
        push::measure(&scratch, &server, &token)?,
        lfs::measure(&scratch, &server, &token)?,
        Row::at_most("memory with 16 clones of 1 GiB", memory(&scratch)?, 150.0, "MiB"),
    ])
}

fn git() -> std::process::Command {
    let mut command = process::command("git");
    // Who is asked for a password fails instead of waiting.
    command.env("GIT_TERMINAL_PROMPT", "0");
    command
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Makes the history: one commit of all files, then commits that change some.
fn history(server: &Server, token: &str) -> Result<()> {
    let mut connection = server.connect()?;
    create(&mut connection, token, "history")?;
    for commit in 0..COMMITS {
        let mut body = header("Change some files");
        let files = if commit == 0 { 0..FILES } else { 0..CHANGED };
        for file in files {
            let number = if commit == 0 { file } else { (commit * 7919 + file * 1777) % FILES };
            let text = format!("commit {commit:012} file {number:012}\n").repeat(20);
            add(&mut body, &format!("folder-{}/file-{number}.txt", number % 100), text.as_bytes())?;
        }
        let path = "/api/models/alice/history/commit/main";
        connection.post(path, token, NDJSON, body.as_bytes())?.success()?;
    }
    Ok(())
}

fn add(body: &mut String, path: &str, content: &[u8]) -> Result<()> {
    let content = base64(&content[..content.len() / 3 * 3]);
    writeln!(
        body,
        r#"{{"key":"file","value":{{"path":"{path}","content":"{content}","encoding":"base64"}}}}"#
    )?;
    Ok(())
}

/// Clones and returns the seconds that it took.
fn clone(url: &str, into: &Path) -> Result<f64> {
    let start = Instant::now();
    process::run(git().args(["clone", "-q", "--bare", url]).arg(into))?;
    Ok(start.elapsed().as_secs_f64())
}

fn packs(data: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = fs::read_dir(data.join("packs")).context("list the packs that are kept")?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let paths: Vec<_> = paths.collect::<Result<_>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|name| name == "pack")).collect())
}

fn forget_packs(data: &Path) -> Result<()> {
    for pack in packs(data)? {
        fs::remove_file(pack).context("delete a pack")?;
    }
    Ok(())
}

/// The pack is synced and gets its name after the client has it.
fn wait_for_pack(data: &Path) -> Result<()> {
    for _ in 0..1000 {
        if !packs(data)?.is_empty() {
            return Ok(());
        }
        server::pause(std::time::Duration::from_millis(10));
    }
    bail!("no pack was kept")
}

/// Returns the milliseconds that the requests of a fetch take which brings one commit; the median of several.
fn fetch(server: &Server, token: &str) -> Result<f64> {
    let mut connection = server.connect()?;
    let mut times = Vec::new();
    let mut old = head(&mut connection)?;
    for round in 0..ROUNDS * 7 {
        let mut body = header("Change a file");
        add(&mut body, "folder-1/file-1.txt", format!("round {round:012}").as_bytes())?;
        connection
            .post("/api/models/alice/history/commit/main", token, NDJSON, body.as_bytes())?
            .success()?;
        let start = Instant::now();
        let path = "/alice/history/info/refs?service=git-upload-pack";
        connection.get(path, None)?.success()?;
        let new = head(&mut connection)?;
        let lines = ["thin-pack", "ofs-delta", "include-tag", &format!("want {new}"), &format!("have {old}")];
        let answer = ask(&mut connection, "fetch", &lines)?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        let packed = answer.windows(4).any(|part| part == b"PACK");
        anyhow::ensure!(packed && answer.len() < 20_000, "the answer has {} bytes", answer.len());
        old = new;
    }
    Ok(median(times))
}

fn head(connection: &mut Connection) -> Result<String> {
    let answer = ask(connection, "ls-refs", &["ref-prefix refs/heads/main"])?;
    let text = String::from_utf8_lossy(&answer);
    text.get(4..44).map(str::to_owned).context("the list of references has no id")
}

/// Frames a command of version 2.
fn framed(command: &str, lines: &[&str]) -> Vec<u8> {
    let mut request = Vec::new();
    let mut line =
        |text: &str| request.extend_from_slice(format!("{:04x}{text}\n", text.len() + 5).as_bytes());
    line(&format!("command={command}"));
    line("object-format=sha1");
    request.extend_from_slice(b"0001");
    for text in lines {
        request.extend_from_slice(format!("{:04x}{text}\n", text.len() + 5).as_bytes());
    }
    request.extend_from_slice(b"0000");
    request
}

fn ask(connection: &mut Connection, command: &str, lines: &[&str]) -> Result<Vec<u8>> {
    let request = Request {
        method: "POST",
        path: "/alice/history/git-upload-pack",
        token: None,
        content_type: Some("application/x-git-upload-pack-request\r\ngit-protocol: version=2"),
        body: &framed(command, lines),
    };
    Ok(connection.send(&request)?.success()?.body)
}

/// Returns the largest memory of a server, in MiB, that sends a large history to many clients at once.
fn memory(scratch: &Path) -> Result<f64> {
    let data = scratch.join("large");
    let server = Server::start(&data)?;
    let token = server::user(server.data(), "alice")?;
    let mut connection = server.connect()?;
    create(&mut connection, &token, "history")?;
    let mut state = 1_u64;
    for commit in 0..LARGE_FILES / LARGE_FILES_PER_COMMIT {
        let mut body = header("Add large files");
        for file in 0..LARGE_FILES_PER_COMMIT {
            let content = random(&mut state);
            add(&mut body, &format!("{commit}/{file}.txt"), &content)?;
        }
        connection
            .post("/api/models/alice/history/commit/main", &token, NDJSON, body.as_bytes())?
            .success()?;
    }
    drop(connection);
    drop(server);
    // The memory that writing took does not count.
    let server = Server::start(&data)?;
    let want = format!("want {}", head(&mut server.connect()?)?);
    let (port, want) = (server.port(), &want);
    thread::scope(|scope| {
        let clones: Vec<_> = (0..CLONES).map(|_| scope.spawn(move || receive(port, want))).collect();
        clones.into_iter().try_for_each(|clone| clone.join().map_err(|_| anyhow!("a client panicked"))?)
    })?;
    server.peak_memory_mib()
}

fn random(state: &mut u64) -> Vec<u8> {
    let mut content = Vec::with_capacity(LARGE_FILE_BYTES);
    while content.len() < LARGE_FILE_BYTES {
        // xorshift64
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        content.extend_from_slice(&state.to_le_bytes());
    }
    content
}

/// Reads a clone to its end.
fn receive(port: u16, want: &str) -> Result<()> {
    let body = framed("fetch", &["ofs-delta", want, "done"]);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("connect")?;
    let head = format!(
        "POST /alice/history/git-upload-pack HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
         content-type: application/x-git-upload-pack-request\r\ngit-protocol: version=2\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).context("send a request")?;
    let mut piece = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        match stream.read(&mut piece).context("read a clone")? {
            0 => break,
            length => bytes += length,
        }
    }
    anyhow::ensure!(bytes > LARGE_FILES * LARGE_FILE_BYTES, "a clone has {bytes} bytes only");
    Ok(())
}
