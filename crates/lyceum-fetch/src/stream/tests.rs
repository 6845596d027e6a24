use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::{AllowList, Resolver};

const LIMITS: OpenLimits = OpenLimits { connect_seconds: 5, answer_seconds: 5, idle_seconds: 5 };

/// A server that answers by the path, and what it was asked.
async fn server(answer: impl Fn(&str, u16) -> String + Send + 'static) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
            seen.lock().unwrap().push(text);
            let _gone = stream.write_all(answer(&path, port).as_bytes()).await;
        }
    });
    (port, asked)
}

fn fetcher(allowed: &str) -> Fetcher {
    Fetcher::new(AllowList::parse(allowed).unwrap(), Resolver::system())
}

async fn get(fetcher: &Fetcher, address: &str) -> Result<Opened> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, "Bearer secret".parse().unwrap());
    let target = Target::parse(address).unwrap();
    fetcher.open(Method::GET, &target, headers, Bytes::new(), LIMITS).await
}

fn moved(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn bodies_are_read_to_their_limit() {
    let (port, _) = server(|_, _| HELLO.to_owned()).await;
    let address = format!("http://127.0.0.1:{port}/");
    let fetcher = fetcher("127.0.0.1");
    assert_eq!(get(&fetcher, &address).await.unwrap().read(5).await.unwrap().unwrap(), "hello");
    assert_eq!(get(&fetcher, &address).await.unwrap().read(4).await.unwrap(), None);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let (port, _) = server(|_, _| "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello".to_owned()).await;
    let opened = get(&fetcher("127.0.0.1"), &format!("http://127.0.0.1:{port}/")).await.unwrap();
    assert!(opened.read(100).await.unwrap_err().transient());
}

#[tokio::test]
async fn credentials_stay_with_their_server() {
    let (other, at_other) = server(|_, _| HELLO.to_owned()).await;
    let (port, at_first) = server(move |path, _| match path {
        "/a" => moved("/b"),
        _ => moved(&format!("http://localhost:{other}/c")),
    })
    .await;
    let opened = get(&fetcher("127.0.0.1, localhost"), &format!("http://127.0.0.1:{port}/a")).await.unwrap();
    assert_eq!(opened.status, StatusCode::OK);
    let first = at_first.lock().unwrap().clone();
    assert!(first.len() == 2 && first.iter().all(|request| request.contains("authorization: Bearer secret")));
    assert!(!at_other.lock().unwrap()[0].contains("secret"));
}

#[tokio::test]
async fn redirect_loops_end() {
    let (port, asked) = server(|_, port| moved(&format!("http://127.0.0.1:{port}/again"))).await;
    let error = get(&fetcher("127.0.0.1"), &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert_eq!(error.to_string(), "`127.0.0.1` redirects too often");
    assert_eq!(asked.lock().unwrap().len(), MAX_REDIRECTS + 1);
}

#[tokio::test]
async fn redirects_reach_no_private_address() {
    let (port, _) = server(|_, _| moved("http://169.254.169.254/latest")).await;
    let error = get(&fetcher("127.0.0.1"), &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}

#[test]
fn locations_are_joined() {
    let from = Target::parse("https://example.org/a/b?c").unwrap();
    let check = |location: &str, expected: &str| {
        let joined = from.join(location).map(|target| target.to_string());
        assert_eq!(joined.unwrap_or_default(), expected, "{location}");
    };
    check("/d#e", "https://example.org/d");
    check("//cdn.example.org/d", "https://cdn.example.org/d");
    check("https://cdn.example.org/d", "https://cdn.example.org/d");
    check("http://example.org/d", "");
    check("d", "");
}
