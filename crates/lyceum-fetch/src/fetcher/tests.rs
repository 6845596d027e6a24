use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const LIMITS: FetchLimits = FetchLimits { connect_seconds: 5, total_seconds: 10, answer_bytes: 8 };

/// Answers every connection with `answer`; returns its port.
async fn server(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let _head = stream.read(&mut request).await;
            let _gone = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

fn fetcher(allowed: &str, resolver: Resolver) -> Fetcher {
    Fetcher::new(AllowList::parse(allowed).unwrap(), resolver)
}

fn leads_to(addresses: &'static [&'static str]) -> Resolver {
    Resolver::from_fn(move |_, port| {
        Ok(addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), port)).collect())
    })
}

async fn get(fetcher: &Fetcher, address: &str) -> Result<Answer> {
    let target = Target::parse(address).unwrap();
    fetcher.exchange(Method::POST, &target, HeaderMap::new(), Bytes::from_static(b"x"), LIMITS).await
}

#[tokio::test]
async fn answers_come_back_cut_to_size() {
    let port = server("HTTP/1.1 200 OK\r\ncontent-length: 12\r\nx-a: b\r\n\r\nhello, world").await;
    let answer =
        get(&fetcher("127.0.0.0/8", Resolver::system()), &format!("http://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!((answer.status, &answer.body[..], answer.truncated), (StatusCode::OK, &b"hello, w"[..], true));
    assert_eq!(answer.headers["x-a"], "b");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let port =
        server("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n").await;
    let answer =
        get(&fetcher("localhost", leads_to(&["127.0.0.1"])), &format!("http://localhost:{port}/")).await;
    assert_eq!(answer.unwrap().status, StatusCode::FOUND);
}

#[tokio::test]
async fn addresses_that_are_not_public_are_refused() {
    let plain = fetcher("", Resolver::system());
    for address in [
        "http://127.0.0.1/",
        "http://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "http://[::ffff:10.0.0.1]/",
    ] {
        assert!(matches!(get(&plain, address).await, Err(Error::Refused { .. })), "{address}");
        assert!(plain.check(&Target::parse(address).unwrap()).is_err(), "{address}");
    }
    // A name is as bad as the worst of its addresses.
    let rebound = fetcher("", leads_to(&["93.184.215.14", "10.0.0.1"]));
    let error = get(&rebound, "http://example.org/").await.unwrap_err();
    assert_eq!(error.to_string(), "`example.org` leads to a private address; this hub sends nothing there");
    assert!(!error.transient());
    let nowhere = fetcher("", leads_to(&[]));
    assert!(matches!(get(&nowhere, "http://example.org/").await, Err(Error::Connect { .. })));
}

/// A name that leads to a public address when it is checked and to a private one a moment later.
#[tokio::test]
async fn names_are_resolved_once() {
    let port = server("HTTP/1.1 204 No Content\r\n\r\n").await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let resolver = Resolver::from_fn(move |_, port| {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        let address = if first { "127.0.0.1" } else { "169.254.169.254" };
        Ok(vec![SocketAddr::new(address.parse().unwrap(), port)])
    });
    let answer =
        get(&fetcher("127.0.0.1", resolver), &format!("http://receiver.test:{port}/")).await.unwrap();
    assert_eq!((answer.status, asked.load(Ordering::Relaxed)), (StatusCode::NO_CONTENT, 1));
}

#[tokio::test]
async fn broken_answers_are_errors() {
    let port = server("SSH-2.0-OpenSSH\r\n").await;
    let fetcher = fetcher("127.0.0.1", Resolver::system());
    let error = get(&fetcher, &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(error.transient() && matches!(error, Error::Exchange(_)), "{error}");
    let error = get(&fetcher, &format!("https://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. } | Error::Tls(_)), "{error}");
}

/// Time stands still but for the limits: whoever waits for nothing else moves it on.
#[tokio::test(start_paused = true)]
async fn silence_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let fetcher = fetcher("127.0.0.1", Resolver::system());
    let error = get(&fetcher, &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(matches!(error, Error::TooSlow(_)), "{error}");
    drop(listener);
}
