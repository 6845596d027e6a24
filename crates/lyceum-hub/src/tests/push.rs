//! Pushes: who may move what, which files may come, and that a push is one change.

use lyceum_core::Oid;
use lyceum_git::wire::{Packet, PacketReader, Version, append_packet};
use lyceum_git::{
    Commit, Mode, ObjectKind, Pointer, SegmentData, SegmentWriter, Signature, Tag, Tree, TreeEntry,
};

use super::*;
use crate::{DiscussionView, EventData, LfsAction, LfsObject, LfsOperation};

const MAIN: &str = "refs/heads/main";

/// Objects to push.
struct Pack(SegmentWriter);

impl Pack {
    fn new() -> Self {
        Self(SegmentWriter::new(&std::env::temp_dir()))
    }

    fn blob(&mut self, content: &[u8]) -> Oid {
        self.0.add(ObjectKind::Blob, content).unwrap()
    }

    fn tree(&mut self, entries: &[(&str, Mode, Oid)]) -> Oid {
        let entry = |(name, mode, oid): &(&str, Mode, Oid)| TreeEntry {
            name: (*name).to_owned(),
            mode: *mode,
            oid: *oid,
        };
        let tree = Tree::new(entries.iter().map(entry).collect());
        self.0.add(ObjectKind::Tree, &tree.encode()).unwrap()
    }

    fn commit_of(&mut self, tree: Oid, parent: Option<Oid>, message: &str) -> Oid {
        let author = Signature {
            name: "Ada".to_owned(),
            email: "ada@example.org".to_owned(),
            seconds: 1_700_000_000,
            offset_minutes: 0,
        };
        let commit = Commit {
            tree,
            parents: parent.into_iter().collect(),
            author: author.clone(),
            committer: author,
            message: message.to_owned(),
        };
        self.0.add(ObjectKind::Commit, &commit.encode()).unwrap()
    }

    /// Adds a commit of one file.
    fn commit(&mut self, parent: Option<Oid>, path: &str, content: &[u8]) -> Oid {
        let blob = self.blob(content);
        let tree = self.tree(&[(path, Mode::File, blob)]);
        self.commit_of(tree, parent, &format!("add {path}\n"))
    }

    fn bytes(self) -> Vec<u8> {
        match self.0.finish().unwrap().data {
            SegmentData::Inline(data) => data,
            SegmentData::Spooled { file, .. } => std::fs::read(file.path()).unwrap(),
        }
    }
}

/// Pushes as a user; returns what he is told.
async fn push(
    hub: &TestHub,
    caller: &Caller,
    repo: &Repo,
    capabilities: &str,
    updates: &[(Option<Oid>, Option<Oid>, &str)],
    pack: Option<Pack>,
) -> Vec<String> {
    let mut request = Vec::new();
    for (old, new, name) in updates {
        let id = |oid: &Option<Oid>| oid.unwrap_or(Oid::ZERO);
        let line = format!("{} {} {name}\0 report-status side-band-64k {capabilities}", id(old), id(new));
        append_packet(&mut request, line.as_bytes());
    }
    request.extend_from_slice(b"0000");
    request.extend(pack.map(Pack::bytes).unwrap_or_default());
    let target = hub.open_push(caller, repo.kind(), repo.id()).await.unwrap();
    let mut answer = Vec::new();
    target.receive(Version::V0, false, &request[..], &mut answer).await.unwrap();
    let mut told = Vec::new();
    let mut reader = PacketReader::new(&answer[..]);
    while let Some(packet) = reader.next().await.unwrap() {
        match packet {
            Packet::Data([1, report @ ..]) => {
                let mut reader = PacketReader::new(report);
                while let Some(packet) = reader.next().await.unwrap() {
                    told.extend(packet.line().map(|line| String::from_utf8(line.to_vec()).unwrap()));
                }
            }
            Packet::Data([_, text @ ..]) => {
                told.push(format!("remote: {}", String::from_utf8_lossy(text).trim_end()));
            }
            _ => {}
        }
    }
    told
}

async fn head(hub: &TestHub, repo: &Repo, name: &str) -> Option<Oid> {
    let found = hub.inner.db.read().await.unwrap().ref_get(repo.record.id, name).await.unwrap();
    found.map(|found| found.target)
}

async fn segments(hub: &TestHub, repo: &Repo) -> usize {
    hub.inner.db.read().await.unwrap().segment_indexes_after(repo.record.id, 0, 1000).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_one_change() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let first = head(&hub, &owned.repo, MAIN).await;
        let mut pack = Pack::new();
        let second = pack.commit(first, "a.txt", b"a");
        let tag = Tag {
            target: second,
            target_kind: ObjectKind::Commit,
            name: "v1".to_owned(),
            tagger: None,
            message: "a tag\n".to_owned(),
        };
        let tag = pack.0.add(ObjectKind::Tag, &tag.encode()).unwrap();
        let before = segments(&hub, &owned.repo).await;
        let updates = [
            (first, Some(second), MAIN),
            (None, Some(second), "refs/heads/b"),
            (None, Some(tag), "refs/tags/v1"),
        ];
        let told = push(&hub, &owned.caller, &owned.repo, "", &updates, Some(pack)).await;
        assert_eq!(told, ["unpack ok", "ok refs/heads/main", "ok refs/heads/b", "ok refs/tags/v1"]);
        assert_eq!(segments(&hub, &owned.repo).await, before + 1);
        assert_eq!(owned.paths(&hub, "main").await, ["a.txt"]);
        assert_eq!(hub.resolve(&owned.repo, &revision("v1")).await.unwrap(), second);
        // A commit through the API follows, and the next push is told that it comes too late.
        owned.commit(&hub, vec![file("b.txt", "b")]).await.unwrap();
        let mut pack = Pack::new();
        let third = pack.commit(Some(second), "c.txt", b"c");
        let before = segments(&hub, &owned.repo).await;
        let updates = [(Some(second), Some(third), MAIN)];
        let told = push(&hub, &owned.caller, &owned.repo, "", &updates, Some(pack)).await;
        assert_eq!(
            told,
            [
                "remote: error: `refs/heads/main` is not what you last saw: fetch, and push again",
                "unpack ok",
                "ng refs/heads/main failed to update ref"
            ]
        );
        assert_eq!(segments(&hub, &owned.repo).await, before);
        assert_eq!(owned.paths(&hub, "main").await, ["a.txt", "b.txt"]);
        assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reference_is_moved_or_all_are() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let first = head(&hub, &owned.repo, MAIN).await;
        let make = || {
            let mut pack = Pack::new();
            let second = pack.commit(first, "a.txt", b"a");
            (pack, Some(second))
        };
        let (pack, second) = make();
        let updates = [(None, second, "refs/heads/a"), (second, first, MAIN)];
        let told = push(&hub, &owned.caller, &owned.repo, "atomic", &updates, Some(pack)).await;
        assert_eq!(
            told[1..],
            ["unpack ok", "ng refs/heads/a atomic push failure", "ng refs/heads/main failed to update ref"]
        );
        assert_eq!(head(&hub, &owned.repo, "refs/heads/a").await, None);
        let (pack, _) = make();
        let told = push(&hub, &owned.caller, &owned.repo, "", &updates, Some(pack)).await;
        assert_eq!(told[1..], ["unpack ok", "ok refs/heads/a", "ng refs/heads/main failed to update ref"]);
        // A branch leaves no room for another below it.
        let updates = [(None, second, "refs/heads/a/b")];
        let told = push(&hub, &owned.caller, &owned.repo, "", &updates, Some(Pack::new())).await;
        assert_eq!(
            told,
            [
                "remote: error: `refs/heads/a/b` cannot be created because `refs/heads/a` exists",
                "unpack ok",
                "ng refs/heads/a/b failed to update ref"
            ]
        );
        let updates = [(second, None, "refs/heads/a"), (first, None, MAIN)];
        let told = push(&hub, &owned.caller, &owned.repo, "", &updates, None).await;
        assert_eq!(
            told,
            [
                "remote: error: Cannot delete refs/heads/main",
                "unpack ok",
                "ok refs/heads/a",
                "ng refs/heads/main deletion prohibited"
            ]
        );
        assert_eq!(head(&hub, &owned.repo, "refs/heads/a").await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_push_to_their_own_pull_requests() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (bob, _) = hub.user("bob").await;
        let (carol, _) = hub.user("carol").await;
        let first = head(&hub, &owned.repo, MAIN).await;
        let repo = hub.open(&bob, RepoKind::Model, owned.repo.id(), Action::Propose).await.unwrap();
        hub.create_discussion(&bob, &repo, "a change", "", true).await.unwrap();
        let make = || {
            let mut pack = Pack::new();
            let second = pack.commit(first, "a.txt", b"a");
            let third = pack.commit(Some(second), "b.txt", b"b");
            (pack, Some(third))
        };
        for (caller, name, words) in [
            (&bob, MAIN, "permission denied"),
            (&bob, "refs/heads/new", "permission denied"),
            (&bob, "refs/tags/new", "permission denied"),
            (&bob, "refs/pr/2", "prohibited by the hub"),
            (&bob, "refs/pr/01", "prohibited by the hub"),
            (&bob, "refs/convert/parquet", "prohibited by the hub"),
            (&carol, "refs/pr/1", "permission denied"),
            (&owned.caller, "refs/notes/x", "prohibited by the hub"),
        ] {
            let (pack, third) = make();
            let old = if name == MAIN || name == "refs/pr/1" { first } else { None };
            let told = push(&hub, caller, &owned.repo, "", &[(old, third, name)], Some(pack)).await;
            assert_eq!(told[1..], ["unpack ok".to_owned(), format!("ng {name} {words}")]);
            assert_eq!(head(&hub, &owned.repo, name).await, old);
        }
        let (pack, third) = make();
        let told = push(&hub, &bob, &owned.repo, "", &[(first, third, "refs/pr/1")], Some(pack)).await;
        assert_eq!(told, ["unpack ok", "ok refs/pr/1"]);
        // Each commit is noted, oldest first.
        let details = hub.discussion(&bob, &repo, 1, &DiscussionView::default()).await.unwrap();
        let noted: Vec<String> = details
            .events
            .iter()
            .filter_map(|event| match &event.data {
                EventData::Commit { subject, .. } => Some(subject.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(noted, ["add a.txt", "add b.txt"]);
        let told = push(&hub, &bob, &owned.repo, "", &[(third, None, "refs/pr/1")], None).await;
        assert_eq!(told[1..], ["unpack ok", "ng refs/pr/1 deletion prohibited"]);
        hub.set_discussion_open(&bob, &repo, 1, false, None).await.unwrap();
        let told =
            push(&hub, &owned.caller, &owned.repo, "", &[(third, first, "refs/pr/1")], Some(Pack::new()))
                .await;
        assert_eq!(told[1..], ["unpack ok", "ng refs/pr/1 prohibited by the hub"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_obey_the_rules_of_commits() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let first = head(&hub, &owned.repo, MAIN).await;
        type Make = fn(&mut Pack) -> Vec<(&'static str, Mode, Oid)>;
        let cases: &[(Make, &str)] = &[
            (
                |pack| vec![("a.bin", Mode::File, pack.blob(&vec![b'x'; (10 << 20) + 1]))],
                "`a.bin` has 11 MiB",
            ),
            (
                |pack| vec![("a", Mode::File, pack.blob(b"1")), ("A", Mode::File, pack.blob(b"2"))],
                "`a` differs from another file",
            ),
            (|_| vec![("sub", Mode::Submodule, Oid([7; 20]))], "`sub` is a submodule"),
            (|pack| vec![("l", Mode::Symlink, pack.blob(b"../x"))], "`l` is a symbolic link"),
            (|pack| vec![("a\u{1}", Mode::File, pack.blob(b"1"))], "control characters are not allowed"),
            (
                |pack| {
                    let pointer = Pointer { oid: digest(b"nothing"), size: 7 };
                    vec![("a.bin", Mode::File, pack.blob(&pointer.encode()))]
                },
                "`a.bin` stands for a large file that was not uploaded",
            ),
        ];
        for (make, expected) in cases {
            let mut pack = Pack::new();
            let entries = make(&mut pack);
            let tree = pack.tree(&entries);
            let bad = pack.commit_of(tree, first, "bad\n");
            // Also if the last commit mends it.
            let good = pack.commit(Some(bad), "a.txt", b"a");
            let told =
                push(&hub, &owned.caller, &owned.repo, "", &[(first, Some(good), MAIN)], Some(pack)).await;
            assert!(told[1].contains(expected), "{told:?}: {expected}");
            assert_eq!(told.last().unwrap(), "ng refs/heads/main pre-receive hook declined");
            assert_eq!(head(&hub, &owned.repo, MAIN).await, first);
        }
        let mut pack = Pack::new();
        let link = pack.blob(b"a.txt");
        let tree = pack.tree(&[("a.txt", Mode::Executable, link), ("link", Mode::Symlink, link)]);
        let good = pack.commit_of(tree, first, "links\n");
        let told = push(&hub, &owned.caller, &owned.repo, "", &[(first, Some(good), MAIN)], Some(pack)).await;
        assert_eq!(told, ["unpack ok", "ok refs/heads/main"]);
        // Branches and tags lead to commits.
        for (target, name) in [(link, "refs/heads/x"), (tree, "refs/tags/x")] {
            let told =
                push(&hub, &owned.caller, &owned.repo, "", &[(None, Some(target), name)], Some(Pack::new()))
                    .await;
            assert_eq!(told[1..], ["unpack ok".to_owned(), format!("ng {name} prohibited by the hub")]);
        }
    }
}

/// Pushes at the same time may bring the same objects: a chain of deltas then goes on in another segment.
#[tokio::test(flavor = "multi_thread")]
async fn chains_through_several_segments_are_read() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    let (repo, actor_id) = (&owned.repo, owned.repo.record.owner_id);
    let first = head(&hub, repo, MAIN).await.unwrap();
    let content = |length: usize| vec![b'x'; length];
    let mut last = None;
    for from in [1, 51] {
        let mut pack = Pack::new();
        pack.blob(&content(from));
        for length in from..from + 50 {
            // A copy of the whole base, and one byte more.
            let base = lyceum_git::object_id(ObjectKind::Blob, &content(length));
            let bytes = length as u8;
            let delta = vec![bytes, bytes + 1, 0x90, bytes, 1, b'x'];
            let packed =
                lyceum_git::pack_whole(&lyceum_git::Object { kind: ObjectKind::Blob, data: delta.into() });
            let packed = lyceum_git::Packed { base: Some(base), ..packed.unwrap() };
            let oid = lyceum_git::object_id(ObjectKind::Blob, &content(length + 1));
            pack.0.add_packed(oid, length as u64 + 1, &packed).unwrap();
            last = Some(oid);
        }
        let segment = pack.0.finish().unwrap();
        let segments = vec![hub.keep_finished_segment(repo.record.id, segment, "push").await.unwrap()];
        let landing = crate::commit::Landing {
            repo_id: repo.record.id,
            actor_id,
            moves: vec![crate::commit::RefMove {
                reference: lyceum_core::RefName::parse(&format!("refs/heads/from-{from}")).unwrap(),
                expected: None,
                target: Some((first, first)),
                pull_request: crate::discussion::PullChange::Nothing,
            }],
            atomic: false,
            segments,
            action: "push",
            large: Vec::new(),
        };
        hub.land_all(landing).await.unwrap();
    }
    let object = lyceum_git::Objects::read(&hub.objects(repo), last.unwrap()).await.unwrap();
    assert_eq!(object.data, content(101));
}

/// Who may not push has nothing stored or looked at; who may brings no more than his quota leaves.
#[tokio::test(flavor = "multi_thread")]
async fn packs_are_read_only_for_whom_they_are_taken() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let first = head(&hub, &owned.repo, MAIN).await;
        let limits = crate::StorageLimits { logical: Some(100_000), stored: None };
        hub.set_quota(&owned.repo.id().namespace().clone(), limits).await.unwrap();
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..200_000).map(|_| next()).collect();
        let mut pack = Pack::new();
        let tip = pack.commit(first, "noise", &noise);
        let told = push(&hub, &owned.caller, &owned.repo, "", &[(first, Some(tip), MAIN)], Some(pack)).await;
        assert!(told[0].ends_with("bytes: the storage quota has no room for more"), "{told:?}");
        let (stranger, _) = hub.user("eve").await;
        let told = push(&hub, &stranger, &owned.repo, "", &[(first, Some(tip), MAIN)], None).await;
        assert_eq!(told[1..], ["unpack ok", "ng refs/heads/main permission denied"], "{told:?}");
    }
}

/// What a folder holds counts at every place where it is, also if the repo had it elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn moved_folders_obey_the_rules() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let first = head(&hub, &owned.repo, MAIN).await;
        let mut pack = Pack::new();
        let (file, link) = (pack.blob(b"x"), pack.blob(b"../../../README.md"));
        let name = "n".repeat(200);
        let long = (0..4).fold(pack.tree(&[(&name, Mode::File, file)]), |below, _| {
            pack.tree(&[(&name, Mode::Folder, below)])
        });
        let deep = (0..60)
            .fold(pack.tree(&[("d", Mode::File, file)]), |below, _| pack.tree(&[("d", Mode::Folder, below)]));
        let nested = |pack: &mut Pack, inner| {
            let inner = pack.tree(&[("t", Mode::Folder, inner)]);
            pack.tree(&[("b", Mode::Folder, inner)])
        };
        let links = pack.tree(&[("l", Mode::Symlink, link)]);
        let inside = nested(&mut pack, links);
        let root =
            pack.tree(&[("a", Mode::Folder, inside), ("d", Mode::Folder, deep), ("n", Mode::Folder, long)]);
        let good = pack.commit_of(root, first, "folders\n");
        let told = push(&hub, &owned.caller, &owned.repo, "", &[(first, Some(good), MAIN)], Some(pack)).await;
        assert_eq!(told, ["unpack ok", "ok refs/heads/main"]);

        for (moved, expected) in [
            (links, "a symbolic link that leads out of the repo"),
            (long, "a path of more than 1024 bytes"),
            (deep, "folders that are nested more than 64 deep"),
        ] {
            let mut pack = Pack::new();
            let place = match moved == links {
                true => pack.tree(&[("t", Mode::Folder, moved)]),
                false => {
                    let inner = nested(&mut pack, moved);
                    let inner = nested(&mut pack, inner);
                    pack.tree(&[("a name of some length, so that a path is too long", Mode::Folder, inner)])
                }
            };
            let bad = pack.commit_of(place, Some(good), "move\n");
            // Also if the next commit moves it back.
            let back = pack.commit_of(root, Some(bad), "back\n");
            let update = [(Some(good), Some(back), MAIN)];
            let told = push(&hub, &owned.caller, &owned.repo, "", &update, Some(pack)).await;
            assert!(told[1].contains(&format!("commit {bad} has {expected}")), "{told:?}: {expected}");
            assert_eq!(told.last().unwrap(), "ng refs/heads/main pre-receive hook declined");
        }
    }
}

/// Few objects can name each other so often that they stand for more files than anybody can list.
#[tokio::test(flavor = "multi_thread")]
async fn folders_do_not_repeat_without_end() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    let first = head(&hub, &owned.repo, MAIN).await;
    let push_folders = async |levels: usize| {
        let mut pack = Pack::new();
        let file = pack.blob(b"x");
        let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        let mut tree = file;
        let mut mode = Mode::File;
        for _ in 0..levels {
            let entries: Vec<_> = names.iter().map(|name| (name.as_str(), mode, tree)).collect();
            (tree, mode) = (pack.tree(&entries), Mode::Folder);
        }
        let tip = pack.commit_of(tree, first, "many\n");
        push(&hub, &owned.caller, &owned.repo, "", &[(None, Some(tip), "refs/heads/b")], Some(pack)).await
    };
    let told = push_folders(7).await;
    assert!(told[1].contains("has more than 1000000 files"), "{told:?}");
    assert_eq!(told.last().unwrap(), "ng refs/heads/b pre-receive hook declined");
    assert_eq!(push_folders(3).await, ["unpack ok", "ok refs/heads/b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pointers_stand_for_what_was_uploaded() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let first = head(&hub, &owned.repo, MAIN).await;
        let content = b"large, as far as anybody knows";
        let object = LfsObject { sha256: digest(content), size: content.len() as u64 };
        let asked = hub.lfs_batch(&owned.caller, &owned.repo, LfsOperation::Upload, &[object], false).await;
        if let LfsAction::Basic { grant } = asked.unwrap().remove(0).action {
            hub.lfs_put(&grant, super::lfs::body(content)).await.unwrap();
        }
        let mut pack = Pack::new();
        let wrong = pack.commit(first, "a.bin", &Pointer { oid: object.sha256, size: 1 }.encode());
        let told =
            push(&hub, &owned.caller, &owned.repo, "", &[(first, Some(wrong), MAIN)], Some(pack)).await;
        assert!(told[1].contains("`a.bin` stands for a large file of 30 bytes, not 1"), "{told:?}");
        let mut pack = Pack::new();
        let right = pack.commit(first, "a.bin", &Pointer { oid: object.sha256, size: object.size }.encode());
        let told =
            push(&hub, &owned.caller, &owned.repo, "", &[(first, Some(right), MAIN)], Some(pack)).await;
        assert_eq!(told, ["unpack ok", "ok refs/heads/main"]);
        let files = hub.lfs_files(&owned.repo, None, 10).await.unwrap().files;
        assert_eq!(files[0].file_name, "a.bin");
    }
}
