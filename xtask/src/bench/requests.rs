//! Requests per second and latency under wrk, against nginx serving a small static file.

use std::fs;

use anyhow::{Context as _, Result, bail};

use super::nginx::Nginx;
use super::{Bench, Row};
use crate::process;
use crate::server::{self, Server};

const CONNECTIONS: &str = "64";
const SECONDS: &str = "8";

/// What one run of wrk says.
struct Load {
    per_second: f64,
    p99_ms: f64,
}

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
    let head = folder.join("head.lua");
    fs::write(&head, "wrk.method = \"HEAD\"\n").context("write a script for wrk")?;
    let head = head.to_str().context("the scratch folder is not UTF-8")?;

    let info = format!("{}/api/models/alice/small", server.endpoint());
    let resolve = format!("{}/alice/small/resolve/main/config.json", server.endpoint());
    let static_file = wrk(&["--latency", &nginx.url("small.bin")])?;
    let info = wrk(&["--latency", &info])?;
    let resolve = wrk(&["--latency", "--script", head, &resolve])?;
    println!(
        "requests/s: nginx {:.0}, model info {:.0}, HEAD resolve {:.0}",
        static_file.per_second, info.per_second, resolve.per_second
    );
    let ratio = |load: &Load| load.per_second / static_file.per_second;
    Ok(vec![
        Row::at_least("GET /api/models/{id}, requests/s against nginx", ratio(&info), 0.15, "x"),
        Row::at_most("GET /api/models/{id}, p99 at 64 connections", info.p99_ms, 20.0, "ms"),
        Row::at_least("HEAD resolve, requests/s against nginx", ratio(&resolve), 0.15, "x"),
        Row::at_most("HEAD resolve, p99 at 64 connections", resolve.p99_ms, 20.0, "ms"),
    ])
}

fn wrk(arguments: &[&str]) -> Result<Load> {
    let program = process::find("wrk").context("wrk is not installed; Debian's package is wrk")?;
    let mut command = process::command(program);
    command.args(["--threads", "2", "--connections", CONNECTIONS, "--duration", SECONDS]).args(arguments);
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
