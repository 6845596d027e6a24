//! A real server process under test: started on a free port with its own data folder, stopped on drop.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::http::Connection;
use crate::{environment, process};

const START_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// What Linux counts processor time in, on every platform that this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running `lyceum serve`.
pub(crate) struct Server {
    child: Child,
    port: u16,
    issuer: String,
    data: PathBuf,
    started_in: Duration,
}

/// A scratch folder on the build folder's disk; `/tmp` may be memory, which would flatter the numbers.
pub(crate) fn scratch(name: &str) -> Result<TempDir> {
    let home = environment::target().join("scratch");
    fs::create_dir_all(&home).with_context(|| format!("create {}", home.display()))?;
    tempfile::Builder::new().prefix(name).tempdir_in(&home).context("create a scratch folder")
}

/// Builds the release binary that all of this starts.
pub(crate) fn build() -> Result<()> {
    println!("building the release binary");
    process::run(process::cargo().args(["build", "--release", "--locked", "--package", "lyceum"]))
}

/// Runs a `lyceum` command on a data folder and returns what it prints.
pub(crate) fn lyceum(data: &Path, arguments: &[&str], input: &str) -> Result<String> {
    let shown = arguments.join(" ");
    let mut command = process::command(environment::lyceum());
    command.args(arguments).arg("--data").arg(data);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("start `lyceum {shown}`"))?;
    let mut stdin = child.stdin.take().context("the command has no standard input")?;
    // A command that asks for nothing may be gone before it reads.
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    let output = child.wait_with_output().with_context(|| format!("wait for `lyceum {shown}`"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("`lyceum {shown}` failed with {}: {}", output.status, errors.trim());
    }
    String::from_utf8(output.stdout).context("read the output of lyceum")
}

/// Makes a user with a password and a token, and returns the token.
pub(crate) fn user(data: &Path, name: &str) -> Result<String> {
    lyceum(data, &["user", "create", name, "--password-stdin"], "correct horse battery staple\n")?;
    token(data, name, "write")
}

/// Makes a token and returns it.
pub(crate) fn token(data: &Path, user: &str, role: &str) -> Result<String> {
    let printed = lyceum(data, &["token", "create", user, "--name", role, "--role", role], "")?;
    let mut words = printed.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let token = words.find(|word| word.starts_with("hf_"));
    token.map(str::to_owned).with_context(|| format!("no token in the output of `token create`: {printed}"))
}

impl Server {
    /// Starts a server on a data folder and waits until it answers.
    pub(crate) fn start(data: &Path) -> Result<Self> {
        let port = free_port()?;
        let log_path = data.join("serve.log");
        fs::create_dir_all(data).with_context(|| format!("create {}", data.display()))?;
        let log = File::create(&log_path).with_context(|| format!("create {}", log_path.display()))?;
        let mut serve = process::command(environment::lyceum());
        serve.arg("serve").arg("--data").arg(data).arg("--listen").arg(format!("127.0.0.1:{port}"));
        // Receivers of webhooks are on this machine too.
        serve.env("LYCEUM_WEBHOOKS_ALLOW_PRIVATE", "127.0.0.1");
        let issuer = format!("http://127.0.0.1:{}", free_port()?);
        serve.env("LYCEUM_PUBLISHERS_ISSUERS", &issuer);
        serve.stdout(log.try_clone().context("share the log")?).stderr(log);
        let start = Instant::now();
        let child = serve.spawn().context("start `lyceum serve`")?;
        let mut server = Self { child, port, issuer, data: data.to_owned(), started_in: Duration::ZERO };
        while !server.healthy() {
            let exited = server.child.try_wait().context("look after the server")?;
            if exited.is_some() || start.elapsed() > START_TIMEOUT {
                bail!("the server did not start: {}", fs::read_to_string(&log_path).unwrap_or_default());
            }
            pause(Duration::from_millis(2));
        }
        server.started_in = start.elapsed();
        Ok(server)
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns where the hub trusts an issuer of ID tokens, if a test starts one there.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Returns the time from starting the process to its first healthy answer.
    pub(crate) fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Returns a connection that stays open between requests.
    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(self.port)
    }

    /// Returns the seconds of processor time that the server has used, in user and kernel mode.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(self.child.id())
    }

    /// Returns the largest resident memory so far, in MiB.
    pub(crate) fn peak_memory_mib(&self) -> Result<f64> {
        self.memory_mib("VmHWM:")
    }

    /// Returns the resident memory now, in MiB.
    pub(crate) fn memory_now_mib(&self) -> Result<f64> {
        self.memory_mib("VmRSS:")
    }

    fn memory_mib(&self, field: &str) -> Result<f64> {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).context("read /proc/…/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib =
            line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<f64>().ok());
        kib.map(|kib| kib / 1024.0).with_context(|| format!("/proc/…/status has no {field}"))
    }

    fn healthy(&self) -> bool {
        let answer = self.connect().and_then(|mut connection| connection.get("/healthz", None));
        answer.is_ok_and(|answer| answer.status == 200)
    }

    /// Prints what the server's log says of trouble, for a failure that only the server can explain.
    pub(crate) fn print_trouble(&self, lines: usize) {
        let log = fs::read_to_string(self.data.join("serve.log")).unwrap_or_default();
        let trouble = ["ERROR", "WARN", "status=4", "status=5"];
        let found: Vec<_> =
            log.lines().filter(|line| trouble.iter().any(|word| line.contains(word))).collect();
        println!("--- the last {lines} errors and refusals in the server's log ---");
        for line in &found[found.len().saturating_sub(lines)..] {
            println!("{line}");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM first, so that every run also exercises the graceful shutdown.
        process::command("kill").arg(self.child.id().to_string()).status().ok();
        let start = Instant::now();
        while start.elapsed() < STOP_TIMEOUT {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            pause(Duration::from_millis(20));
        }
        println!("the server did not stop within {} s and is killed", STOP_TIMEOUT.as_secs());
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Returns the seconds of processor time that a process has used, in user and kernel mode.
pub(crate) fn cpu_seconds(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("read /proc/…/stat")?;
    // The second field is the program's name, which may hold spaces; count from its closing bracket.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    let (user, kernel) = ticks(11).zip(ticks(12)).context("/proc/…/stat has too few fields")?;
    Ok((user + kernel) / TICKS_PER_SECOND)
}

/// Waits a little; nothing in a foreign process can be awaited here.
#[expect(clippy::disallowed_methods, reason = "no async runtime here")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Returns a port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr().context("read the port")?.port())
}
