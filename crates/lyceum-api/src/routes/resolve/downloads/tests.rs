use super::*;

fn headers(agent: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(USER_AGENT, http::HeaderValue::from_static(agent))])
}

#[tokio::test(start_paused = true)]
async fn a_client_counts_once_per_repo_and_window() {
    let window = DownloadWindow::default();
    let first = |repo: &str, agent| window.first(window.digest(repo, &headers(agent)));
    assert!(first("model a/b", "one"));
    assert!(!first("model a/b", "one"));
    assert!(first("model a/b", "two"));
    assert!(first("dataset a/b", "one"));
    tokio::time::advance(WINDOW / 2).await;
    assert!(!first("model a/b", "one"));
    tokio::time::advance(WINDOW / 2).await;
    assert!(first("model a/b", "one"));
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded() {
    let window = DownloadWindow::default();
    for digest in 0..=MAX_REMEMBERED as u64 {
        assert!(window.first(digest));
    }
    assert!(window.seen.lock().unwrap().len() <= MAX_REMEMBERED);
}
