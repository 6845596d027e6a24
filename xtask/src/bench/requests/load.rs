//! A load generator that speaks HEAD: two threads, each keeping half of the connections busy in waves.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::http::Connection;

pub(super) const CONNECTIONS: usize = 64;
pub(super) const DURATION: Duration = Duration::from_secs(8);
const THREADS: usize = 2;

/// What a load generator says of a run.
pub(super) struct Load {
    pub(super) per_second: f64,
    pub(super) p99_ms: f64,
}

/// Asks one address of a server over and over, on all connections.
pub(super) fn run(port: u16, method: &str, path: &str) -> Result<Load> {
    let start = Instant::now();
    let mut latencies = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|_| scope.spawn(|| waves(port, method, path, start))).collect();
        let mut all = Vec::new();
        for each in threads {
            all.extend(each.join().map_err(|_| anyhow!("a load thread panicked"))??);
        }
        anyhow::Ok(all)
    })?;
    let seconds = start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let p99 = latencies.get(latencies.len() * 99 / 100).context("no request was answered")?;
    let answered = u32::try_from(latencies.len()).context("count the answers")?;
    Ok(Load { per_second: f64::from(answered) / seconds, p99_ms: p99.as_secs_f64() * 1e3 })
}

/// Sends one request on each connection, then reads all answers, until the time is over; returns each latency.
fn waves(port: u16, method: &str, path: &str, start: Instant) -> Result<Vec<Duration>> {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n");
    let mut connections =
        (0..CONNECTIONS / THREADS).map(|_| Connection::open(port)).collect::<Result<Vec<_>>>()?;
    let mut latencies = Vec::new();
    while start.elapsed() < DURATION {
        let mut sent = Vec::with_capacity(connections.len());
        for connection in &mut connections {
            sent.push(Instant::now());
            connection.write(request.as_bytes())?;
        }
        for (connection, sent) in connections.iter_mut().zip(sent) {
            let answer = connection.receive(method)?;
            if answer.status != 200 {
                bail!("{method} {path} was answered with {}", answer.status);
            }
            latencies.push(sent.elapsed());
        }
    }
    Ok(latencies)
}
