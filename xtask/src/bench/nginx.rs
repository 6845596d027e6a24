//! nginx from Debian as the yardstick: static files from the disk cache, logs off.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::http::Connection;
use crate::{process, server};

const ATTEMPTS: u32 = 200;

/// A running nginx that serves one folder.
pub(super) struct Nginx {
    child: Child,
    port: u16,
    files: PathBuf,
}

impl Nginx {
    /// Starts it with its own prefix below a folder; what lies in `files` there is served.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let program =
            process::find("nginx").context("nginx is not installed; Debian's package is nginx-light")?;
        let prefix = folder.join("nginx");
        let files = prefix.join("files");
        fs::create_dir_all(&files).context("create nginx's folder")?;
        let port = server::free_port()?;
        // As root the workers would become `nobody`, who may not read a scratch folder.
        let configuration = format!(
            "user root;
worker_processes 2;
daemon off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 10000000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{ listen 127.0.0.1:{port}; root files; }}
}}
"
        );
        fs::write(prefix.join("nginx.conf"), configuration).context("write nginx.conf")?;
        let mut command = process::command(program);
        command.arg("-p").arg(&prefix).args(["-c", "nginx.conf"]).stderr(Stdio::null());
        let child = command.spawn().context("start nginx")?;
        let nginx = Self { child, port, files };
        for _ in 0..ATTEMPTS {
            if Connection::open(port).is_ok() {
                return Ok(nginx);
            }
            server::pause(Duration::from_millis(10));
        }
        bail!("nginx did not start: {}", fs::read_to_string(prefix.join("error.log")).unwrap_or_default())
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// Makes a file available under its own name, without a copy.
    pub(super) fn serve(&self, file: &Path) -> Result<()> {
        let name = file.file_name().context("a file has a name")?;
        fs::hard_link(file, self.files.join(name)).context("link a file for nginx")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        process::command("kill").arg(self.child.id().to_string()).status().ok();
        self.child.wait().ok();
    }
}
