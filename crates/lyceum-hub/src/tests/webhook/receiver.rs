//! A receiver on this machine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What was received.
#[derive(Debug, Clone)]
pub(super) struct Received {
    head: String,
    pub(super) body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Answers with the statuses that it is given, then with 200.
pub(super) struct Receiver {
    pub(super) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<&'static str>>>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (received, answers): (Arc<Mutex<Vec<_>>>, Arc<Mutex<VecDeque<_>>>) = Default::default();
        let (keep, next) = (received.clone(), answers.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                keep.lock().unwrap().push(request);
                let status = next.lock().unwrap().pop_front().unwrap_or("200 OK");
                let answer = format!(
                    "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 2\r\n\r\nok"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, received, answers }
    }

    pub(super) fn answer(&self, statuses: &[&'static str]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    /// Returns what came since the last time.
    pub(super) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().unwrap())
    }
}

async fn read(stream: &mut TcpStream) -> Received {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let request = Received { head: head.to_owned(), body: body.to_owned() };
            let length: usize = request.header("content-length").unwrap().parse().unwrap();
            if body.len() == length {
                return request;
            }
        }
        assert!(count > 0, "the request broke off: {text}");
    }
}
