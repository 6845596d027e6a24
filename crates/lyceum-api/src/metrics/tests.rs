use super::*;

#[test]
fn renders_what_was_recorded() {
    let metrics = Metrics::default();
    let running = metrics.start();
    metrics.record(&Method::GET, "/a/{b}", StatusCode::OK, Duration::from_millis(3));
    metrics.record(&Method::GET, "/a/{b}", StatusCode::OK, Duration::from_secs(2));
    metrics.record(&Method::from_bytes(b"BREW").unwrap(), "/a/{b}", StatusCode::NOT_FOUND, Duration::ZERO);
    let text = metrics.render("1.2.3");
    let check = |line: &str| assert!(text.lines().any(|other| other == line), "{line} is missing in\n{text}");
    check("lyceum_build_info{version=\"1.2.3\"} 1");
    check("lyceum_http_requests_running 1");
    let labels = "method=\"GET\",route=\"/a/{b}\",status=\"200\"";
    check(&format!("lyceum_http_request_seconds_bucket{{{labels},le=\"0.001\"}} 0"));
    check(&format!("lyceum_http_request_seconds_bucket{{{labels},le=\"0.005\"}} 1"));
    check(&format!("lyceum_http_request_seconds_bucket{{{labels},le=\"10.000\"}} 2"));
    check(&format!("lyceum_http_request_seconds_bucket{{{labels},le=\"+Inf\"}} 2"));
    check(&format!("lyceum_http_request_seconds_sum{{{labels}}} 2.003000"));
    check(&format!("lyceum_http_request_seconds_count{{{labels}}} 2"));
    check("lyceum_http_request_seconds_count{method=\"OTHER\",route=\"/a/{b}\",status=\"404\"} 1");
    drop(running);
    assert!(metrics.render("1.2.3").contains("lyceum_http_requests_running 0"));
}
