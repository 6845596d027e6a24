use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use lyceum_core::{ByteRange, RepoId, RepoKind, RepoPath, Revision};
use serde_json::Map;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::testing::TestHub;
use crate::{Caller, FileHandle, Gated, HubOptions, LfsAction, LfsObject, LfsOperation, Role, Visibility};
use upstream::{FakeHub, Mood, Xet};

mod upstream;

const MODEL: RepoKind = RepoKind::Model;

fn id(text: &str) -> RepoId {
    RepoId::parse(text).unwrap()
}

async fn hub(fake: &FakeHub, pull_through: PullThrough) -> TestHub {
    let upstreams = vec![fake.upstream(pull_through)];
    TestHub::with(HubOptions { upstreams, ..HubOptions::default() }).await
}

fn wanted(local: &str) -> NewMirror {
    let source = MirrorSource::parse("hf://lab/m").unwrap();
    NewMirror { source, local: Some(id(local)), every_seconds: None, whole: false }
}

async fn open(hub: &Hub, path: &str) -> FileHandle {
    let path = RepoPath::parse(path).unwrap();
    hub.open_file(&Caller::Anonymous, MODEL, &id("copy/m"), &Revision::main(), &path).await.unwrap()
}

async fn read(hub: &Hub, path: &str, range: std::ops::Range<u64>) -> Result<Bytes, String> {
    let file = open(hub, path).await;
    let range = ByteRange::new(range.start, range.end);
    let stream = hub.read_file(&file, range).await.map_err(|error| error.to_string())?;
    let read: Vec<Bytes> = stream.try_collect().await.map_err(|error| error.to_string())?;
    Ok(read.concat().into())
}

/// Bytes that do not repeat.
fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

async fn heads(hub: &Hub) -> Vec<(String, String)> {
    let repo = hub.open(&Caller::Anonymous, MODEL, &id("copy/m"), Action::Discover).await.unwrap();
    let found = hub.references(&repo, false).await.unwrap();
    let all = found.branches.into_iter().chain(found.tags);
    all.map(|reference| (reference.name.short().to_owned(), reference.commit.to_string())).collect()
}

async fn archive_tag(hub: &Hub, pointers: bool) -> Option<String> {
    let options = crate::ArchiveOptions { format: crate::ArchiveFormat::Zip, pointers };
    let (caller, main) = (Caller::Anonymous, Revision::main());
    let archive = hub.open_archive(&caller, MODEL, &id("copy/m"), &main, options).await.unwrap();
    archive.etag().map(str::to_owned)
}

#[test]
fn sources_are_parsed() {
    let check = |text: &str, kind, id: &str, revision: Option<&str>| {
        let source = MirrorSource::parse(text).unwrap();
        assert_eq!((source.kind, source.id.to_string().as_str()), (kind, id));
        assert_eq!((source.revision.as_deref(), source.to_string().as_str()), (revision, text));
    };
    check("hf://google/bert", MODEL, "google/bert", None);
    check("hf://datasets/google/bert@v1.0", RepoKind::Dataset, "google/bert", Some("v1.0"));
    check("other://spaces/a/b@refs/heads/x", RepoKind::Space, "a/b", Some("refs/heads/x"));
    for text in ["google/bert", "hf://bert", "hf://things/a/b", "hf://a/b/c/d", "hf://a/b@", "hf://a/b@a..b"]
    {
        assert!(MirrorSource::parse(text).is_err(), "{text}");
    }
    assert!(MirrorSource::parse(&format!("hf://a/b@{}", "a".repeat(40))).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_and_files_are_those_of_the_upstream() {
    let fake = FakeHub::start().await;
    let large = content(3 << 20);
    let first = fake.commit("README.md", "---\nlicense: mit\n---\n# m\n");
    let second = fake.commit_large("large.bin", &large);
    fake.git(&["tag", "-a", "v1", "-m", "one"]);
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    let made = hub.add_mirror(wanted("copy/m")).await.unwrap();
    assert_eq!((made.source.to_string().as_str(), made.error), ("hf://lab/m", None));
    let pair = |name: &str, commit: &str| (name.to_owned(), commit.to_owned());
    assert_eq!(heads(&hub).await, [pair("main", &second), pair("v1", &second)]);
    let repo = hub.open(&Caller::Anonymous, MODEL, &id("copy/m"), Action::Read).await.unwrap();
    let commits = hub.commits(&repo, &Revision::main(), 0, 10).await.unwrap().commits;
    assert_eq!(commits.last().unwrap().id.to_string(), first);

    // Described by its pointer, then fetched by who reads it first, once for all of them.
    let file = open(&hub, "large.bin").await;
    assert_eq!((file.entry.size, file.entry.xet_hash), (large.len() as u64, None));
    let size = large.len() as u64;
    let (whole, part) = tokio::join!(read(&hub, "large.bin", 0..size), read(&hub, "large.bin", 5..1000));
    assert_eq!(whole.unwrap(), large);
    assert_eq!(part.unwrap(), large[5..1000]);
    assert_eq!(fake.requests("resolve").len(), 1);
    fake.set_mood(Mood::Down);
    assert!(open(&hub, "large.bin").await.entry.xet_hash.is_some());
    assert_eq!(read(&hub, "large.bin", 7..size).await.unwrap(), large[7..]);
    assert_eq!(hub.mirror_info(MODEL, &id("copy/m")).await.unwrap().received_bytes, size);
    assert_eq!(hub.fsck(true, |_| {}).await.unwrap().findings.len(), 0);

    // Nobody writes to it, whatever his role, until it is a mirror no more.
    let (caller, _) = hub.user("ada").await;
    let organisation = lyceum_core::AccountName::parse("copy").unwrap();
    hub.add_member(&organisation, &caller.identity().unwrap().name, Role::Admin).await.unwrap();
    for action in [Action::Write, Action::Propose] {
        let error = hub.open(&caller, MODEL, &id("copy/m"), action).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Forbidden && error.message().contains("mirror"), "{error}");
    }
    assert_eq!(hub.remove_mirror(MODEL, &id("copy/m")).await.unwrap(), 0);
    hub.open(&caller, MODEL, &id("copy/m"), Action::Write).await.unwrap();
    assert_eq!(hub.sync_mirror(MODEL, &id("copy/m"), false).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_move_as_they_move_there() {
    let fake = FakeHub::start().await;
    let first = fake.commit("a.txt", "a");
    fake.git(&["branch", "side"]);
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    hub.add_mirror(wanted("copy/m")).await.unwrap();
    let sync = async || hub.sync_mirror(MODEL, &id("copy/m"), false).await.unwrap().changed;
    assert_eq!(sync().await, 0);

    let second = fake.commit("a.txt", "b");
    fake.publish();
    assert_eq!(sync().await, 1);
    let pair = |name: &str, commit: &str| (name.to_owned(), commit.to_owned());
    assert_eq!(heads(&hub).await, [pair("main", &second), pair("side", &first)]);

    // Forced to something else, and one branch gone, while another takes the name of a folder.
    fake.git(&["reset", "-q", "--hard", &first]);
    let third = fake.commit("a.txt", "c");
    fake.git(&["branch", "-D", "side"]);
    fake.git(&["branch", "side/deep"]);
    fake.publish();
    assert_eq!(sync().await, 3);
    assert_eq!(heads(&hub).await, [pair("main", &third), pair("side/deep", &third)]);

    // A copy outlives what it is a copy of, and says what is wrong.
    fake.set_mood(Mood::Down);
    let error = hub.sync_mirror(MODEL, &id("copy/m"), false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(heads(&hub).await.len(), 2);
    assert!(hub.mirrors().await.unwrap()[0].error.as_ref().unwrap().contains("503"));
    fake.set_mood(Mood::Honest);
    assert_eq!(sync().await, 0);
    assert_eq!(hub.mirrors().await.unwrap()[0].error, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn mirrors_are_looked_at_when_they_are_due() {
    let fake = FakeHub::start().await;
    fake.commit("a.txt", "a");
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    let too_often = NewMirror { every_seconds: Some(1), ..wanted("copy/m") };
    assert_eq!(hub.add_mirror(too_often).await.unwrap_err().kind(), ErrorKind::Invalid);
    hub.add_mirror(NewMirror { every_seconds: Some(3600), whole: true, ..wanted("copy/m") }).await.unwrap();
    let second = fake.commit_large("large.bin", &content(100_000));
    fake.publish();
    hub.run_due_jobs().await.unwrap();
    assert_ne!(heads(&hub).await[0].1, second);
    for _ in 0..2 {
        hub.advance_seconds(3600);
        assert_eq!(hub.run_due_jobs().await.unwrap_or_default().min(1), 1);
        assert_eq!(heads(&hub).await[0].1, second);
    }
    assert!(open(&hub, "large.bin").await.entry.xet_hash.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_are_not_kept() {
    let fake = FakeHub::start().await;
    let large = content(300_000);
    fake.commit_large("large.bin", &large);
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    hub.add_mirror(wanted("copy/m")).await.unwrap();
    let size = large.len() as u64;
    for (mood, word) in
        [(Mood::Forging, "sha256"), (Mood::Short, "299999 bytes"), (Mood::Looping, "redirects too often")]
    {
        fake.set_mood(mood);
        let error = read(&hub, "large.bin", 0..size).await.unwrap_err();
        assert!(error.contains(word), "{mood:?}: {error}");
        let told = hub.mirror_info(MODEL, &id("copy/m")).await.unwrap().error.unwrap();
        assert!(told.contains(word) && told.contains("large.bin"), "{mood:?}: {told}");
        assert_eq!(open(&hub, "large.bin").await.entry.xet_hash, None, "{mood:?}");
    }
    // The end was never sent, however little was asked for.
    fake.set_mood(Mood::Forging);
    assert!(read(&hub, "large.bin", size - 10..size).await.is_err());
    fake.set_mood(Mood::Honest);
    assert_eq!(read(&hub, "large.bin", 0..size).await.unwrap(), large);
    assert_eq!(hub.fsck(true, |_| {}).await.unwrap().findings.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_believed_no_more_than_files() {
    let fake = FakeHub::start().await;
    let large = content(2_500_000);
    fake.commit_large("large.bin", &large);
    fake.publish();
    let size = large.len() as u64;
    // What does not fit together is had as a whole instead; what fits and is wrong is a lie.
    for (xet, whole) in [
        (Xet::Honest, Some(0)),
        (Xet::Short, Some(1)),
        (Xet::Placeless, Some(1)),
        (Xet::Garbled, Some(1)),
        (Xet::Forging, None),
    ] {
        let hub = hub(&fake, PullThrough::Off).await;
        fake.set_mood(Mood::Xet(xet));
        let before = fake.requests("resolve").len();
        hub.add_mirror(wanted("copy/m")).await.unwrap();
        let found = read(&hub, "large.bin", 0..size).await;
        match whole {
            Some(requests) => {
                assert_eq!(found.unwrap(), large, "{xet:?}");
                assert_eq!(fake.requests("resolve").len() - before, requests, "{xet:?}");
            }
            None => {
                assert!(found.unwrap_err().contains("sha256"), "{xet:?}");
                assert_eq!(open(&hub, "large.bin").await.entry.xet_hash, None);
                // Nobody goes on with what he has; who begins anew is sent what comes without chunks.
                assert!(read(&hub, "large.bin", size - 10..size).await.unwrap_err().contains("anew"));
                assert_eq!(read(&hub, "large.bin", 0..size).await.unwrap(), large);
                assert!(read(&hub, "large.bin", size - 10..size).await.unwrap_err().contains("anew"));
                hub.advance_seconds(301);
                assert_eq!(
                    read(&hub, "large.bin", size - 10..size).await.unwrap(),
                    large[large.len() - 10..]
                );
            }
        }
        assert_eq!(hub.fsck(true, |_| {}).await.unwrap().findings.len(), 0, "{xet:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_broke_off_goes_on_where_it_stopped() {
    let fake = FakeHub::start().await;
    let large = content(2 << 20);
    fake.commit_large("large.bin", &large);
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    hub.add_mirror(wanted("copy/m")).await.unwrap();
    fake.set_mood(Mood::Dying { after: 1_500_000, times: 1 });
    let size = large.len() as u64;
    assert_eq!(read(&hub, "large.bin", 0..size).await.unwrap(), large);
    let requests = fake.requests("resolve");
    assert!(requests.len() == 2 && requests[1].ends_with(" from 1500000"), "{requests:?}");
    assert_eq!(hub.mirror_info(MODEL, &id("copy/m")).await.unwrap().received_bytes, size);
}

#[tokio::test(flavor = "multi_thread")]
async fn lfs_clients_get_what_is_not_stored_yet() {
    let fake = FakeHub::start().await;
    let large = content(200_000);
    fake.commit_large("large.bin", &large);
    fake.git(&["checkout", "-q", "-b", "side"]);
    let third = LfsObject { sha256: lyceum_core::Sha256(Sha256::digest(content(300)).into()), size: 300 };
    fake.commit_large("other.bin", &content(300));
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    hub.add_mirror(wanted("copy/m")).await.unwrap();
    assert_eq!(archive_tag(&hub, false).await, None);
    assert!(archive_tag(&hub, true).await.is_some());
    let lfs = open(&hub, "large.bin").await.entry.lfs.unwrap();
    let repo = hub.open(&Caller::Anonymous, MODEL, &id("copy/m"), Action::Read).await.unwrap();
    let object = LfsObject { sha256: lfs.sha256, size: lfs.size };
    let other = LfsObject { sha256: lyceum_core::Sha256([7; 32]), size: 1 };
    let batch = hub
        .lfs_batch(&Caller::Anonymous, &repo, LfsOperation::Download, &[object, other, third], false)
        .await;
    let [first, second, third] = <[_; 3]>::try_from(batch.unwrap()).unwrap();
    assert!(matches!(third.action, LfsAction::Download { .. }));
    assert!(matches!(second.action, LfsAction::Error { code: 404, .. }));
    let LfsAction::Download { grant } = first.action else {
        panic!("{:?}", first.action);
    };
    for _ in 0..2 {
        let (found, content) = hub.lfs_open(&grant).await.unwrap();
        assert_eq!(found, object);
        let stream = hub.lfs_read(content, ByteRange::new(10, 200_000)).await.unwrap();
        assert_eq!(stream.try_collect::<Vec<Bytes>>().await.unwrap().concat(), large[10..]);
    }
    assert_eq!(fake.requests("resolve").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_are_counted_once_they_are_here() {
    let fake = FakeHub::start().await;
    let header = r#"{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
    let mut weights = (header.len() as u64).to_le_bytes().to_vec();
    weights.extend_from_slice(header.as_bytes());
    weights.extend_from_slice(&[1; 24]);
    fake.commit_large("model.safetensors", &weights);
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    hub.add_mirror(wanted("copy/m")).await.unwrap();
    hub.advance_seconds(10);
    hub.run_due_jobs().await.unwrap();
    let total = async || {
        let (repo, head) =
            hub.open_head(&Caller::Anonymous, MODEL, &id("copy/m"), Action::Discover).await.unwrap();
        let info = hub.repo_info(&repo, head, false).await.unwrap();
        info.safetensors.map(|found| found["total"].clone())
    };
    // Describing it fetched nothing.
    assert_eq!((total().await, fake.requests("resolve").len()), (None, 0));
    read(&hub, "model.safetensors", 0..10).await.unwrap();
    assert_eq!(total().await, Some(6.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_allowed_is_mirrored() {
    let fake = FakeHub::start().await;
    let hub = hub(&fake, PullThrough::Everyone).await;
    let source = |text: &str| NewMirror { source: MirrorSource::parse(text).unwrap(), ..wanted("copy/m") };
    for (address, kind) in [
        ("hf://other/m", ErrorKind::Forbidden),
        ("hf://datasets/lab/m", ErrorKind::Forbidden),
        ("gh://lab/m", ErrorKind::Unavailable),
        ("hf://lab/missing", ErrorKind::NotFound),
    ] {
        assert_eq!(hub.add_mirror(source(address)).await.unwrap_err().kind(), kind, "{address}");
    }
    let asked = fake.requests("/").len();
    let answer = hub.open(&Caller::Anonymous, MODEL, &id("other/m"), Action::Read).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::RepoNotFound);
    assert_eq!(fake.requests("/").len(), asked);

    // Addresses that are not public, unless the operator says so.
    let upstream = Upstream { allow_private_addresses: false, ..fake.upstream(PullThrough::Off) };
    let closed = TestHub::with(HubOptions { upstreams: vec![upstream], ..HubOptions::default() }).await;
    let error = closed.add_mirror(wanted("copy/m")).await.unwrap_err();
    assert!(error.message().contains("loopback"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_repo_mirrors_it() {
    let fake = FakeHub::start().await;
    let head = fake.commit("a.txt", "a");
    fake.publish();
    let hub = hub(&fake, PullThrough::Users).await;
    let (caller, _) = hub.user("ada").await;
    let lab = id("Lab/m");
    let ask = async |caller: &Caller, id: &RepoId, action| {
        hub.open(caller, MODEL, id, action).await.map(drop).map_err(|error| error.kind())
    };
    let missing = Err(ErrorKind::RepoNotFound);
    assert_eq!(ask(&Caller::Anonymous, &lab, Action::Read).await, missing);
    assert_eq!(ask(&caller, &lab, Action::Write).await, missing);
    assert_eq!(fake.requests("/").len(), 0);

    // Trouble is told as such, and not remembered.
    fake.set_mood(Mood::Down);
    assert_eq!(ask(&caller, &lab, Action::Read).await, Err(ErrorKind::Unavailable));
    fake.set_mood(Mood::Honest);
    let (main, path) = (Revision::main(), RepoPath::parse("a.txt").unwrap());
    let (one, other) = tokio::join!(
        hub.open_file(&caller, MODEL, &lab, &main, &path),
        hub.open_head(&caller, MODEL, &lab, Action::Discover)
    );
    assert_eq!(one.unwrap().commit.to_string(), head);
    assert_eq!(other.unwrap().1.unwrap().to_string(), head);
    assert_eq!(fake.requests("git-upload-pack HTTP").len() / 2, 1, "{:?}", fake.requests("/"));
    // Now it is here for everybody, also without its upstream.
    fake.set_mood(Mood::Down);
    assert_eq!(ask(&Caller::Anonymous, &lab, Action::Read).await, Ok(()));

    // What is missing there is not asked for twice.
    fake.set_mood(Mood::Honest);
    for _ in 0..2 {
        assert_eq!(ask(&caller, &id("lab/none"), Action::Read).await, missing);
    }
    assert_eq!(fake.requests("lab/none").len(), 1);
    hub.advance_seconds(301);
    assert_eq!(ask(&caller, &id("lab/none"), Action::Read).await, missing);
    assert_eq!(fake.requests("lab/none").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_here_is_never_replaced_nor_told_of() {
    let fake = FakeHub::start().await;
    fake.commit("a.txt", "a");
    fake.publish();
    let hub = hub(&fake, PullThrough::Everyone).await;
    let (lab, _) = hub.user("lab").await;
    let kind =
        async |id: &RepoId| hub.open(&Caller::Anonymous, MODEL, id, Action::Read).await.unwrap_err().kind();
    // The namespace is somebody's: nothing of it comes from elsewhere, whether he has a repo of that name or not.
    assert_eq!(kind(&id("lab/m")).await, ErrorKind::RepoNotFound);
    let private = crate::NewRepo { visibility: Some(Visibility::Private), ..crate::NewRepo::new(MODEL, "m") };
    hub.create_repo(&lab, private).await.unwrap();
    assert_eq!(kind(&id("lab/m")).await, ErrorKind::RepoNotFound);
    assert_eq!(fake.requests("/").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_and_privacy_are_taken_over() {
    let fake = FakeHub::start().await;
    fake.commit("README.md", "---\nextra_gated_prompt: Please\n---\n");
    fake.publish();
    fake.set_info(r#"{"id":"lab/m","private":false,"gated":"auto"}"#);
    let hub = hub(&fake, PullThrough::Everyone).await;
    let (caller, _) = hub.user("ada").await;
    let lab = id("lab/m");
    let read =
        async || hub.open(&caller, MODEL, &lab, Action::Read).await.map(drop).map_err(|error| error.kind());
    assert_eq!(read().await, Err(ErrorKind::Gated));
    let repo = hub.open(&caller, MODEL, &lab, Action::Discover).await.unwrap();
    hub.ask_access(&caller, &repo, Map::new()).await.unwrap();
    assert_eq!(read().await, Ok(()));
    // Nobody here opens a gate that is closed there.
    let copy = hub.duplicate_repo(&caller, &repo, &id("ada/copy"), None).await;
    assert_eq!(copy.unwrap_err().kind(), ErrorKind::Forbidden);
    let open = crate::RepoChange { visibility: None, gated: Some(Gated::No) };
    assert_eq!(hub.change_repo(&caller, &repo, open).await.unwrap_err().kind(), ErrorKind::Forbidden);

    fake.set_info(r#"{"id":"lab/m","private":true,"gated":false}"#);
    hub.sync_mirror(MODEL, &lab, false).await.unwrap();
    assert_eq!(read().await, Err(ErrorKind::RepoNotFound));
    // And what is private there from the start comes only if the operator wants it.
    let (other, _) = (fake.upstream(PullThrough::Everyone), ());
    let fresh = TestHub::with(HubOptions { upstreams: vec![other], ..HubOptions::default() }).await;
    let answer = fresh.open(&Caller::Anonymous, MODEL, &lab, Action::Read).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::RepoNotFound);
    assert!(fresh.mirrors().await.unwrap().is_empty());
}

/// Asks for something until it was looked at so many times, and goes away.
async fn leave_after<T>(looks: usize, asked: impl Future<Output = T>) {
    let (mut asked, mut left) = (pin!(asked), looks);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        asked.as_mut().poll(context).map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_at_once_holds_nobody_up() {
    let fake = FakeHub::start().await;
    let file = |number: usize| (format!("{number}.bin"), content(10 + number));
    let files: Vec<_> = (0..24).map(file).collect();
    fake.commit_all_large(&files);
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    hub.add_mirror(wanted("copy/m")).await.unwrap();
    for (looks, (path, content)) in files.iter().enumerate() {
        leave_after(looks, read(&hub, path, 0..10)).await;
        assert_eq!(read(&hub, path, 0..content.len() as u64).await.unwrap(), content, "{looks}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_files_wait() {
    let fake = FakeHub::start().await;
    let most = fill::MAX_FILLS + fill::MAX_WAITING;
    let files: Vec<_> = (0..=most).map(|number| (format!("{number}.bin"), content(1000 + number))).collect();
    fake.commit_all_large(&files);
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    hub.add_mirror(wanted("copy/m")).await.unwrap();
    fake.set_mood(Mood::Silent("resolve"));
    let mut fills = Vec::new();
    let mut last = None;
    for (path, _) in &files {
        let file = open(&hub, path).await;
        match hub.fill(&file, file.entry.lfs.unwrap()).await {
            Ok(fill) => fills.push(fill),
            Err(error) => last = Some((file, error)),
        }
    }
    let (file, error) = last.unwrap();
    assert_eq!((fills.len(), error.kind()), (most, ErrorKind::Unavailable));
    // Who has left does not keep others out, and nothing is fetched for him that was not begun.
    fake.asked("resolve", fill::MAX_FILLS).await;
    drop(fills);
    let fill = hub.fill(&file, file.entry.lfs.unwrap()).await.unwrap();
    fake.set_mood(Mood::Honest);
    fill.end().await.unwrap();
    assert_eq!(fake.requests("resolve").len(), fill::MAX_FILLS + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_quota_refuses_is_not_fetched() {
    let fake = FakeHub::start().await;
    let large = content(100_000);
    fake.commit_large("large.bin", &large);
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    hub.add_mirror(wanted("copy/m")).await.unwrap();
    let owner = lyceum_core::AccountName::parse("copy").unwrap();
    let limit = async |logical| {
        hub.set_quota(&owner, crate::StorageLimits { logical, stored: None }).await.unwrap();
    };
    limit(Some(99_999)).await;
    let error = read(&hub, "large.bin", 0..10).await.unwrap_err();
    assert!(error.contains("quota") && fake.requests("resolve").is_empty(), "{error}");
    limit(Some(100_000)).await;
    assert_eq!(read(&hub, "large.bin", 0..100_000).await.unwrap(), large);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_again_waits_for_what_the_first_asked_for() {
    let fake = FakeHub::start().await;
    fake.commit("a.txt", "a");
    fake.publish();
    let hub = hub(&fake, PullThrough::Everyone).await;
    fake.set_mood(Mood::Silent("/api/models/lab/m"));
    let ask = |hub: Hub| async move { hub.open(&Caller::Anonymous, MODEL, &id("lab/m"), Action::Read).await };
    let first = tokio::spawn(ask(hub.hub().clone()));
    fake.asked("/api/models/lab/m", 1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let time_to_ask = async {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        fake.set_mood(Mood::Honest);
    };
    let (second, ()) = tokio::join!(ask(hub.hub().clone()), time_to_ask);
    second.unwrap();
    assert_eq!(fake.requests("/api/models/lab/m").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_upstream_lacks_another_may_have() {
    let fake = FakeHub::start().await;
    fake.commit("a.txt", "a");
    fake.publish();
    let empty = Upstream {
        name: "empty".to_owned(),
        url: format!("{}/nowhere", fake.url),
        ..fake.upstream(PullThrough::Everyone)
    };
    let upstreams = vec![empty, fake.upstream(PullThrough::Users)];
    let hub = TestHub::with(HubOptions { upstreams, ..HubOptions::default() }).await;
    let (caller, _) = hub.user("ada").await;
    for _ in 0..2 {
        let answer = hub.open(&Caller::Anonymous, MODEL, &id("lab/m"), Action::Read).await;
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::RepoNotFound);
    }
    assert_eq!(fake.requests("/nowhere/").len(), 1);
    hub.open(&caller, MODEL, &id("lab/m"), Action::Read).await.unwrap();
    assert_eq!(fake.requests("/nowhere/").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_mirror_is_as_one_that_is_missing() {
    let fake = FakeHub::start().await;
    fake.commit("a.txt", "a");
    fake.publish();
    fake.set_info(r#"{"id":"lab/m","private":true,"gated":false}"#);
    let hub = hub(&fake, PullThrough::Everyone).await;
    hub.add_mirror(wanted("lab/m")).await.unwrap();
    let ask = async |name: &str| {
        let before = fake.requests("/").len();
        let answer = hub.open(&Caller::Anonymous, MODEL, &id(name), Action::Read).await;
        let error = answer.unwrap_err();
        (error.kind(), error.message().replace(name, "?"), fake.requests("/").len() - before)
    };
    fake.set_mood(Mood::Down);
    let (hidden, missing) = (ask("lab/m").await, ask("lab/none").await);
    assert_eq!((hidden.0, &hidden), (ErrorKind::Unavailable, &missing));
    fake.set_mood(Mood::Honest);
    for requests in [1, 0] {
        let (hidden, missing) = (ask("lab/m").await, ask("lab/none").await);
        assert_eq!((hidden.0, hidden.2, &hidden), (ErrorKind::RepoNotFound, requests, &missing));
    }
    assert_eq!(hub.mirrors().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_renamed_must_be_allowed_by_both_names() {
    let fake = FakeHub::start().await;
    fake.commit("a.txt", "a");
    fake.publish();
    let hub = hub(&fake, PullThrough::Everyone).await;
    hub.add_mirror(wanted("copy/m")).await.unwrap();
    fake.set_info(r#"{"id":"other/m","private":false,"gated":false}"#);
    let asked = fake.requests("git-upload-pack").len();
    let new = hub.add_mirror(wanted("copy/other")).await;
    assert_eq!(new.unwrap_err().kind(), ErrorKind::Forbidden);
    let answer = hub.open(&Caller::Anonymous, MODEL, &id("lab/m"), Action::Read).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::RepoNotFound);
    assert!(hub.sync_mirror(MODEL, &id("copy/m"), false).await.is_err());
    assert_eq!(fake.requests("git-upload-pack").len(), asked);
    let mirrors = hub.mirrors().await.unwrap();
    assert_eq!((mirrors.len(), mirrors[0].source.id.to_string().as_str()), (1, "lab/m"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read_is_not_guessed_and_a_change_is_told() {
    let fake = FakeHub::start().await;
    fake.commit("a.txt", "a");
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    let say = |private: &str, gated: &str| {
        fake.set_info(&format!(r#"{{"id":"lab/m"{private}{gated}}}"#));
    };
    for (private, gated) in
        [("", r#","gated":false"#), (r#","private":false"#, ""), (r#","private":false"#, r#","gated":7"#)]
    {
        say(private, gated);
        let error = hub.add_mirror(wanted("copy/m")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{private}{gated}");
    }
    let told = async || {
        let (_, record) = hub.mirror_named(MODEL, &id("copy/m")).await.unwrap();
        let mut db = hub.inner.db.read().await.unwrap();
        let query = lyceum_db::EventQuery {
            repo_id: Some(record.id),
            before: db.events_end().await.unwrap(),
            ..lyceum_db::EventQuery::default()
        };
        let events = db.events_found(&query, 100).await.unwrap().into_iter();
        events.filter(|event| event.action == "change-settings").map(|event| event.detail).collect::<Vec<_>>()
    };
    say(r#","private":false"#, r#","gated":false"#);
    hub.add_mirror(wanted("copy/m")).await.unwrap();
    say(r#","private":true"#, r#","gated":"auto""#);
    for _ in 0..2 {
        hub.sync_mirror(MODEL, &id("copy/m"), false).await.unwrap();
        assert_eq!(told().await, [r#"{"gated":"auto","visibility":"private"}"#]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_looked_at_again_however_often_that_was_cut_short() {
    let fake = FakeHub::start().await;
    fake.commit("a.txt", "a");
    fake.publish();
    let hub = hub(&fake, PullThrough::Off).await;
    hub.add_mirror(NewMirror { every_seconds: Some(7200), ..wanted("copy/m") }).await.unwrap();
    let cut_short = async || {
        hub.advance_seconds(7200);
        let job = hub.claim(lyceum_db::Lane::Only(QUEUE), 1000, 8).await.unwrap();
        hub.advance_seconds(1);
        job.is_some()
    };
    let looks = || fake.requests("/api/models/lab/m").len();
    // Now and then.
    for _ in 0..10 {
        assert!(cut_short().await);
        let before = looks();
        hub.run_due_jobs().await.unwrap();
        assert_eq!(looks(), before + 1);
    }
    // Again and again: it is told, and tried later.
    while cut_short().await {}
    let told = hub.mirror_info(MODEL, &id("copy/m")).await.unwrap().error.unwrap();
    assert!(told.contains("broken off 8 times"), "{told}");
    hub.advance_seconds(7200);
    hub.run_due_jobs().await.unwrap();
    assert_eq!(hub.mirror_info(MODEL, &id("copy/m")).await.unwrap().error, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_had_keeps_no_other_away() {
    let fake = FakeHub::start().await;
    fake.commit_large("a.bin", &content(1000));
    fake.commit_large("b.bin", &content(2000));
    fake.commit_large("c.bin", &content(3000));
    fake.publish();
    fake.forget("a.bin");
    let hub = hub(&fake, PullThrough::Off).await;
    hub.add_mirror(NewMirror { every_seconds: Some(3600), ..wanted("copy/m") }).await.unwrap();
    let error = hub.sync_mirror(MODEL, &id("copy/m"), true).await.unwrap_err();
    assert!(error.message().starts_with("1 large files") && error.message().contains("a.bin"), "{error}");
    for (path, stored) in [("a.bin", false), ("b.bin", true), ("c.bin", true)] {
        assert_eq!(open(&hub, path).await.entry.xet_hash.is_some(), stored, "{path}");
    }
}
