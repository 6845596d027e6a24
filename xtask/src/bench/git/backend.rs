//! `git http-backend` behind the smallest web server: a thread and a process per request, which writes to the
//! connection itself. No server with more to do would be faster.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use anyhow::{Context as _, Result};

use crate::process;

/// A server of the repositories in a folder; it ends with the process.
pub(super) struct Backend {
    port: u16,
}

impl Backend {
    pub(super) fn start(repositories: &Path) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("listen for git clients")?;
        let port = listener.local_addr().context("read the port")?.port();
        let repositories = repositories.to_owned();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let repositories = repositories.clone();
                thread::spawn(move || {
                    if let Err(error) = serve(connection, &repositories) {
                        println!("git http-backend: {error:#}");
                    }
                });
            }
        });
        Ok(Self { port })
    }

    pub(super) fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }
}

/// Answers one request by the Common Gateway Interface (RFC 3875).
fn serve(connection: TcpStream, repositories: &Path) -> Result<()> {
    let mut input = BufReader::new(connection.try_clone().context("share the connection")?);
    let mut line = String::new();
    input.read_line(&mut line).context("read the request line")?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut backend = process::command("git");
    backend
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", repositories)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REMOTE_ADDR", "127.0.0.1");
    let mut length = 0;
    loop {
        let mut line = String::new();
        input.read_line(&mut line).context("read a header")?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().context("parse the content length")?,
            "content-type" => {
                backend.env("CONTENT_TYPE", value);
            }
            "content-encoding" => {
                backend.env("HTTP_CONTENT_ENCODING", value);
            }
            "git-protocol" => {
                backend.env("GIT_PROTOCOL", value);
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).context("read the body")?;
    let mut output = connection;
    output.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n").context("answer")?;
    backend.env("CONTENT_LENGTH", length.to_string());
    let mut child = backend
        .stdin(Stdio::piped())
        .stdout(Stdio::from(OwnedFd::from(output)))
        .spawn()
        .context("start git http-backend")?;
    let mut stdin = child.stdin.take().context("it has a standard input")?;
    stdin.write_all(&body).context("pass on the body")?;
    drop(stdin);
    // The command holds a copy of the connection, which would stay open.
    drop(backend);
    child.wait().context("wait for git http-backend")?;
    Ok(())
}
