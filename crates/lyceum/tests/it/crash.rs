//! `kill -9` at random instants while clients upload and commit.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Client, file, large_file};
use crate::process::{Server, Site, ok};

const ROUNDS: usize = 50;
const WRITERS: usize = 4;
/// Stored bytes are checked this often, and at the end.
const ROUNDS_PER_CHECK: usize = 10;
const REPO: &str = "ada/crash";

/// One commit's files: all of them are there, or none.
#[derive(Clone)]
struct Change {
    files: Vec<(String, Vec<u8>)>,
}

#[test]
fn what_was_acknowledged_survives() {
    let site = Site::new();
    site.client.create_model("crash");
    let Site { server, folder, client } = site;
    let mut server = Some(server);
    let (mut acknowledged, mut in_doubt): (Vec<Change>, Vec<Change>) = Default::default();
    let mut random = Random(u64::from(std::process::id()));
    println!("seed {}", random.0);
    let number = AtomicUsize::new(0);
    for round in 1..=ROUNDS {
        let running = server.take().unwrap_or_else(|| Server::start(folder.path()));
        let client = client.at(&running.address);
        // What the previous round was told must be there as soon as the server is back.
        let recent = acknowledged.len().saturating_sub(2 * WRITERS);
        check(&client, &acknowledged[recent..], &in_doubt);
        in_doubt.clear();
        let (new, doubtful) = write_until_killed(running, &client, &number, &mut random);
        acknowledged.extend(new);
        in_doubt = doubtful;
        if round % ROUNDS_PER_CHECK == 0 {
            let printed = ok(folder.path(), &["fsck"]);
            assert!(printed.starts_with("clean"), "{printed}");
        }
    }
    let printed = ok(folder.path(), &["fsck", "--deep"]);
    assert!(printed.starts_with("clean"), "{printed}");
    let server = Server::start(folder.path());
    check(&client.at(&server.address), &acknowledged, &in_doubt);
    println!("{} commits were acknowledged in {ROUNDS} rounds", acknowledged.len());
    assert!(acknowledged.len() >= ROUNDS, "only {} commits were acknowledged", acknowledged.len());
}

/// Lets writers work until a random instant, then kills the server. Returns the acknowledged and the doubtful commits.
fn write_until_killed(
    server: Server,
    client: &Client,
    number: &AtomicUsize,
    random: &mut Random,
) -> (Vec<Change>, Vec<Change>) {
    let acknowledged = Mutex::new(Vec::new());
    let in_doubt = Mutex::new(Vec::new());
    let (progress, watch) = mpsc::channel();
    let successes = random.below(12);
    let delay = Duration::from_micros(random.below(30_000));
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            let progress = progress.clone();
            let (acknowledged, in_doubt) = (&acknowledged, &in_doubt);
            let client = client.at(&client.address);
            scope.spawn(move || {
                loop {
                    let change = Change::new(number.fetch_add(1, Ordering::Relaxed));
                    match change.send(&client) {
                        Ok(true) => acknowledged.lock().unwrap().push(change),
                        // Refused: nothing of it may be seen.
                        Ok(false) => in_doubt.lock().unwrap().push(change),
                        Err(_) => {
                            in_doubt.lock().unwrap().push(change);
                            return;
                        }
                    }
                    let _killed = progress.send(());
                }
            });
        }
        drop(progress);
        for _ in 0..successes {
            watch.recv_timeout(Duration::from_secs(20)).expect("the writers make progress");
        }
        let deadline = Instant::now() + delay;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            let _progress = watch.recv_timeout(left);
        }
        server.kill();
    });
    (acknowledged.into_inner().unwrap(), in_doubt.into_inner().unwrap())
}

fn check(client: &Client, acknowledged: &[Change], in_doubt: &[Change]) {
    for change in acknowledged {
        assert_eq!(change.present(client), change.files.len(), "{} was acknowledged", change.files[0].0);
    }
    for change in in_doubt {
        let present = change.present(client);
        assert!(present == 0 || present == change.files.len(), "{} is half there", change.files[0].0);
    }
}

impl Change {
    /// Returns a change of its own: two small files and, for every other one, a large file.
    fn new(number: usize) -> Self {
        let mut files = vec![
            (format!("small/{number}/a.txt"), format!("first of {number}").into_bytes()),
            (format!("small/{number}/b.txt"), format!("second of {number}").into_bytes()),
        ];
        if number.is_multiple_of(2) {
            let mut random = Random(number as u64 + 1);
            let length = 1 + random.below(150_000);
            let content = (0..length).map(|_| random.next().to_le_bytes()[0]).collect();
            files.push((format!("large/{number}.bin"), content));
        }
        Self { files }
    }

    /// Uploads and commits; true when the commit was acknowledged.
    fn send(&self, client: &Client) -> Result<bool, ureq::Error> {
        let mut operations: Vec<Value> = Vec::new();
        for (path, content) in &self.files {
            if path.starts_with("large/") {
                if !client.try_upload(REPO, content)? {
                    return Ok(false);
                }
                operations.push(large_file(path, content));
            } else {
                operations.push(file(path, content));
            }
        }
        Ok(client.try_commit(REPO, None, &operations)?.status == 200)
    }

    /// Counts the files that are there; each must hold exactly what was sent.
    fn present(&self, client: &Client) -> usize {
        let mut present = 0;
        for (path, content) in &self.files {
            let answer = client.get(&format!("/{REPO}/resolve/main/{path}"));
            match answer.status {
                200 => {
                    assert!(answer.body == *content, "{path} has other bytes than were sent");
                    present += 1;
                }
                404 => {}
                status => panic!("{path}: {status} {}", answer.text()),
            }
        }
        present
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
