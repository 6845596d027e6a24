//! References and segments.

use futures_util::future::join_all;

use super::{NOW, at, oid, put, read, repo, user};
use crate::{Db, NewSegment, SegmentData};

const MAIN: &str = "refs/heads/main";

pub(super) async fn one_of_many_moves_a_ref(db: &Db) {
    let alice = user(db, "alice").await;
    let repo = repo(db, alice, "alice/model").await.id;
    let race = |old, new: fn(u64) -> Option<u64>| async move {
        let results = join_all((0..16).map(|writer| {
            let db = db.clone();
            tokio::spawn(async move {
                put(&db, move |tx| {
                    Box::pin(async move {
                        let seq = tx.take_segment_number(repo).await?.unwrap();
                        let new = new(writer).map(|new| (oid(new), oid(new)));
                        let won = tx.cas_ref(repo, MAIN, old, new, at(seq)).await?;
                        Ok((won, writer))
                    })
                })
                .await
            })
        }))
        .await;
        let winners: Vec<u64> = results
            .into_iter()
            .map(Result::unwrap)
            .filter_map(|(won, writer)| won.then_some(writer))
            .collect();
        assert_eq!(winners.len(), 1, "exactly one wins");
        let found = read(db).await.ref_get(repo, MAIN).await.unwrap();
        assert_eq!(found.map(|found| found.target), new(winners[0]).map(oid));
        winners[0]
    };
    let first = race(None, |writer| Some(100 + writer)).await;
    let second = race(Some(oid(100 + first)), |writer| Some(200 + writer)).await;
    race(Some(oid(200 + second)), |_| None).await;
    race(None, |writer| Some(300 + writer)).await;

    put(db, move |tx| {
        Box::pin(async move {
            assert!(!tx.cas_ref(repo, MAIN, Some(oid(1)), Some((oid(2), oid(2))), NOW).await?);
            assert!(!tx.cas_ref(repo, MAIN, Some(oid(1)), None, NOW).await?);
            assert!(!tx.cas_ref(repo, MAIN, None, None, NOW).await?, "it is there");
            assert!(tx.cas_ref(repo, "refs/heads/x", None, None, NOW).await?);
            assert!(!tx.cas_ref(repo, "refs/heads/x", Some(oid(1)), None, NOW).await?);
            Ok(())
        })
    })
    .await;
}

pub(super) async fn refs_that_cannot_live_together(db: &Db) {
    let alice = user(db, "alice").await;
    let repo = repo(db, alice, "alice/model").await.id;
    put(db, move |tx| {
        Box::pin(async move {
            for name in
                ["refs/heads/a/b", "refs/heads/main", "refs/heads/Z", "refs/tags/v1", "refs/heads/a-b"]
            {
                assert!(tx.cas_ref(repo, name, None, Some((oid(1), oid(1))), NOW).await?);
            }
            Ok(())
        })
    })
    .await;
    let mut reader = read(db).await;
    for (name, conflict) in [
        ("refs/heads/a", Some("refs/heads/a/b")),
        ("refs/heads/a/b/c/d", Some("refs/heads/a/b")),
        ("refs/heads/a/c", None),
        ("refs/heads/mai", None),
        ("refs/heads/main", None),
        ("refs/heads/main/x", Some("refs/heads/main")),
        ("HEAD", None),
    ] {
        assert_eq!(reader.ref_conflict(repo, name).await.unwrap().as_deref(), conflict, "{name}");
    }
    let names: Vec<String> = reader.refs(repo).await.unwrap().into_iter().map(|found| found.name).collect();
    let expected = ["refs/heads/Z", "refs/heads/a-b", "refs/heads/a/b", "refs/heads/main", "refs/tags/v1"];
    assert_eq!(names, expected, "in order of bytes");
}

fn segment(repo_id: i64, seq: i64, data: SegmentData) -> NewSegment {
    let idx = vec![u8::try_from(seq & 0xff).unwrap(); 3];
    NewSegment {
        repo_id,
        seq,
        objects: 2,
        bytes: 10,
        idx,
        data,
        source: "push".to_owned(),
        created_at: at(seq),
    }
}

pub(super) async fn segments_page_and_merge(db: &Db) {
    let alice = user(db, "alice").await;
    let (first, second) = (repo(db, alice, "alice/a").await.id, repo(db, alice, "alice/b").await.id);
    let numbers = join_all((0..10).map(|number| {
        let db = db.clone();
        async move {
            put(&db, move |tx| {
                Box::pin(async move {
                    let seq = tx.take_segment_number(first).await?.unwrap();
                    let inline = SegmentData::Inline(vec![1; 1000]);
                    let data = if number == 3 { SegmentData::Blob("segments/x".to_owned()) } else { inline };
                    assert!(tx.insert_segment(&segment(first, seq, data)).await?);
                    let again = segment(first, seq, SegmentData::Inline(Vec::new()));
                    assert!(!tx.insert_segment(&again).await?, "the number is used");
                    Ok(seq)
                })
            })
            .await
        }
    }))
    .await;
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=10).collect::<Vec<_>>());
    let mut reader = read(db).await;
    let seqs = |page: Vec<(i64, Vec<u8>)>| {
        assert!(page.iter().all(|(seq, idx)| idx == &segment(0, *seq, SegmentData::Inline(Vec::new())).idx));
        page.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>()
    };
    assert_eq!(seqs(reader.segment_indexes(first, None, 3).await.unwrap()), [10, 9, 8]);
    assert_eq!(seqs(reader.segment_indexes(first, Some(8), 100).await.unwrap()), [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(seqs(reader.segment_indexes_after(first, 7, 2).await.unwrap()), [8, 9]);
    assert!(reader.segment_indexes(second, None, 100).await.unwrap().is_empty());
    assert_eq!(reader.segment_count(first).await.unwrap(), (10, 100));
    assert_eq!(reader.segment_count(second).await.unwrap(), (0, 0));
    let blob = numbers[3];
    assert_eq!(
        reader.segment_data(first, blob).await.unwrap(),
        Some(SegmentData::Blob("segments/x".to_owned()))
    );
    let inline = reader.segment_data(first, numbers[4]).await.unwrap();
    assert_eq!(inline, Some(SegmentData::Inline(vec![1; 1000])));
    assert_eq!(reader.segment_data(first, 11).await.unwrap(), None);
    assert_eq!(reader.segment_data(second, 1).await.unwrap(), None);
    let rows = reader.segments(first, 8, 100).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.seq, row.objects, row.created_at)).collect::<Vec<_>>(),
        [(9, 2, at(9)), (10, 2, at(10))]
    );
    assert_eq!(reader.segments_of_size(first, 9, 10, 100).await.unwrap().len(), 10);
    assert_eq!(reader.segments_of_size(first, 9, 10, 3).await.unwrap().last().unwrap().seq, 3);
    assert!(reader.segments_of_size(first, 10, 100, 9).await.unwrap().is_empty());
    assert!(reader.segments_of_size(first, 0, 9, 9).await.unwrap().is_empty());
    drop(reader);

    let merge = |old: Vec<i64>| {
        put(db, move |tx| {
            Box::pin(async move {
                let seq = tx.take_segment_number(first).await?.unwrap();
                let new = segment(first, seq, SegmentData::Inline(vec![5]));
                Ok((tx.replace_segments(first, &old, &new).await?, seq))
            })
        })
    };
    assert!(!merge(vec![1, 2, 11]).await.0, "one of them is not there");
    assert_eq!(read(db).await.segment_numbers(first).await.unwrap(), (1..=10).collect::<Vec<_>>());
    let (done, seq) = merge((1..=9).collect()).await;
    assert!(done);
    assert_eq!(read(db).await.segment_numbers(first).await.unwrap(), [10, seq]);
    assert!(!merge(vec![9]).await.0, "it is gone");

    // Two compactions of the same segments: one wins.
    let both = join_all([merge(vec![10, seq]), merge(vec![10, seq])]).await;
    assert_eq!(both.iter().filter(|(won, _)| *won).count(), 1);
    assert_eq!(read(db).await.segment_count(first).await.unwrap().0, 1);
    let beyond = segment(first, 1 << 24, SegmentData::Inline(Vec::new()));
    assert!(!put(db, |tx| Box::pin(async move { tx.insert_segment(&beyond).await })).await);
}
