use std::future::{pending, ready};

use super::*;

fn progress(verified: usize, total: usize) -> Arc<Progress> {
    let progress = Progress::default();
    progress.verified.store(verified, Ordering::Relaxed);
    progress.total.store(total, Ordering::Relaxed);
    Arc::new(progress)
}

fn validating(verified: usize, total: usize) -> ShardEvent {
    ShardEvent::Validating { verified, total }
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_heartbeats() {
    let started = Instant::now();
    let mut events = Box::pin(events(pending::<ApiResult<()>>(), progress(1, 3)));
    for beat in 0..4 {
        assert_eq!(events.next().await, Some(validating(1, 3)));
        assert_eq!(started.elapsed().as_secs(), beat * 15);
    }
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_within_a_second() {
    let progress = progress(0, 2);
    let mut events = Box::pin(events(pending::<ApiResult<()>>(), Arc::clone(&progress)));
    assert_eq!(events.next().await, Some(validating(0, 2)));
    progress.verified.store(1, Ordering::Relaxed);
    let before = Instant::now();
    assert_eq!(events.next().await, Some(validating(1, 2)));
    progress.verified.store(2, Ordering::Relaxed);
    assert_eq!(events.next().await, Some(ShardEvent::Committing { stage: "syncing" }));
    assert_eq!(before.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_line_tells_the_end() {
    let check = async |ended: ApiResult<()>, expected: ShardEvent| {
        let events: Vec<_> = events(ready(ended), progress(0, 0)).collect().await;
        assert_eq!(events, [validating(0, 0), expected]);
    };
    check(Ok(()), ShardEvent::Result).await;
    let failed = |kind, retryable| {
        let error = ShardEvent::Error { message: "why".to_owned(), retryable };
        (Err(ApiError::new(kind, "why")), error)
    };
    for (kind, retryable) in [
        (ErrorKind::Invalid, false),
        (ErrorKind::StorageFull, false),
        (ErrorKind::Unavailable, true),
        (ErrorKind::Internal, true),
    ] {
        let (ended, expected) = failed(kind, retryable);
        check(ended, expected).await;
    }
}

#[test]
fn a_line_is_json_and_ends() {
    assert_eq!(line(&validating(3, 7)), "{\"type\":\"validating\",\"verified\":3,\"total\":7}\n");
}

#[tokio::test]
async fn what_is_missing_in_a_shard_is_not_a_missing_route() {
    let work = tokio::spawn(ready(Err(Error::new(ErrorKind::NotFound, "xorb `x` not found"))));
    let error = outcome(work).await.unwrap_err();
    assert_eq!(error.parts().status, http::StatusCode::BAD_REQUEST);
    assert_eq!(error.parts().message, "xorb `x` not found");
}
