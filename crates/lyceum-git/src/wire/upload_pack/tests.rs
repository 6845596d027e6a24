//! The real git as the client, over connections of its own protocol; and requests that it would never make.

mod bad;
mod clone;
mod packets;
mod partial;
mod shallow;

use std::fmt::Write as _;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::testing::{Git, Memory};
use crate::wire::{NoPackCache, PacketReader};

/// A server on a port of its own, gone when this is dropped.
struct Server {
    url: String,
    task: JoinHandle<()>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Server {
    fn start(memory: &Arc<Memory>, options: &UploadPackOptions) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_io().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("git://{}/r", listener.local_addr().unwrap());
        let (memory, options) = (memory.clone(), options.clone());
        let task = runtime.spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let (memory, mut options) = (memory.clone(), options.clone());
                tokio::spawn(async move {
                    let (mut input, output) = connection.split();
                    // Path, host and, after another NUL, the version.
                    let mut first = PacketReader::new(&mut input);
                    let first = first.expect().await.unwrap().line().unwrap().to_vec();
                    let first = String::from_utf8(first).unwrap();
                    let protocol = first.split("\0\0").nth(1).unwrap_or_default().replace('\0', ":");
                    options.version = Version::from_protocol(&protocol);
                    let served = upload_pack(&*memory, &options, &NoPackCache, &mut input, output).await;
                    // What went wrong is seen at the client.
                    drop(served);
                    let mut rest = Vec::new();
                    drop(input.read_to_end(&mut rest).await);
                });
            }
        });
        Self { url, task, runtime: Some(runtime) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        self.runtime.take().unwrap().shutdown_background();
    }
}

/// What the hub allows.
fn generous() -> UploadPackOptions {
    UploadPackOptions {
        any: true,
        filter: true,
        ref_in_want: true,
        object_info: true,
        ..UploadPackOptions::default()
    }
}

/// A repository with merges, tags of both kinds, folders, renamed files and deltas.
fn sample() -> Git {
    let git = Git::new();
    git.run(&["symbolic-ref", "HEAD", "refs/heads/main"], b"");
    let lines = |count: usize| (0..count).map(|line| format!("line {line}\n")).collect::<String>();
    let mut stream = String::new();
    let mut commit = |name: &str, number: u64, parents: &str, files: &[(&str, String)]| {
        write!(
            stream,
            "commit refs/heads/{name}\nmark :{number}\ncommitter Ada <ada@example.org> {} +0100\n\
             data 2\nc\n{parents}",
            1_700_000_000 + 100 * number
        )
        .unwrap();
        for (path, text) in files {
            write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len()).unwrap();
        }
        stream.push('\n');
    };
    commit("main", 1, "", &[("README.md", lines(100)), ("a/b/c.txt", lines(10)), ("a/d.txt", lines(3))]);
    for number in 2..6 {
        let parent = format!("from :{}\n", number - 1);
        commit("main", number, &parent, &[("README.md", lines(100 + number as usize))]);
    }
    commit("side", 6, "from :3\n", &[("a/side.txt", lines(5)), ("copy.md", lines(100))]);
    commit("side", 7, "from :6\n", &[("a/b/c.txt", lines(11))]);
    commit("main", 8, "from :5\nmerge :7\n", &[("a/side.txt", lines(5)), ("a/b/c.txt", lines(11))]);
    commit("main", 9, "from :8\n", &[("big.bin", lines(30_000))]);
    stream.push_str("tag v1\nfrom :5\ntagger Ada <ada@example.org> 1700000900 +0100\ndata 2\nt\n");
    git.run(&["fast-import", "--quiet"], stream.as_bytes());
    git.run(&["tag", "light", "main~1"], b"");
    git.run(&["-c", "advice.nestedTag=false", "tag", "-a", "-m", "nested", "v2", "v1"], b"");
    git.run(&["repack", "-adfq", "--depth=10", "--window=20"], b"");
    git
}

/// Runs git inside of `git` with a version of the protocol; returns its status and what it prints.
fn client(git: &Git, version: u8, arguments: &[&str]) -> (i32, String) {
    let version = format!("protocol.version={version}");
    let all: Vec<&str> = [&["-c", &version][..], arguments].concat();
    let (status, output) = git.try_run(&all, b"");
    (status, String::from_utf8(output).unwrap())
}
