use lyceum_hub::ReconstructionFetch;
use lyceum_xet::plan::{FetchRange, PlannedTerm};
use serde_json::{Value, json};

use super::*;

fn plan() -> Reconstruction {
    let (one, two) = (XetHash([1; 32]), XetHash([2; 32]));
    let fetch = |xorb, chunks: Range<u32>, bytes: Range<u64>, grant: &str| ReconstructionFetch {
        xorb,
        ranges: vec![FetchRange { chunks, bytes }],
        grant: grant.to_owned(),
    };
    Reconstruction {
        offset_into_first_range: 7,
        terms: vec![
            PlannedTerm { hash: two, unpacked_length: 300, chunks: 1..4 },
            PlannedTerm { hash: one, unpacked_length: 50, chunks: 0..1 },
        ],
        fetches: vec![
            fetch(two, 1..4, 10..110, "a"),
            fetch(one, 0..1, 0..60, "b"),
            fetch(two, 9..10, 900..950, "c"),
        ],
    }
}

fn url(xorb: XetHash, grant: &str) -> String {
    format!("http://hub/{}?grant={grant}", &xorb.to_string()[..2])
}

fn check(answer: &impl Serialize, expected: &Value) {
    assert_eq!(&serde_json::to_value(answer).unwrap(), expected);
}

#[test]
fn reconstructions_have_the_shape_that_clients_parse() {
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    let terms = json!([
        { "hash": two, "unpacked_length": 300, "range": { "start": 1, "end": 4 } },
        { "hash": one, "unpacked_length": 50, "range": { "start": 0, "end": 1 } },
    ]);
    let (mut xorbs, mut fetch_info) = (json!({}), json!({}));
    xorbs[&one] = json!([
        { "url": "http://hub/01?grant=b", "ranges": [{ "chunks": { "start": 0, "end": 1 }, "bytes": { "start": 0, "end": 59 } }] },
    ]);
    xorbs[&two] = json!([
        { "url": "http://hub/02?grant=a", "ranges": [{ "chunks": { "start": 1, "end": 4 }, "bytes": { "start": 10, "end": 109 } }] },
        { "url": "http://hub/02?grant=c", "ranges": [{ "chunks": { "start": 9, "end": 10 }, "bytes": { "start": 900, "end": 949 } }] },
    ]);
    fetch_info[&one] = json!([
        { "url": "http://hub/01?grant=b", "range": { "start": 0, "end": 1 }, "url_range": { "start": 0, "end": 59 } },
    ]);
    fetch_info[&two] = json!([
        { "url": "http://hub/02?grant=a", "range": { "start": 1, "end": 4 }, "url_range": { "start": 10, "end": 109 } },
        { "url": "http://hub/02?grant=c", "range": { "start": 9, "end": 10 }, "url_range": { "start": 900, "end": 949 } },
    ]);
    check(
        &ReconstructionV2::new(plan(), url),
        &json!({ "offset_into_first_range": 7, "terms": terms, "xorbs": xorbs }),
    );
    check(
        &ReconstructionV1::new(&plan(), url),
        &json!({ "offset_into_first_range": 7, "terms": terms, "fetch_info": fetch_info }),
    );
    let mut batch = ReconstructionBatch::default();
    batch.add(XetHash([3; 32]), &plan(), url);
    let mut files = json!({});
    files["03".repeat(32)] = terms;
    check(&batch, &json!({ "files": files, "fetch_info": fetch_info }));
}

#[test]
fn shard_events_are_tagged_lines() {
    check(
        &ShardEvent::Validating { verified: 3, total: 7 },
        &json!({ "type": "validating", "verified": 3, "total": 7 }),
    );
    check(&ShardEvent::Committing { stage: "syncing" }, &json!({ "type": "committing", "stage": "syncing" }));
    check(&ShardEvent::Result, &json!({ "type": "result" }));
    let error = ShardEvent::Error { message: "no".to_owned(), retryable: false };
    check(&error, &json!({ "type": "error", "message": "no", "retryable": false }));
}
