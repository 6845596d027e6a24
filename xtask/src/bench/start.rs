//! A catalogue of 10,000 repos: how fast the server is there, and what it needs when nobody asks.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::{Bench, Row, commits};
use crate::server::{self, Server};

const REPOS: usize = 10_000;
const CLIENTS: usize = 16;
const ROUNDS: usize = 5;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let data = bench.scratch.path().join("start");
    let server = Server::start(&data)?;
    let token = server::user(&data, "alice")?;
    let start = Instant::now();
    let (hub, secret) = (&server, token.as_str());
    thread::scope(|scope| {
        let creators: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || create(hub, secret, client))).collect();
        creators
            .into_iter()
            .try_for_each(|creator| creator.join().map_err(|_| anyhow!("a creator panicked"))?)
    })?;
    println!("created {REPOS} repos in {:.1} s", start.elapsed().as_secs_f64());
    drop(server);

    let mut starts = Vec::new();
    let mut memory: f64 = 0.0;
    for _ in 0..ROUNDS {
        let server = Server::start(&data)?;
        let asked = Instant::now();
        server.connect()?.get("/api/models?limit=1", None)?.success()?;
        starts.push((server.started_in() + asked.elapsed()).as_secs_f64() * 1e3);
        // Background work of a start belongs to the idle state too.
        server::pause(Duration::from_secs(1));
        memory = memory.max(server.memory_now_mib()?);
    }
    starts.sort_by(f64::total_cmp);
    Ok(vec![
        Row::at_most("start to first listing, 10,000 repos", starts[ROUNDS / 2], 300.0, "ms"),
        Row::at_most("idle memory, 10,000 repos", memory, 60.0, "MiB"),
    ])
}

fn create(server: &Server, token: &str, client: usize) -> Result<()> {
    let mut connection = server.connect()?;
    for number in (client..REPOS).step_by(CLIENTS) {
        commits::create(&mut connection, token, &format!("repo-{number}"))?;
    }
    Ok(())
}
