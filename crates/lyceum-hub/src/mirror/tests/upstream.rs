//! Another hub, as far as mirrors need one, with a real git behind it; it can be told to misbehave.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::{PullThrough, RepoPattern, Upstream};

/// How the server answers requests for files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Honest,
    /// Sends other bytes.
    Forging,
    /// Says and sends fewer bytes.
    Short,
    /// Dies after so many bytes, once per word.
    Dying {
        after: usize,
        times: usize,
    },
    /// Redirects for ever.
    Looping,
    /// Has trouble with everything.
    Down,
    /// Answers requests whose line holds this word when it is in another mood.
    Silent(&'static str),
    /// Offers its files by Xet, too.
    Xet(Xet),
}

/// What its store says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Xet {
    Honest,
    /// Sends other chunks.
    Forging,
    /// Leaves out the last chunk.
    Short,
    /// Names chunks that it does not say where to find.
    Placeless,
    /// Sends no chunks, but something else.
    Garbled,
}

/// Bytes of each chunk.
const CHUNK_BYTES: usize = 128 * 1024;

pub(super) struct FakeHub {
    pub(super) url: String,
    state: Arc<State>,
    work: TempDir,
}

struct State {
    mood: Mutex<Mood>,
    info: Mutex<String>,
    files: Mutex<HashMap<String, Vec<u8>>>,
    requests: Mutex<Vec<String>>,
    /// Told of each request and mood.
    news: watch::Sender<()>,
    bare: std::path::PathBuf,
    port: u16,
}

impl FakeHub {
    /// Starts a hub whose only repo is the model `lab/m`.
    pub(super) async fn start() -> Self {
        let work = tempfile::tempdir().unwrap();
        git(work.path(), &["init", "-q", "-b", "main", "work"]);
        git(work.path(), &["init", "-q", "--bare", "-b", "main", "bare"]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let state = Arc::new(State {
            mood: Mutex::new(Mood::Honest),
            info: Mutex::new(r#"{"id":"lab/m","private":false,"gated":false}"#.to_owned()),
            files: Mutex::default(),
            requests: Mutex::default(),
            news: watch::Sender::new(()),
            bare: work.path().join("bare"),
            port,
        });
        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = serving.clone();
                tokio::spawn(async move { state.serve(stream).await });
            }
        });
        Self { url, state, work }
    }

    /// Returns it as the settings name it.
    pub(super) fn upstream(&self, pull_through: PullThrough) -> Upstream {
        Upstream {
            name: "hf".to_owned(),
            url: self.url.clone(),
            token: None,
            allow: vec![RepoPattern::parse("lab/*").unwrap()],
            pull_through,
            refresh_seconds: 3600,
            allow_private_addresses: true,
        }
    }

    pub(super) fn set_mood(&self, mood: Mood) {
        *self.state.mood.lock().unwrap() = mood;
        self.state.news.send_replace(());
    }

    pub(super) fn set_info(&self, info: &str) {
        *self.state.info.lock().unwrap() = info.to_owned();
    }

    /// Returns the request lines so far that hold a word, with their ranges.
    pub(super) fn requests(&self, word: &str) -> Vec<String> {
        let requests = self.state.requests.lock().unwrap();
        requests.iter().filter(|request| request.contains(word)).cloned().collect()
    }

    /// Waits for so many requests.
    pub(super) async fn asked(&self, word: &str, times: usize) {
        self.state.news.subscribe().wait_for(|()| self.requests(word).len() >= times).await.unwrap();
    }

    /// Runs git where commits are made.
    pub(super) fn git(&self, arguments: &[&str]) -> String {
        git(&self.work.path().join("work"), arguments)
    }

    /// Commits a small file.
    pub(super) fn commit(&self, path: &str, content: &str) -> String {
        std::fs::write(self.work.path().join("work").join(path), content).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "a change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits the pointer of a large file, whose content the hub serves.
    pub(super) fn commit_large(&self, path: &str, content: &[u8]) -> String {
        let pointer = self.serve_large(path, content);
        self.commit(path, &pointer)
    }

    /// Commits the pointers of many large files at once.
    pub(super) fn commit_all_large(&self, files: &[(String, Vec<u8>)]) {
        for (path, content) in files {
            let pointer = self.serve_large(path, content);
            std::fs::write(self.work.path().join("work").join(path), pointer).unwrap();
        }
        self.commit("a.txt", "a");
    }

    /// Serves a large file no more.
    pub(super) fn forget(&self, path: &str) {
        self.state.files.lock().unwrap().remove(path);
    }

    /// Serves the content of a large file, and returns its pointer.
    fn serve_large(&self, path: &str, content: &[u8]) -> String {
        let digest = Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        });
        self.state.files.lock().unwrap().insert(path.to_owned(), content.to_vec());
        let size = content.len();
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n")
    }

    /// Makes what was committed be what others see.
    pub(super) fn publish(&self) {
        let bare = self.state.bare.to_str().unwrap();
        self.git(&["push", "-q", "--mirror", bare]);
    }
}

impl State {
    async fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let (mut head, mut length, mut version) = (String::new(), 0, false);
        let mut range = None;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "git-protocol" => version = value == "version=2",
                "range" => range = value.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')),
                _ if head.is_empty() => head = line.to_owned(),
                _ => {}
            }
            if range.is_some_and(|start: &str| !head.ends_with(start)) {
                head = format!("{head} from {}", range.unwrap());
            }
            range = None;
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let mut news = self.news.subscribe();
        self.requests.lock().unwrap().push(head.clone());
        self.news.send_replace(());
        let silent = || matches!(*self.mood.lock().unwrap(), Mood::Silent(word) if head.contains(word));
        news.wait_for(|()| !silent()).await.unwrap();
        let answer = self.answer(&head, &body, version);
        let _gone = stream.get_mut().write_all(&answer).await;
    }

    fn answer(&self, head: &str, body: &[u8], version: bool) -> Vec<u8> {
        let mood = *self.mood.lock().unwrap();
        let path = &head.split(' ').nth(1).unwrap().replacen("Lab/", "lab/", 1);
        let from = head.split_once(" from ").map_or(0, |(_, from)| from.parse().unwrap());
        if mood == Mood::Down {
            return b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_vec();
        }
        if path.starts_with("/api/models/lab/m?") {
            return ok(self.info.lock().unwrap().as_bytes());
        }
        if path.starts_with("/lab/m.git/") {
            assert!(version, "{head}");
            return ok(&self.upload_pack(path.contains("info/refs"), body));
        }
        if let Mood::Xet(xet) = mood
            && let Some(answer) = self.xet(xet, path, head)
        {
            return answer;
        }
        let file = path.strip_prefix("/lab/m/resolve/").and_then(|rest| rest.split_once('/'));
        let content = file.and_then(|(_, path)| self.files.lock().unwrap().get(path).cloned());
        match content {
            Some(content) => self.file(mood, content, from),
            None => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        }
    }

    /// Answers what is asked by Xet: one xorb, of which the only file is the first part.
    fn xet(&self, xet: Xet, path: &str, head: &str) -> Option<Vec<u8>> {
        let hash = "ab".repeat(32);
        let files = self.files.lock().unwrap();
        let content = files.get("large.bin")?;
        let count = content.len().div_ceil(CHUNK_BYTES);
        let stored = content.len() + 8 * count;
        if path.starts_with("/api/models/lab/m/paths-info/") {
            return Some(ok(format!(r#"[{{"path":"large.bin","xetHash":"{hash}"}}]"#).as_bytes()));
        }
        if path.starts_with("/api/models/lab/m/xet-read-token/") {
            let port = self.port;
            let token = format!(
                r#"{{"casUrl":"http://127.0.0.1:{port}/cas","accessToken":"t","exp":{}}}"#,
                i64::MAX / 2
            );
            return Some(ok(token.as_bytes()));
        }
        if path.starts_with("/cas/v2/") {
            return Some(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec());
        }
        if path.starts_with("/cas/v1/") {
            let (chunks, bytes) = match xet {
                Xet::Short => (count - 1, content.len() / CHUNK_BYTES * CHUNK_BYTES - CHUNK_BYTES),
                _ => (count, content.len()),
            };
            let placed = if xet == Xet::Placeless { count - 1 } else { count };
            let plan = serde_json::json!({
                "offset_into_first_range": 0,
                "terms": [{ "hash": hash, "unpacked_length": bytes, "range": { "start": 0, "end": chunks } }],
                "fetch_info": { hash.clone(): [{
                    "range": { "start": 0, "end": placed },
                    "url": format!("http://127.0.0.1:{}/data", self.port),
                    "url_range": { "start": 0, "end": stored - 1 },
                }] },
            });
            return Some(ok(plan.to_string().as_bytes()));
        }
        if path != "/data" {
            return None;
        }
        assert!(!head.contains("uthorization"));
        let mut data = Vec::new();
        for chunk in content.chunks(CHUNK_BYTES) {
            let length = u32::try_from(chunk.len()).unwrap().to_le_bytes();
            data.extend_from_slice(&[0, length[0], length[1], length[2], 0, length[0], length[1], length[2]]);
            data.extend_from_slice(chunk);
        }
        match xet {
            Xet::Forging => data[stored / 2] ^= 1,
            Xet::Garbled => data.fill(7),
            _ => {}
        }
        Some(ok(&data))
    }

    fn file(&self, mood: Mood, mut content: Vec<u8>, from: usize) -> Vec<u8> {
        let size = content.len();
        match mood {
            Mood::Looping => {
                let head =
                    "HTTP/1.1 302 Found\r\nlocation: /lab/m/resolve/x/large.bin\r\ncontent-length: 0\r\n\r\n";
                return head.as_bytes().to_vec();
            }
            Mood::Forging => content[size / 2] ^= 1,
            Mood::Short => return ok(&content[..size - 1]),
            _ => {}
        }
        let mut answer = match from {
            0 => format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n"),
            from => format!(
                "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {from}-{}/{size}\r\ncontent-length: {}\r\n\r\n",
                size - 1,
                size - from
            ),
        }
        .into_bytes();
        if let Mood::Dying { after, times: times @ 1.. } = mood {
            *self.mood.lock().unwrap() = Mood::Dying { after, times: times - 1 };
            content.truncate(from + after);
        }
        answer.extend_from_slice(&content[from..]);
        answer
    }

    fn upload_pack(&self, advertise: bool, body: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut command = Command::new("git");
        command.env("GIT_PROTOCOL", "version=2").args(["upload-pack", "--stateless-rpc"]);
        if advertise {
            command.arg("--http-backend-info-refs");
        }
        let mut child = command.arg(&self.bare).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(body).unwrap();
        child.wait_with_output().unwrap().stdout
    }
}

fn ok(body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
