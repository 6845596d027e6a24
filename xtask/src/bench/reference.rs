//! Upstream's own test server for the Xet protocol as the yardstick for what moving large files costs.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::Bench;
use crate::http::Connection;
use crate::{process, server, tools};

const ATTEMPTS: u32 = 500;

/// Uploads a file with hf-xet, says so, and downloads it when told to.
const CLIENT: &str = "import sys, time, hf_xet
endpoint, source, target = sys.argv[1:]
access = dict(endpoint=endpoint, token='any', token_expiry_unix_secs=int(time.time()) + 86400)
session = hf_xet.XetSession()
with session.new_upload_commit(**access) as commit:
    upload = commit.start_upload_file(source, sha256=hf_xet.COMPUTE_SHA256)
file = upload.result().xet_info
print('uploaded', flush=True)
sys.stdin.readline()
with session.new_file_download_group(**access) as group:
    group.start_download_file(hf_xet.XetFileInfo(file.hash, file.file_size), target)
";

/// Processor seconds that the reference server needed.
pub(super) struct Cost {
    pub(super) upload: f64,
    pub(super) download: f64,
}

/// Moves a file up to the reference server and down again.
pub(super) fn measure(bench: &Bench, folder: &Path, file: &Path) -> Result<Cost> {
    let server = Reference::start(&folder.join("reference"))?;
    let target = folder.join("from-reference.bin");
    let mut client = process::command(bench.python.join("bin/python"));
    client.args(["-c", CLIENT]).arg(format!("http://127.0.0.1:{}", server.port)).arg(file).arg(&target);
    client.env("HF_HOME", folder.join("reference-home")).env("NO_PROXY", "*");
    let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("start Python")?;

    let start = server.cpu_seconds()?;
    let mut output = std::io::BufReader::new(client.stdout.take().context("the client has an output")?);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).context("wait for the upload")?;
    let middle = server.cpu_seconds()?;
    drop(client.stdin.take());
    if !client.wait().context("wait for the client")?.success() {
        bail!("hf-xet could not use the reference server");
    }
    let end = server.cpu_seconds()?;
    super::transfer::same(file, &target)?;
    Ok(Cost { upload: middle - start, download: end - middle })
}

struct Reference {
    child: Child,
    port: u16,
}

impl Reference {
    fn start(data: &Path) -> Result<Self> {
        let port = server::free_port()?;
        let mut command = process::command(tools::local_cas_server()?);
        command.arg("--data-directory").arg(data).arg("--port").arg(port.to_string());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let reference = Self { child: child.context("start the reference server")?, port };
        for _ in 0..ATTEMPTS {
            if Connection::open(port).is_ok() {
                return Ok(reference);
            }
            server::pause(Duration::from_millis(10));
        }
        bail!("the reference server did not start")
    }

    fn cpu_seconds(&self) -> Result<f64> {
        server::cpu_seconds(self.child.id())
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
