use super::{milliseconds, read};

#[test]
fn output_of_wrk_is_read() {
    let output = "Running 8s test @ http://127.0.0.1:1/\n  Latency Distribution\n     50%  628.00us\n     \
                  99%    1.21ms\n  180 requests in 0.1s\nRequests/sec:  91234.56\nTransfer/sec:    1MB\n";
    let load = read(output).unwrap();
    assert!((load.per_second - 91_234.56).abs() < 1e-6);
    assert!((load.p99_ms - 1.21).abs() < 1e-9);
}

#[test]
fn refused_requests_are_no_result() {
    assert!(read("  99%    1.21ms\n  Non-2xx or 3xx responses: 5\nRequests/sec:  9.0\n").is_err());
}

#[test]
fn times_have_units() {
    for (text, expected) in [("628.00us", 0.628), ("1.21ms", 1.21), ("2.00s", 2000.0)] {
        assert!((milliseconds(text).unwrap() - expected).abs() < 1e-9, "{text}");
    }
    assert!(milliseconds("fast").is_err());
}
