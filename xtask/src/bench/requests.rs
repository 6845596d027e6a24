//! Requests per second and latency under load, against nginx serving a small static file.
//!
//! wrk generates the load for GET. It cannot for HEAD, because it waits for the body that the length announces; there
//! our own generator loads both servers.

mod load;

use std::fs;

use anyhow::{Context as _, Result, bail};

use super::nginx::Nginx;
use super::{Bench, Row};
use crate::process;
use crate::server::{self, Server};
use load::Load;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let folder = bench.scratch.path().join("requests");
    fs::create_dir_all(&folder)?;
    let server = Server::start(&folder.join("data"))?;
    let token = server::user(server.data(), "alice")?;
    let mut connection = server.connect()?;
    let body = br#"{"name":"small","organization":"alice","type":"model"}"#;
    connection.post("/api/repos/create", &token, "application/json", body)?.success()?;
    let commit = concat!(
        r#"{"key":"header","value":{"summary":"Add a configuration","description":""}}"#,
        "\n",
        r#"{"key":"file","value":{"path":"config.json","content":"e30=","encoding":"base64"}}"#,
        "\n"
    );
    connection
        .post("/api/models/alice/small/commit/main", &token, "application/x-ndjson", commit.as_bytes())?
        .success()?;
    drop(connection);

    let nginx = Nginx::start(&folder)?;
    let small = folder.join("small.bin");
    fs::write(&small, [b'x'; 1024]).context("write a small file")?;
    nginx.serve(&small)?;

    let info = format!("{}/api/models/alice/small", server.endpoint());
    let static_file = wrk(&nginx.url("small.bin"))?;
    let info = wrk(&info)?;
    let static_for_head = load::run(nginx.port(), "GET", "/small.bin")?;
    let resolve = load::run(server.port(), "HEAD", "/alice/small/resolve/main/config.json")?;
    println!(
        "requests/s with wrk: nginx {:.0}, model info {:.0}; with our own: nginx {:.0}, HEAD resolve {:.0}",
        static_file.per_second, info.per_second, static_for_head.per_second, resolve.per_second
    );
    let info_ratio = info.per_second / static_file.per_second;
    let resolve_ratio = resolve.per_second / static_for_head.per_second;
    Ok(vec![
        Row::at_least("GET /api/models/{id}, requests/s against nginx", info_ratio, 0.15, "x"),
        Row::at_most("GET /api/models/{id}, p99 at 64 connections", info.p99_ms, 20.0, "ms"),
        Row::at_least("HEAD resolve, requests/s against nginx", resolve_ratio, 0.15, "x"),
        Row::at_most("HEAD resolve, p99 at 64 connections", resolve.p99_ms, 20.0, "ms"),
    ])
}

fn wrk(url: &str) -> Result<Load> {
    let program = process::find("wrk").context("wrk is not installed; Debian's package is wrk")?;
    let mut command = process::command(program);
    command.args(["--threads", "2", "--latency", url]);
    command.args(["--connections", &load::CONNECTIONS.to_string()]);
    command.args(["--duration", &load::DURATION.as_secs().to_string()]);
    read(&process::capture(&mut command)?)
}

fn read(output: &str) -> Result<Load> {
    // wrk counts errors apart from the rate; a fast refusal is no answer.
    if let Some(errors) =
        output.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors"))
    {
        bail!("wrk met errors: {}", errors.trim());
    }
    let value = |start: &str| {
        let line = output.lines().find_map(|line| line.trim().strip_prefix(start));
        line.map(str::trim).with_context(|| format!("no `{start}` in the output of wrk"))
    };
    let per_second = value("Requests/sec:")?.parse().context("parse requests per second")?;
    Ok(Load { per_second, p99_ms: milliseconds(value("99%")?)? })
}

fn milliseconds(text: &str) -> Result<f64> {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000.0), ("m", 60_000.0)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Ok(number.parse::<f64>().with_context(|| format!("parse the time {text}"))? * factor);
        }
    }
    bail!("not a time: {text}")
}

#[cfg(test)]
mod tests;
