use lyceum_core::Timestamp;

use super::{CHORES, LEASE_MS, MAX_ATTEMPTS, guarded};
use crate::testing::TestHub;
use crate::{Error, ErrorKind};

#[tokio::test]
async fn a_panic_is_an_error() {
    let panicked = guarded::<()>(async { panic!("out of cheese") }).await.unwrap_err();
    assert_eq!(panicked.kind(), ErrorKind::Internal);
    assert_eq!(guarded(async { Ok(1) }).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_never_ends_is_given_up() {
    for hub in TestHub::each().await {
        hub.run_due_jobs().await.unwrap();
        let now = hub.inner.clock.now();
        let enqueue = |key: &'static str, at: Timestamp| {
            hub.inner.db.write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.enqueue("unknown", key, "", at, at).await?) })
            })
        };
        enqueue("deadly", now).await.unwrap();
        for attempt in 1..=MAX_ATTEMPTS {
            // As if the process had ended before it could say how the job did.
            let job = hub.claim(CHORES, LEASE_MS, MAX_ATTEMPTS).await.unwrap().unwrap();
            assert_eq!((job.key.as_str(), job.attempts), ("deadly", attempt));
            hub.advance_seconds(i64::from(LEASE_MS) / 1000);
        }
        enqueue("next", hub.inner.clock.now()).await.unwrap();
        let next = hub.claim(CHORES, LEASE_MS, MAX_ATTEMPTS).await.unwrap();
        assert_eq!(next.map(|job| job.key).as_deref(), Some("next"));
        assert_eq!(hub.inner.db.read().await.unwrap().jobs_pending(None).await.unwrap(), 1);
    }
}
