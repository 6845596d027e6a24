use std::sync::atomic::{AtomicUsize, Ordering};

use lyceum_git::{ObjectKind, SegmentWriter};

use super::*;

fn known(objects: usize) -> Arc<Known> {
    let mut writer = SegmentWriter::new(&std::env::temp_dir());
    for number in 0..objects {
        writer.add(ObjectKind::Blob, format!("{number}").as_bytes()).unwrap();
    }
    let mut known = Known::default();
    known.add(1, &writer.finish().unwrap().index);
    Arc::new(known)
}

/// Asks for a repo, and reports whether it had to be read.
async fn read(recent: &Recent, repo: i64, known: &Arc<Known>) -> bool {
    let mut read = false;
    let found = recent.get(repo, async {
        read = true;
        Ok(known.clone())
    });
    assert!(Arc::ptr_eq(&found.await.unwrap(), known));
    read
}

#[tokio::test]
async fn those_used_last_stay() {
    let small = known(10);
    let recent = Recent::new(3 * (small.weight_bytes() + ENTRY_BYTES));
    for repo in 1..=3 {
        assert!(read(&recent, repo, &small).await);
    }
    assert!(!read(&recent, 1, &small).await);
    assert!(read(&recent, 4, &small).await);
    assert!(!read(&recent, 1, &small).await, "it was used after the others");
    assert!(read(&recent, 2, &small).await);
    recent.forget(2);
    assert!(read(&recent, 2, &small).await);
    // One that is larger than all there is takes the place of all others, and stays.
    let large = known(1000);
    assert!(read(&recent, 5, &large).await);
    assert!(!read(&recent, 5, &large).await);
    assert!(read(&recent, 1, &small).await);
    assert!(read(&recent, 5, &large).await);
    recent.keep(5, &small);
    assert!(!read(&recent, 5, &small).await);
    let state = recent.lock();
    assert_eq!(state.bytes, state.repos.values().map(|entry| entry.bytes).sum::<usize>());
    assert_eq!(state.order.len(), state.repos.len());
}

#[tokio::test]
async fn who_asks_at_once_reads_once() {
    let (recent, reads, small) = (Recent::new(1000), AtomicUsize::new(0), known(1));
    let ask = || {
        recent.get(1, async {
            tokio::task::yield_now().await;
            reads.fetch_add(1, Ordering::Relaxed);
            Ok(small.clone())
        })
    };
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(reads.into_inner(), 1);
    // What cannot be read is read anew by the next.
    let failed = recent.get(2, async { Err(crate::Error::internal("lost")) }).await;
    assert!(failed.is_err());
    assert!(read(&recent, 2, &small).await);
}
