//! Counts of requests, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};

/// Upper bounds of the time buckets in milliseconds.
const BUCKETS_MS: [u64; 10] = [1, 5, 10, 25, 50, 100, 250, 1_000, 10_000, 60_000];

/// What this process counted since it started; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    running: AtomicI64,
    routes: Mutex<BTreeMap<String, Vec<Series>>>,
}

/// What one route answered to one method with one status.
#[derive(Debug)]
struct Series {
    method: &'static str,
    status: StatusCode,
    count: u64,
    microseconds: u64,
    buckets: [u64; BUCKETS_MS.len()],
}

/// Counts a request as running until it is dropped.
#[derive(Debug)]
pub(crate) struct Running(Metrics);

impl Metrics {
    /// Notes that a handler starts.
    pub(crate) fn start(&self) -> Running {
        self.0.running.fetch_add(1, Ordering::Relaxed);
        Running(self.clone())
    }

    /// Notes an answer. `route` is the pattern of the route, never the path, so that the number of series is bounded.
    pub(crate) fn record(&self, method: &Method, route: &str, status: StatusCode, elapsed: Duration) {
        let method = method_name(method);
        // Counts stay right if a thread panicked between two of them, so poison does not matter.
        let mut routes = self.0.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), Vec::new());
        }
        let Some(series) = routes.get_mut(route) else {
            return;
        };
        let position = series.iter().position(|one| one.method == method && one.status == status);
        let index = position.unwrap_or_else(|| {
            series.push(Series { method, status, count: 0, microseconds: 0, buckets: Default::default() });
            series.len() - 1
        });
        let one = &mut series[index];
        one.count += 1;
        one.microseconds += u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX >> 20);
        for (bucket, bound) in one.buckets.iter_mut().zip(BUCKETS_MS) {
            *bucket += u64::from(elapsed <= Duration::from_millis(bound));
        }
    }

    /// Returns everything as text.
    pub(crate) fn render(&self, version: &str) -> String {
        let mut text = String::new();
        write_all(self, version, &mut text).expect("writing to a string");
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

fn write_all(metrics: &Metrics, version: &str, out: &mut String) -> std::fmt::Result {
    writeln!(out, "# HELP lyceum_build_info Version of the running program.")?;
    writeln!(out, "# TYPE lyceum_build_info gauge")?;
    writeln!(out, "lyceum_build_info{{version=\"{version}\"}} 1")?;
    writeln!(out, "# HELP lyceum_http_requests_running Requests whose answer has not started.")?;
    writeln!(out, "# TYPE lyceum_http_requests_running gauge")?;
    writeln!(out, "lyceum_http_requests_running {}", metrics.0.running.load(Ordering::Relaxed))?;
    writeln!(out, "# HELP lyceum_http_request_seconds Time until the answer starts, by route and status.")?;
    writeln!(out, "# TYPE lyceum_http_request_seconds histogram")?;
    let routes = metrics.0.routes.lock().unwrap_or_else(PoisonError::into_inner);
    for (route, series) in routes.iter() {
        for one in series {
            let labels =
                format!("method=\"{}\",route=\"{route}\",status=\"{}\"", one.method, one.status.as_u16());
            for (count, bound) in one.buckets.iter().zip(BUCKETS_MS) {
                let (seconds, milliseconds) = (bound / 1000, bound % 1000);
                let bound = format!("{seconds}.{milliseconds:03}");
                writeln!(out, "lyceum_http_request_seconds_bucket{{{labels},le=\"{bound}\"}} {count}")?;
            }
            writeln!(out, "lyceum_http_request_seconds_bucket{{{labels},le=\"+Inf\"}} {}", one.count)?;
            let (seconds, microseconds) = (one.microseconds / 1_000_000, one.microseconds % 1_000_000);
            writeln!(out, "lyceum_http_request_seconds_sum{{{labels}}} {seconds}.{microseconds:06}")?;
            writeln!(out, "lyceum_http_request_seconds_count{{{labels}}} {}", one.count)?;
        }
    }
    Ok(())
}

/// Returns a word from a closed set: a client could otherwise make up methods without end.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests;
