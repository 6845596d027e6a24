//! The job table.

use std::collections::HashMap;

use futures_util::future::join_all;
use lyceum_core::Timestamp;

use super::{NOW, at, put, read};
use crate::{Db, Job, Lane};

const LEASE_MS: u32 = 1000;

async fn claim(db: &Db, queue: Option<&'static str>, milliseconds: i64) -> Option<Job> {
    let lane = queue.map_or(Lane::Any, Lane::Only);
    put(db, move |tx| Box::pin(async move { tx.claim(lane, at(milliseconds), LEASE_MS).await })).await
}

async fn enqueue(db: &Db, queue: &'static str, key: String, payload: &'static str, run_at: i64) {
    put(db, move |tx| Box::pin(async move { tx.enqueue(queue, &key, payload, at(run_at), NOW).await })).await;
}

pub(super) async fn each_job_has_one_worker(db: &Db) {
    put(db, |tx| {
        Box::pin(async move {
            for number in 0..200 {
                let queue = if number % 2 == 0 { "index" } else { "scan" };
                tx.enqueue(queue, &format!("{queue}:{number}"), "{}", NOW, NOW).await?;
            }
            tx.enqueue("index", "later", "{}", at(1), NOW).await
        })
    })
    .await;
    let workers = [None, None, Some("index"), Some("scan")].map(|queue| {
        let db = db.clone();
        tokio::spawn(async move {
            let mut done = Vec::new();
            while let Some(job) = claim(&db, queue, 0).await {
                assert!(queue.is_none_or(|queue| queue == job.queue));
                assert_eq!((job.attempts, job.payload.as_str()), (1, "{}"));
                done.push(job.key.clone());
                assert!(put(&db, move |tx| Box::pin(async move { tx.complete(&job).await })).await);
            }
            done
        })
    });
    let mut runs: HashMap<String, u32> = HashMap::new();
    for key in join_all(workers).await.into_iter().flat_map(Result::unwrap) {
        *runs.entry(key).or_default() += 1;
    }
    assert_eq!(runs.len(), 200);
    assert!(runs.values().all(|count| *count == 1));
    let mut reader = read(db).await;
    assert_eq!(reader.jobs_pending(None).await.unwrap(), 1);
    assert_eq!(reader.jobs_pending(Some("scan")).await.unwrap(), 0);
    assert_eq!(reader.next_job_at(Lane::Any).await.unwrap(), Some(at(1)));
    assert_eq!(reader.jobs_page(false, 0, 9).await.unwrap()[0].key, "later");
}

pub(super) async fn leases_end(db: &Db) {
    enqueue(db, "index", "a".to_owned(), "{}", 0).await;
    let first = claim(db, None, 0).await.unwrap();
    assert_eq!(claim(db, None, 999).await, None);
    assert_eq!(read(db).await.next_job_at(Lane::Any).await.unwrap(), Some(at(1000)));
    let job = first.clone();
    assert!(put(db, move |tx| Box::pin(async move { tx.extend_job(&job, at(500), LEASE_MS).await })).await);
    assert_eq!(claim(db, None, 1499).await, None);
    let second = claim(db, None, 1500).await.unwrap();
    assert_eq!((second.id, second.attempts), (first.id, 2));
    put(db, move |tx| {
        Box::pin(async move {
            assert!(!tx.extend_job(&first, at(1501), LEASE_MS).await?, "the lease is lost");
            assert!(!tx.complete(&first).await?);
            assert!(!tx.fail(&first, "late", at(9000)).await?);
            assert!(!tx.drop_job(&first).await?);
            assert!(tx.fail(&second, "it broke", at(5000)).await?);
            Ok(())
        })
    })
    .await;
    assert_eq!(claim(db, None, 4999).await, None);
    let third = claim(db, None, 5000).await.unwrap();
    assert_eq!((third.attempts, third.last_error.as_deref()), (3, Some("it broke")));
    assert!(put(db, move |tx| Box::pin(async move { tx.drop_job(&third).await })).await);
    assert_eq!(read(db).await.next_job_at(Lane::Any).await.unwrap(), None);
}

pub(super) async fn enqueued_again(db: &Db) {
    // While it waits: the earlier time, the new payload.
    enqueue(db, "index", "a".to_owned(), "1", 100).await;
    enqueue(db, "index", "a".to_owned(), "2", 50).await;
    enqueue(db, "index", "a".to_owned(), "3", 70).await;
    assert_eq!(read(db).await.jobs_pending(None).await.unwrap(), 1);
    assert_eq!(claim(db, None, 49).await, None);
    let job = claim(db, None, 50).await.unwrap();
    assert_eq!(job.payload, "3");
    // While it runs: again after.
    enqueue(db, "index", "a".to_owned(), "4", 60).await;
    assert_eq!(claim(db, None, 60).await, None);
    assert!(put(db, move |tx| Box::pin(async move { tx.complete(&job).await })).await);
    let job = claim(db, None, 60).await.unwrap();
    assert_eq!((job.payload.as_str(), job.attempts), ("4", 1));
    // While it runs and fails: not held up by the back-off.
    enqueue(db, "index", "a".to_owned(), "5", 60).await;
    assert!(put(db, move |tx| Box::pin(async move { tx.fail(&job, "broken", at(9000)).await })).await);
    let job = claim(db, None, 61).await.unwrap();
    assert_eq!(job.payload, "5");
    assert!(put(db, move |tx| Box::pin(async move { tx.complete(&job).await })).await);
    assert_eq!(read(db).await.jobs_pending(None).await.unwrap(), 0);
}

pub(super) async fn given_up_and_tried_again(db: &Db) {
    for number in 0..3 {
        enqueue(db, "index", format!("bad:{number}"), "{}", 0).await;
    }
    enqueue(db, "scan", "good".to_owned(), "{}", 5).await;
    for _ in 0..3 {
        let job = claim(db, None, 0).await.unwrap();
        assert!(put(db, move |tx| Box::pin(async move { tx.give_job_up(&job, "it broke", 2).await })).await);
    }
    let mut reader = read(db).await;
    assert_eq!(reader.next_job_at(Lane::Only("index")).await.unwrap(), Some(Timestamp(i64::MAX)));
    let failed = reader.jobs_page(true, 0, 9).await.unwrap();
    assert_eq!(failed.iter().map(|job| job.key.as_str()).collect::<Vec<_>>(), ["bad:1", "bad:2"]);
    assert_eq!((failed[0].run_at, failed[0].last_error.as_deref()), (None, Some("it broke")));
    let queues: Vec<_> = reader.queues().await.unwrap();
    let counts: Vec<_> = queues.iter().map(|q| (q.queue.as_str(), q.waiting, q.given_up)).collect();
    assert_eq!(counts, [("index", 0, 2), ("scan", 1, 0)]);
    assert_eq!(reader.jobs_pending(None).await.unwrap(), 1);
    drop(reader);
    let id = failed[0].id;
    let again = put(db, move |tx| Box::pin(async move { tx.retry_job(id, at(1)).await })).await.unwrap();
    assert_eq!((again.key.as_str(), again.attempts, again.run_at), ("bad:1", 0, Some(at(1))));
    let job = claim(db, None, 2).await.unwrap();
    assert_eq!(job.id, id);
    assert_eq!(
        put(db, move |tx| Box::pin(async move { tx.retry_job(id, at(2)).await })).await,
        None,
        "it runs"
    );
    // What is asked for again is tried again, and one that was asked for while it ran is not given up.
    enqueue(db, "index", "bad:2".to_owned(), "{}", 3).await;
    enqueue(db, "index", "bad:1".to_owned(), "{}", 4).await;
    assert!(put(db, move |tx| Box::pin(async move { tx.give_job_up(&job, "again", 2).await })).await);
    assert_eq!(claim(db, None, 3).await.unwrap().key, "bad:1");
    assert_eq!(claim(db, None, 3).await.unwrap().key, "bad:2");
}

pub(super) async fn lanes_keep_apart(db: &Db) {
    put(db, |tx| {
        Box::pin(async move {
            tx.enqueue("slow", "a", "{}", at(1), NOW).await?;
            tx.enqueue("fast", "b", "{}", at(5), NOW).await
        })
    })
    .await;
    let next = async |lane| read(db).await.next_job_at(lane).await.unwrap();
    assert_eq!(next(Lane::Not(&["slow"])).await, Some(at(5)));
    assert_eq!(next(Lane::Only("slow")).await, Some(at(1)));
    let claim = async |lane: Lane<'static>| {
        put(db, move |tx| Box::pin(async move { tx.claim(lane, at(9), LEASE_MS).await })).await
    };
    assert_eq!(claim(Lane::Not(&["slow"])).await.unwrap().key, "b");
    assert_eq!(claim(Lane::Not(&["slow"])).await, None);
    assert_eq!(next(Lane::Not(&["slow"])).await, Some(at(1009)), "until the lease ends");
    assert_eq!(claim(Lane::Only("slow")).await.unwrap().key, "a");
    assert_eq!(next(Lane::Only("other")).await, None);
    let busy = ["fast:1:".to_owned()];
    for key in ["fast:1:8", "fast:12:9"] {
        enqueue(db, "fast", key.to_owned(), "{}", 1).await;
    }
    let claimed = put(db, {
        let busy = busy.clone();
        move |tx| Box::pin(async move { tx.claim(Lane::Except("fast", &busy), at(2), LEASE_MS).await })
    });
    assert_eq!(claimed.await.unwrap().key, "fast:12:9");
    assert_ne!(next(Lane::Except("fast", &busy)).await, Some(at(1)));
    assert_eq!(next(Lane::Only("fast")).await, Some(at(1)));
}
