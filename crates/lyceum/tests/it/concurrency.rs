//! Many clients that commit to one branch at the same moment.

use std::collections::HashSet;
use std::sync::Barrier;

use crate::client::{Client, file};
use crate::process::Site;

const CLIENTS: usize = 32;

fn at_once<T: Send>(site: &Site, work: impl Fn(usize, &Client) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(CLIENTS);
    std::thread::scope(|scope| {
        let start = |index| {
            let (barrier, work) = (&barrier, &work);
            let client = site.client.at(&site.server.address);
            scope.spawn(move || {
                barrier.wait();
                work(index, &client)
            })
        };
        let threads: Vec<_> = (0..CLIENTS).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn with_a_parent_each_commit_lands_on_it_or_is_refused() {
    let site = Site::new();
    site.client.create_model("race");
    let first = site.client.head("ada/race");
    let landed = at_once(&site, |index, client| {
        let mut refused = 0;
        loop {
            let parent = client.head("ada/race");
            let operation = file(&format!("file-{index}.txt"), format!("by {index}").as_bytes());
            let answer = client.try_commit("ada/race", Some(&parent), &[operation]).unwrap();
            match answer.status {
                200 => {
                    let oid = answer.json()["commitOid"].as_str().unwrap().to_owned();
                    return (oid, parent, refused);
                }
                412 => refused += 1,
                status => panic!("{status}: {}", answer.text()),
            }
            assert!(refused <= 4 * CLIENTS, "client {index} never gets its turn");
        }
    });
    let history = site.client.history("ada/race");
    assert_eq!(history.len(), CLIENTS + 1, "every success is one commit, every refusal none");
    assert_eq!(history.last(), Some(&first));
    for (oid, parent, _) in &landed {
        let at = history
            .iter()
            .position(|commit| commit == oid)
            .expect("an acknowledged commit is in the history");
        assert_eq!(&history[at + 1], parent, "{oid} must stand on the parent that its client named");
    }
    let distinct: HashSet<_> = landed.iter().map(|(oid, _, _)| oid).collect();
    assert_eq!(distinct.len(), CLIENTS);
}

#[test]
fn without_a_parent_every_commit_lands() {
    let site = Site::new();
    site.client.create_model("race");
    let landed = at_once(&site, |index, client| {
        let operation = file(&format!("folder/file-{index}.txt"), format!("by {index}").as_bytes());
        let answer = client.try_commit("ada/race", None, &[operation]).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["commitOid"].as_str().unwrap().to_owned()
    });
    let history: HashSet<String> = site.client.history("ada/race").into_iter().collect();
    assert_eq!(history.len(), CLIENTS + 1);
    assert!(landed.iter().all(|oid| history.contains(oid)));
    for index in 0..CLIENTS {
        let answer = site.client.get(&format!("/ada/race/resolve/main/folder/file-{index}.txt"));
        assert_eq!((answer.status, answer.text()), (200, format!("by {index}")));
    }
}
