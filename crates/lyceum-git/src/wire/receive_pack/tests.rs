//! Whole pushes against a repository in memory, with packs that real git makes.

mod damage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use lyceum_core::Oid;

use super::*;
use crate::RefUpdate;
use crate::testing::{Git, Memory, block_on};
use crate::wire::{Packet, append_packet};
use crate::{
    Commit, Head, Mode, NewEntry, Object, ObjectHeader, ObjectKind, Objects, PackLimits, PackSource, Packed,
    Push, Reference, References, Rules, Segment, check_reachable,
};

const ZERO: &str = "0000000000000000000000000000000000000000";
const MAIN: &str = "refs/heads/main";

/// A repository in memory that notes what it was asked.
struct Repo {
    objects: Memory,
    references: Mutex<BTreeMap<String, Oid>>,
    pushes: Mutex<Vec<(Push<Notes>, usize)>>,
    limits: PackLimits,
    spool_dir: PathBuf,
    /// The start of names that are refused, and whether commits are.
    refused: (&'static str, bool),
}

#[derive(Debug, Default)]
struct Notes(Vec<String>);

impl Rules for Notes {
    fn entry(&mut self, entry: &NewEntry<'_>) {
        let NewEntry { path, mode, twin, .. } = entry;
        let kind = match mode {
            Mode::Folder => "folder",
            Mode::Symlink => "link",
            _ => "file",
        };
        let twin = if *twin { " twin" } else { "" };
        let content =
            entry.content.map(|content| format!(" `{}`", content.escape_ascii())).unwrap_or_default();
        self.0.push(format!("{kind} {path}{twin}{content}"));
    }

    fn commit(&mut self, _: Oid, commit: &Commit) {
        self.0.push(format!("commit {}", commit.summary()));
    }
}

impl Objects for Repo {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>> {
        self.objects.read(oid).await
    }
}

impl PackSource for Repo {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader> {
        let object = self.objects.read(oid).await?;
        Ok(ObjectHeader { kind: object.kind, size: object.data.len() as u64 })
    }

    async fn packed(&self, oid: Oid) -> Result<Packed> {
        Err(Error::not_found(oid))
    }
}

impl References for Repo {
    async fn head(&self) -> Result<Option<Head>> {
        Ok(None)
    }

    async fn references(&self, _: &[String]) -> Result<Vec<Reference>> {
        let references = self.references.lock().unwrap();
        let reference =
            |(name, target): (&String, &Oid)| Reference { name: name.clone(), target: *target, peeled: None };
        Ok(references.iter().map(reference).collect())
    }
}

impl Receiver for Repo {
    type Rules = Notes;

    fn spool_dir(&self) -> &Path {
        &self.spool_dir
    }

    fn limits(&self) -> PackLimits {
        self.limits.clone()
    }

    async fn present(&self, oids: &[Oid]) -> Result<Vec<Option<ObjectHeader>>> {
        let header = |object: Arc<Object>| ObjectHeader { kind: object.kind, size: object.data.len() as u64 };
        Ok(oids.iter().map(|oid| self.objects.get(*oid).map(header)).collect())
    }

    async fn refusals(
        &self,
        updates: &[RefUpdate],
        tips: Option<&[Option<crate::Tip>]>,
        _: &Remarks,
    ) -> Result<Vec<Option<String>>> {
        let refuse = |(index, update): (usize, &RefUpdate)| {
            let refused = match tips {
                None => !self.refused.1,
                Some(tips) => self.refused.1 && tips[index].is_some(),
            };
            (refused && update.name.starts_with(self.refused.0)).then(|| "closed".to_owned())
        };
        Ok(updates.iter().enumerate().map(refuse).collect())
    }

    fn rules(&self) -> Notes {
        Notes::default()
    }

    async fn apply(&self, push: Push<Notes>, remarks: &Remarks) -> Result<Vec<Option<String>>> {
        let mut references = self.references.lock().unwrap();
        let refuse = |update: &RefUpdate| {
            if references.get(&update.name).copied() == update.old {
                return None;
            }
            remarks.tell(format!("`{}` moved", update.name));
            Some("failed to update ref".to_owned())
        };
        let refused: Vec<Option<String>> = push.updates.iter().map(refuse).collect();
        for (update, _) in push.updates.iter().zip(&refused).filter(|(_, refused)| refused.is_none()) {
            match update.new {
                Some(new) => references.insert(update.name.clone(), new),
                None => references.remove(&update.name),
            };
        }
        let objects = push.segment.as_ref().map_or(0, |segment| segment.index.len());
        if let Some(segment) = &push.segment {
            self.objects.absorb_segment(segment);
        }
        self.pushes.lock().unwrap().push((push, objects));
        Ok(refused)
    }
}

impl Repo {
    fn new() -> Self {
        Self {
            objects: Memory::default(),
            references: Mutex::default(),
            pushes: Mutex::default(),
            limits: PackLimits::default(),
            spool_dir: std::env::temp_dir(),
            refused: ("refs/closed/", false),
        }
    }

    /// Sends a request and returns the answer, byte for byte.
    fn serve(&self, request: &[u8], advertise: bool) -> (Vec<u8>, Result<()>) {
        let options = ReceiveOptions {
            stateless: true,
            advertise,
            version: 0,
            agent: "test",
            atomic: true,
            push_options: true,
        };
        let mut answer = Vec::new();
        let served = block_on(receive_pack(self, &options, request, &mut answer));
        (answer, served)
    }

    /// Sends commands and a pack, and returns what is shown to the user and the report, line by line.
    fn push(&self, capabilities: &str, commands: &[(&str, &str, &str)], pack: &[u8]) -> Vec<String> {
        let mut request = Vec::new();
        for (at, (old, new, name)) in commands.iter().enumerate() {
            let capabilities =
                if at == 0 { format!("\0 report-status {capabilities}") } else { String::new() };
            append_packet(&mut request, format!("{old} {new} {name}{capabilities}").as_bytes());
        }
        request.extend_from_slice(b"0000");
        request.extend_from_slice(pack);
        let (answer, served) = self.serve(&request, false);
        let lines = lines(&answer);
        // What a client may do wrong is no failure.
        if let Err(error) = served {
            assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        }
        lines
    }

    fn update(&self, old: &str, new: &str, name: &str, pack: &[u8]) -> Vec<String> {
        self.push("", &[(old, new, name)], pack)
    }

    /// Checks that nothing is missing behind any reference.
    fn check(&self) {
        let tips: Vec<Oid> = self.references.lock().unwrap().values().copied().collect();
        let report = block_on(check_reachable(&self.objects, &tips, |_, _| {})).unwrap();
        assert_eq!(report.problems, []);
    }
}

fn lines(answer: &[u8]) -> Vec<String> {
    block_on(async {
        let mut reader = PacketReader::new(answer);
        let mut lines = Vec::new();
        let mut report = Vec::new();
        while let Some(packet) = reader.next().await.unwrap() {
            match packet {
                Packet::Data([1, piece @ ..]) => report.extend_from_slice(piece),
                Packet::Data([2, text @ ..]) => {
                    lines.push(format!("remote: {}", String::from_utf8_lossy(text).trim_end()));
                }
                Packet::Data(line) => lines.push(String::from_utf8_lossy(line).trim_end().to_owned()),
                _ => {}
            }
        }
        lines.extend(inner(&report).await);
        lines
    })
}

async fn inner(report: &[u8]) -> Vec<String> {
    let mut reader = PacketReader::new(report);
    let mut lines = Vec::new();
    while let Some(packet) = reader.next().await.unwrap() {
        lines.extend(packet.line().map(|line| String::from_utf8_lossy(line).into_owned()));
    }
    lines
}

/// A repository of real git with two commits on `main`.
fn git() -> (Git, String, String) {
    let git = Git::new();
    std::fs::create_dir(git.path().join("dir")).unwrap();
    std::fs::write(git.path().join("dir/a.txt"), "a".repeat(3000)).unwrap();
    git.run(&["add", "."], b"");
    git.run(&["commit", "-q", "-m", "first"], b"");
    std::fs::write(git.path().join("dir/a.txt"), "a".repeat(3000) + "b").unwrap();
    git.run(&["add", "."], b"");
    git.run(&["commit", "-q", "-m", "second"], b"");
    let id = |revision: &str| git.lines(&["rev-parse", revision])[0].clone();
    let (first, second) = (id("HEAD~1"), id("HEAD"));
    (git, first, second)
}

fn pack(git: &Git, revisions: &str) -> Vec<u8> {
    git.run(&["pack-objects", "--stdout", "--revs", "--thin", "--delta-base-offset"], revisions.as_bytes())
}

#[test]
fn tells_what_it_can() {
    let repo = Repo::new();
    let (answer, _) = repo.serve(b"", true);
    let capabilities = "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options \
                        object-format=sha1 agent=test";
    assert_eq!(lines(&answer), [format!("{ZERO} capabilities^{{}}\0{capabilities}")]);
    assert!(answer.ends_with(b"0000"));

    let blob = repo.objects.blob("x");
    for name in ["refs/heads/a", "refs/tags/b"] {
        repo.references.lock().unwrap().insert(name.to_owned(), blob);
    }
    let (answer, _) = repo.serve(b"", true);
    assert_eq!(
        lines(&answer),
        [format!("{blob} refs/heads/a\0{capabilities}"), format!("{blob} refs/tags/b")]
    );
}

#[test]
fn takes_what_git_sends() {
    let (git, first, second) = git();
    let repo = Repo::new();
    assert_eq!(repo.update(ZERO, &first, MAIN, &pack(&git, &first)), ["unpack ok", "ok refs/heads/main"]);
    let thin = pack(&git, &format!("{second}\n^{first}"));
    let told = repo.push("side-band-64k", &[(&first, &second, MAIN)], &thin);
    assert_eq!(told, ["unpack ok", "ok refs/heads/main"]);
    repo.check();
    let pushes = repo.pushes.lock().unwrap();
    assert_eq!(pushes[0].0.rules.0, ["commit first", "folder dir", "file dir/a.txt"]);
    assert_eq!(pushes[1].0.rules.0, ["commit second", "folder dir", "file dir/a.txt"]);
    // Commit, two folders and a file.
    assert_eq!((pushes[0].1, pushes[1].1), (4, 4));
}

#[test]
fn deletes_and_moves_without_a_pack() {
    let (git, first, second) = git();
    let repo = Repo::new();
    repo.update(ZERO, &second, MAIN, &pack(&git, &second));
    // An empty pack comes along when all is there already.
    let empty = pack(&git, "");
    assert_eq!(repo.update(ZERO, &first, "refs/heads/old", &empty), ["unpack ok", "ok refs/heads/old"]);
    assert_eq!(repo.update(&first, ZERO, "refs/heads/old", b""), ["unpack ok", "ok refs/heads/old"]);
    assert_eq!(
        repo.push("side-band-64k", &[(&first, ZERO, MAIN)], b""),
        ["remote: `refs/heads/main` moved", "unpack ok", "ng refs/heads/main failed to update ref"]
    );
    assert_eq!(repo.references.lock().unwrap().len(), 1);
    // Who asks for nothing gets nothing.
    assert_eq!(repo.serve(b"0000", false).0, b"");
    assert_eq!(repo.serve(b"", false).0, b"");
}

#[test]
fn refuses_what_lacks_something() {
    let (git, first, second) = git();
    let repo = Repo::new();
    let only_second = git.run(&["pack-objects", "--stdout"], format!("{second}\n").as_bytes());
    assert_eq!(
        repo.update(ZERO, &second, MAIN, &only_second),
        ["unpack ok", "ng refs/heads/main missing necessary objects"]
    );
    // Only the reference that lacks something is refused, and what belongs to it is not kept.
    let both = git.run(
        &["pack-objects", "--stdout"],
        format!("{second}\n{}", git.lines(&["rev-list", "--objects", &first]).join("\n")).as_bytes(),
    );
    let commands = [(ZERO, &*second, MAIN), (ZERO, &*first, "refs/heads/first")];
    assert_eq!(
        repo.push("", &commands, &both),
        ["unpack ok", "ng refs/heads/main missing necessary objects", "ok refs/heads/first"]
    );
    repo.check();
    assert!(repo.objects.get(second.parse().unwrap()).is_none());

    // All or nothing.
    let repo = Repo::new();
    assert_eq!(
        repo.push("atomic", &commands, &both),
        [
            "unpack ok",
            "ng refs/heads/main missing necessary objects",
            "ng refs/heads/first atomic push failure"
        ]
    );
    assert_eq!(repo.objects.ids(), []);

    // A shallow clone says so, and gets another answer.
    let mut request = Vec::new();
    append_packet(&mut request, format!("shallow {second}").as_bytes());
    append_packet(&mut request, format!("{ZERO} {second} {MAIN}\0report-status").as_bytes());
    request.extend_from_slice(b"0000");
    let snapshot = git.lines(&["rev-list", "--objects", &format!("{second}^{{tree}}")]).join("\n");
    let shallow = git.run(&["pack-objects", "--stdout"], format!("{second}\n{snapshot}").as_bytes());
    request.extend_from_slice(&shallow);
    let (answer, _) = repo.serve(&request, false);
    assert_eq!(lines(&answer), ["unpack ok", "ng refs/heads/main shallow update not allowed"]);
}

#[test]
fn what_leads_nowhere_is_not_kept() {
    let (git, first, _) = git();
    let repo = Repo::new();
    let stray = git.run(&["hash-object", "-w", "--stdin"], b"stray");
    let stray = String::from_utf8(stray).unwrap();
    let objects = git.lines(&["rev-list", "--objects", &first]).join("\n");
    let data = git.run(&["pack-objects", "--stdout"], format!("{objects}\n{stray}").as_bytes());
    repo.update(ZERO, &first, MAIN, &data);
    assert_eq!(repo.objects.ids().len(), 4);
}

#[test]
fn names_and_commands_are_checked() {
    let (git, first, _) = git();
    let data = pack(&git, &first);
    for name in
        ["refs/heads/a..b", "refs/heads/", "heads/a", "refs/heads/a.lock", "refs/heads/a b", "refs/heads/.a"]
    {
        let repo = Repo::new();
        assert_eq!(
            repo.update(ZERO, &first, name, &data),
            ["unpack ok".to_owned(), format!("ng {name} funny refname")]
        );
        assert_eq!(repo.objects.ids(), []);
    }
    let repo = Repo::new();
    let twice = [(ZERO, &*first, MAIN), (ZERO, &*first, MAIN)];
    assert_eq!(
        repo.push("", &twice, &data),
        ["unpack ok", "ok refs/heads/main", "ng refs/heads/main multiple updates for ref not allowed"]
    );
    let refusal = |line: &str| {
        let mut request = Vec::new();
        append_packet(&mut request, line.as_bytes());
        request.extend_from_slice(b"0000");
        let (answer, served) = Repo::new().serve(&request, false);
        assert_eq!(served.unwrap_err().kind(), ErrorKind::Protocol);
        lines(&answer).remove(0)
    };
    assert_eq!(refusal("push-cert\0x"), "ERR signed pushes are not supported");
    assert_eq!(refusal("x"), "ERR protocol error: expected old/new/ref, got 'x'");
    assert!(refusal(&format!("{ZERO} {first}")).starts_with("ERR protocol error: expected old/new/ref"));
    assert_eq!(
        refusal(&format!("{ZERO} {first} {MAIN}\0object-format=sha256")),
        "ERR error: unsupported object format"
    );
}

#[test]
fn thousands_of_references_move_at_once() {
    let (git, first, _) = git();
    let repo = Repo::new();
    let names: Vec<String> = (0..5000).map(|number| format!("refs/tags/v{number}")).collect();
    let commands: Vec<(&str, &str, &str)> = names.iter().map(|name| (ZERO, &*first, &**name)).collect();
    let told = repo.push("atomic side-band-64k", &commands, &pack(&git, &first));
    assert_eq!(told.len(), 5001);
    assert!(told[1..].iter().all(|line| line.starts_with("ok ")));
    assert_eq!(repo.references.lock().unwrap().len(), 5000);
    let names: Vec<String> = (0..10_001).map(|number| format!("refs/tags/w{number}")).collect();
    let commands: Vec<(&str, &str, &str)> = names.iter().map(|name| (ZERO, &*first, &**name)).collect();
    assert_eq!(repo.push("", &commands, b""), ["ERR a push may change at most 10000 references"]);
}

#[test]
fn a_bad_pack_changes_nothing() {
    let (git, first, _) = git();
    let good = pack(&git, &first);
    let repo = Repo::new();
    let check = |data: &[u8], expected: &str| {
        let told = repo.push("side-band-64k", &[(ZERO, &first, MAIN)], data);
        assert_eq!(told, [&format!("unpack {expected}"), "ng refs/heads/main unpacker error"]);
    };
    check(&good[..good.len() - 1], "malformed git pack: it ends too early");
    check(b"", "malformed git pack: it ends too early");
    check(&[&good[..], b"x"].concat(), "malformed git pack: something follows it");
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    check(&damaged, "malformed git pack: its checksum is wrong");
    assert_eq!(repo.objects.ids(), []);
    assert_eq!(repo.update(ZERO, &first, MAIN, &good), ["unpack ok", "ok refs/heads/main"]);

    let small = Repo { limits: PackLimits { pack_bytes: 50, ..PackLimits::default() }, ..Repo::new() };
    assert_eq!(
        small.update(ZERO, &first, MAIN, &good),
        ["unpack the pack has more than 50 bytes", "ng refs/heads/main unpacker error"]
    );
}

#[test]
fn options_links_and_twins_are_told() {
    let git = Git::new();
    std::fs::write(git.path().join("A"), "x").unwrap();
    std::fs::write(git.path().join("a"), "y").unwrap();
    std::os::unix::fs::symlink("A", git.path().join("link")).unwrap();
    git.run(&["add", "."], b"");
    git.run(&["commit", "-q", "-m", "first"], b"");
    let tip = git.lines(&["rev-parse", "HEAD"])[0].clone();
    let mut request = Vec::new();
    append_packet(&mut request, format!("{ZERO} {tip} {MAIN}\0report-status push-options").as_bytes());
    request.extend_from_slice(b"0000");
    append_packet(&mut request, b"ci.skip\n");
    append_packet(&mut request, b"b=c");
    request.extend_from_slice(b"0000");
    request.extend_from_slice(&pack(&git, &tip));
    let repo = Repo::new();
    assert_eq!(lines(&repo.serve(&request, false).0), ["unpack ok", "ok refs/heads/main"]);
    let pushes = repo.pushes.lock().unwrap();
    assert_eq!(pushes[0].0.options, ["ci.skip", "b=c"]);
    assert_eq!(pushes[0].0.rules.0, ["commit first", "file A `x`", "file a twin `y`", "link link `A`"]);
    let tip = Some(crate::Tip {
        kind: ObjectKind::Commit,
        peeled: tip.parse().unwrap(),
        peeled_kind: ObjectKind::Commit,
    });
    assert_eq!(pushes[0].0.tips, [tip]);
    let _: &Option<Segment> = &pushes[0].0.segment;
}

/// A pack that is good for nothing is not looked at.
#[test]
fn refusals_come_before_the_pack() {
    let repo = Repo::new();
    let id = "1".repeat(40);
    let closed = [(ZERO, &*id, "refs/closed/a"), (ZERO, &*id, MAIN)];
    assert_eq!(repo.push("", &closed[..1], b"no pack"), ["unpack ok", "ng refs/closed/a closed"]);
    assert_eq!(
        repo.push("atomic", &closed, b"no pack"),
        ["unpack ok", "ng refs/closed/a closed", "ng refs/heads/main atomic push failure"]
    );
    assert!(repo.push("", &closed, b"no pack")[0].starts_with("unpack malformed git pack"));
}

/// What only a refused reference leads to is not kept, whenever it is refused.
#[test]
fn objects_of_refused_references_are_not_kept() {
    let (git, first, second) = git();
    let data = pack(&git, &second);
    for late in [false, true] {
        let repo = Repo { refused: ("refs/closed/", late), ..Repo::new() };
        let commands = [(ZERO, &*second, "refs/closed/a"), (ZERO, &*first, MAIN)];
        let told = repo.push("", &commands, &data);
        assert_eq!(told, ["unpack ok", "ng refs/closed/a closed", "ok refs/heads/main"]);
        assert!(repo.objects.get(first.parse().unwrap()).is_some());
        assert!(repo.objects.get(second.parse().unwrap()).is_none());
    }
}

/// What a file holds is shown once, however many commits have it; as a file even if it was a link before.
#[test]
fn contents_are_shown_once() {
    let git = Git::new();
    let commit = |name: &str| {
        std::fs::write(git.path().join(name), "x").unwrap();
        git.run(&["add", "."], b"");
        git.run(&["commit", "-q", "-m", name], b"");
    };
    std::os::unix::fs::symlink("x", git.path().join("a")).unwrap();
    ["b", "c", "d"].into_iter().for_each(commit);
    let tip = git.lines(&["rev-parse", "HEAD"])[0].clone();
    let repo = Repo::new();
    assert_eq!(repo.update(ZERO, &tip, MAIN, &pack(&git, &tip)), ["unpack ok", "ok refs/heads/main"]);
    let pushes = repo.pushes.lock().unwrap();
    let shown = |start: &str| pushes[0].0.rules.0.iter().filter(|line| line.starts_with(start)).count();
    let with_content =
        pushes[0].0.rules.0.iter().filter(|line| line.starts_with("file ") && line.ends_with("`x`"));
    assert_eq!((shown("link a `x`"), shown("file "), with_content.count()), (3, 6, 1));
}
