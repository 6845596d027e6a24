//! A writer that is killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use futures_util::future::join_all;
use lyceum_core::RepoKind;

use super::{at, id, oid, put, read, repo, user};
use crate::testing::{options, sqlite};
use crate::value::bind;
use crate::{Chain, Db, NewEvent, NewSegment, SegmentData, Tx};

const MAIN: &str = "refs/heads/main";
const DATABASE: &str = "LYCEUM_TEST_CRASH_DATABASE";

/// A commit as the hub makes one: a segment, the moved reference and an event belong together.
async fn commit(tx: &mut Tx, repo_id: i64) -> crate::Result<i64> {
    let seq = tx.take_segment_number(repo_id).await?.unwrap();
    let segment = NewSegment {
        repo_id,
        seq,
        objects: 1,
        bytes: 5000,
        idx: vec![1; 500],
        data: SegmentData::Inline(vec![2; 5000]),
        source: "commit".to_owned(),
        created_at: at(seq),
    };
    assert!(tx.insert_segment(&segment).await?);
    let old = tx.ref_get(repo_id, MAIN).await?.map(|found| found.target);
    let new = oid(u64::try_from(seq).unwrap());
    assert!(tx.cas_ref(repo_id, MAIN, old, Some((new, new)), at(seq)).await?);
    let event = NewEvent {
        repo_id: Some(repo_id),
        actor_id: None,
        action: "commit".to_owned(),
        detail: format!("{{\"n\":{seq}}}"),
        at: at(seq),
    };
    tx.append_event(&event).await?;
    Ok(seq)
}

/// The process that is killed: prints the number of each commit once it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn child_commits_until_killed() {
    #[expect(clippy::disallowed_methods, reason = "how the parent below tells its child what to do")]
    let Ok(url) = std::env::var(DATABASE) else { return };
    let db = Db::open(options(&url)).await.unwrap();
    let repo_id = read(&db).await.repo_by_key(RepoKind::Model, &id("alice/model")).await.unwrap().unwrap().id;
    join_all((0..8).map(|_| async {
        loop {
            let seq = put(&db, move |tx| Box::pin(commit(tx, repo_id))).await;
            println!("{seq}");
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_writer_loses_nothing_and_leaves_no_halves() {
    let first = sqlite().await;
    let owner = user(&first, "alice").await;
    let repo_id = repo(&first, owner, "alice/model").await.id;
    first.close().await;
    for round in 1..=4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "tests::crash::child_commits_until_killed"])
            .env(DATABASE, first.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (mut acknowledged, mut line) = (Vec::new(), String::new());
        while output.read_line(&mut line).unwrap() > 0 {
            // A line that the kill cut short was not told to anybody.
            if let (true, Ok(seq)) = (line.ends_with('\n'), line.trim().parse::<i64>()) {
                acknowledged.push(seq);
            }
            if acknowledged.len() == 20 * round {
                child.kill().unwrap();
            }
            line.clear();
        }
        assert!(!child.wait().unwrap().success());

        let db = super::open_again(&first).await.unwrap();
        let mut reader = read(&db).await;
        let numbers = reader.segment_numbers(repo_id).await.unwrap();
        let lost: Vec<_> = acknowledged.iter().filter(|seq| numbers.binary_search(seq).is_err()).collect();
        assert!(acknowledged.len() >= 20 * round && lost.is_empty(), "acknowledged and lost: {lost:?}");
        let last = i64::try_from(numbers.len()).unwrap();
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
        let head = reader.ref_get(repo_id, MAIN).await.unwrap().unwrap().target;
        assert_eq!(head, oid(u64::try_from(last).unwrap()));
        let chain = reader.verify_events(repo_id).await.unwrap();
        assert_eq!(chain, Chain::Intact { events: u64::try_from(last).unwrap() });
        let check: String = reader.one("PRAGMA integrity_check", bind![]).await.unwrap();
        assert_eq!(check, "ok");
        drop(reader);
        db.close().await;
    }
}
