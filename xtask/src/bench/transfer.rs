//! Large files: one client's processor cost on the server, curl against nginx, many clients' memory.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use super::nginx::Nginx;
use super::{Bench, Row, reference};
use crate::process;
use crate::server::{self, Server};

const MIB: u64 = 1024 * 1024;
pub(super) const LARGE_BYTES: u64 = 1024 * MIB;
pub(super) const GIGABYTES: f64 = 1024.0 * 1024.0 * 1024.0 / 1e9;
/// Per client, when eight move files at once.
const SHARE_BYTES: u64 = 256 * MIB;
const CLIENTS: usize = 8;
/// Runs per server; the best counts, since everything that disturbs a run slows it down.
const ROUNDS: usize = 3;

/// Measures one file of 1 GiB: up and down through hf-xet, down through curl, and eight curls at once.
pub(super) fn one_client(bench: &Bench) -> Result<Vec<Row>> {
    let folder = bench.scratch.path().join("transfer");
    fs::create_dir_all(&folder)?;
    let file = folder.join("random.bin");
    write_random(&file, LARGE_BYTES)?;
    let data = folder.join("data");
    let server = Server::start(&data)?;
    let token = server::user(&data, "alice")?;
    let mut rows = Vec::new();

    let before = server.cpu_seconds()?;
    upload(bench, &server, &token, "large", &file, &folder.join("up"))?.finish()?;
    let up = (server.cpu_seconds()? - before) / GIGABYTES;
    rows.push(Row::at_most("hf-xet upload of 1 GiB, server processor time", up, 0.8, "s/GB"));

    let before = server.cpu_seconds()?;
    let target = folder.join("down");
    download(bench, &server, &token, "large", &folder.join("down-home"), &target)?.finish()?;
    let down = (server.cpu_seconds()? - before) / GIGABYTES;
    rows.push(Row::at_most("hf-xet download of 1 GiB, server processor time", down, 0.3, "s/GB"));
    same(&file, &target.join("random.bin"))?;
    fs::remove_dir_all(&target)?;

    let peer = reference::measure(bench, &folder, &file)?;
    let (peer_up, peer_down) = (peer.upload / GIGABYTES, peer.download / GIGABYTES);
    println!("hf-xet, 1 GiB, upstream's test server: {peer_up:.2} s/GB up, {peer_down:.2} s/GB down");
    rows.push(Row::at_most("the same upload against upstream's test server", up / peer_up, 0.16, "x"));
    rows.push(Row::at_most("the same download against upstream's test server", down / peer_down, 0.27, "x"));

    let nginx = Nginx::start(&folder)?;
    nginx.serve(&file)?;
    let ours = format!("{}/alice/large/resolve/main/random.bin", server.endpoint());
    let (mut best_ours, mut best_nginx) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        best_ours = best_ours.min(curl_seconds(&ours)?);
        best_nginx = best_nginx.min(curl_seconds(&nginx.url("random.bin"))?);
    }
    println!(
        "curl, 1 GiB: {:.0} MB/s, nginx {:.0} MB/s",
        GIGABYTES * 1e3 / best_ours,
        GIGABYTES * 1e3 / best_nginx
    );
    rows.push(Row::at_least("curl GET of 1 GiB, speed against nginx", best_nginx / best_ours, 0.5, "x"));
    drop((nginx, server));

    let server = Server::start(&data)?;
    let ours = format!("{}/alice/large/resolve/main/random.bin", server.endpoint());
    let downloads: Vec<_> = (0..CLIENTS).map(|_| Job::start(&mut curl(&ours))).collect::<Result<_>>()?;
    downloads.into_iter().try_for_each(Job::finish)?;
    rows.push(Row::at_most(
        "8 curl GETs of 1 GiB at once, peak memory",
        server.peak_memory_mib()?,
        150.0,
        "MiB",
    ));
    drop(server);
    fs::remove_dir_all(&folder)?;
    Ok(rows)
}

/// Measures the server's memory while eight hf-xet clients upload, then download, different files.
pub(super) fn eight_clients(bench: &Bench) -> Result<Vec<Row>> {
    let folder = bench.scratch.path().join("clients");
    fs::create_dir_all(&folder)?;
    let data = folder.join("data");
    let server = Server::start(&data)?;
    let token = server::user(&data, "alice")?;
    let file = |client: usize| folder.join(client.to_string()).join("random.bin");
    let repo = |client: usize| format!("share-{client}");
    let mut uploads = Vec::new();
    for client in 0..CLIENTS {
        fs::create_dir_all(folder.join(client.to_string()))?;
        write_random(&file(client), SHARE_BYTES)?;
    }
    for client in 0..CLIENTS {
        let home = folder.join(client.to_string()).join("up");
        uploads.push(upload(bench, &server, &token, &repo(client), &file(client), &home)?);
    }
    uploads.into_iter().try_for_each(Job::finish)?;
    let mut downloads = Vec::new();
    for client in 0..CLIENTS {
        let own = folder.join(client.to_string());
        downloads.push(download(
            bench,
            &server,
            &token,
            &repo(client),
            &own.join("down"),
            &own.join("target"),
        )?);
    }
    downloads.into_iter().try_for_each(Job::finish)?;
    for client in 0..CLIENTS {
        same(&file(client), &folder.join(client.to_string()).join("target/random.bin"))?;
    }
    let memory = server.peak_memory_mib()?;
    drop(server);
    fs::remove_dir_all(&folder)?;
    Ok(vec![Row::at_most("8 hf-xet clients up and down, peak memory", memory, 200.0, "MiB")])
}

/// A client that runs beside us; what it says goes into its failure.
struct Job {
    child: Child,
    shown: String,
}

impl Job {
    fn start(command: &mut Command) -> Result<Self> {
        let shown = format!("{command:?}");
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Ok(Self { child: command.spawn().with_context(|| format!("start {shown}"))?, shown })
    }

    fn finish(self) -> Result<()> {
        let output = self.child.wait_with_output().context("wait for a client")?;
        if !output.status.success() {
            bail!("{} failed: {}", self.shown, String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }
}

fn upload(bench: &Bench, server: &Server, token: &str, repo: &str, file: &Path, home: &Path) -> Result<Job> {
    let mut command = hf(bench, server, token, home);
    Job::start(command.arg("upload").arg(format!("alice/{repo}")).arg(file))
}

fn download(
    bench: &Bench,
    server: &Server,
    token: &str,
    repo: &str,
    home: &Path,
    target: &Path,
) -> Result<Job> {
    let mut command = hf(bench, server, token, home);
    command.arg("download").arg(format!("alice/{repo}")).arg("random.bin");
    Job::start(command.arg("--local-dir").arg(target))
}

/// Starts building an `hf` command with a home, and so a cache, of its own.
fn hf(bench: &Bench, server: &Server, token: &str, home: &Path) -> Command {
    let mut command = process::command(bench.python.join("bin/hf"));
    command.env("HF_ENDPOINT", server.endpoint()).env("HF_TOKEN", token).env("HF_HOME", home);
    command.env("HF_HUB_DISABLE_UPDATE_CHECK", "1").env("HF_HUB_DISABLE_TELEMETRY", "1");
    command.env("HF_HUB_DISABLE_PROGRESS_BARS", "1").env("NO_PROXY", "*");
    command
}

fn curl(url: &str) -> Command {
    let mut command = process::command("curl");
    command.args(["--silent", "--show-error", "--fail", "--location", "--output", "/dev/null", url]);
    command
}

fn curl_seconds(url: &str) -> Result<f64> {
    let start = Instant::now();
    Job::start(&mut curl(url))?.finish()?;
    Ok(start.elapsed().as_secs_f64())
}

pub(super) fn write_random(path: &Path, bytes: u64) -> Result<()> {
    let mut random = File::open("/dev/urandom").context("open /dev/urandom")?.take(bytes);
    let mut file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    std::io::copy(&mut random, &mut file).context("write random bytes")?;
    file.flush().context("flush random bytes")
}

pub(super) fn same(one: &Path, other: &Path) -> Result<()> {
    process::run(process::command("cmp").arg(one).arg(other))
        .context("compare what went up with what came down")
}
