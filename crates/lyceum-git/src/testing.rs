//! An object source in memory, and the real `git` as an oracle, for tests.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lyceum_core::{Oid, RepoPath};
use tempfile::TempDir;

use crate::{
    Commit, Edit, Error, Head, Mode, Object, ObjectHeader, ObjectKind, Objects, PackSource, Packed,
    Reference, References, Result, Segment, SegmentData, SegmentEntry, SegmentWriter, Signature, edit_tree,
    object_id,
};

/// Runs a future to its end.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

#[derive(Default)]
pub(crate) struct Memory {
    objects: Mutex<HashMap<Oid, Arc<Object>>>,
    packed: Mutex<HashMap<Oid, Packed>>,
    references: Mutex<BTreeMap<String, Oid>>,
    shallow: Mutex<Vec<Oid>>,
    reads: AtomicUsize,
    listings: AtomicUsize,
}

impl Objects for Memory {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.objects.lock().unwrap().get(&oid).cloned().ok_or(Error::not_found(oid))
    }
}

impl PackSource for Memory {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader> {
        let objects = self.objects.lock().unwrap();
        let object = objects.get(&oid).ok_or(Error::not_found(oid))?;
        Ok(ObjectHeader { kind: object.kind, size: object.data.len() as u64 })
    }

    async fn packed(&self, oid: Oid) -> Result<Packed> {
        if let Some(packed) = self.packed.lock().unwrap().get(&oid) {
            return Ok(packed.clone());
        }
        let object = self.read(oid).await?;
        let mut writer = SegmentWriter::new(&std::env::temp_dir());
        writer.add(object.kind, &object.data)?;
        let segment = writer.finish()?;
        let entry = segment.index.find(&oid).unwrap();
        Packed::parse(Bytes::copy_from_slice(stored(&pack(&segment), &entry)), &entry)
    }
}

impl References for Memory {
    async fn head(&self) -> Result<Option<Head>> {
        Ok(Some(Head::Symbolic("refs/heads/main".to_owned())))
    }

    async fn references(&self, prefixes: &[String]) -> Result<Vec<Reference>> {
        self.listings.fetch_add(1, Ordering::Relaxed);
        let references = self.references.lock().unwrap().clone();
        let mut found = Vec::new();
        for (name, target) in references {
            if prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix)) {
                let (tags, _, peeled) = crate::wire::peel(self, target).await?;
                found.push(Reference { name, target, peeled: (!tags.is_empty()).then_some(peeled) });
            }
        }
        Ok(found)
    }

    async fn shallow(&self) -> Result<Vec<Oid>> {
        Ok(self.shallow.lock().unwrap().clone())
    }
}

impl Memory {
    /// Takes over what a repository of the real git has: objects, deltas as they are stored, and references.
    pub(crate) fn import(git: &Git) -> Self {
        let memory = Self::default();
        let all = git.lines(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(deltabase)"]);
        let contents = git.run(&["cat-file", "--batch-all-objects", "--batch"], b"");
        let mut rest = &contents[..];
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
            let line = std::str::from_utf8(&rest[..end]).unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            let size: usize = words[2].parse().unwrap();
            let (data, after) = rest[end + 1..].split_at(size);
            memory.add(ObjectKind::parse(words[1]).unwrap(), data);
            rest = &after[1..];
        }
        for line in all {
            let (oid, base) = line.split_once(' ').unwrap();
            let (oid, base): (Oid, Oid) = (oid.parse().unwrap(), base.parse().unwrap());
            if base != Oid::ZERO {
                memory.store_delta(oid, base);
            }
        }
        memory.take_references(git);
        memory
    }

    /// Takes over the references of a repository of the real git.
    pub(crate) fn take_references(&self, git: &Git) {
        let mut references = self.references.lock().unwrap();
        references.clear();
        for line in git.lines(&["for-each-ref", "--format=%(objectname) %(refname)"]) {
            let (oid, name) = line.split_once(' ').unwrap();
            references.insert(name.to_owned(), oid.parse().unwrap());
        }
    }

    /// Stores an object as a delta: one that repeats the whole object.
    pub(crate) fn store_delta(&self, oid: Oid, base: Oid) {
        let objects = self.objects.lock().unwrap();
        let (object, base_object) = (&objects[&oid], &objects[&base]);
        let mut delta = Vec::new();
        for mut size in [base_object.data.len(), object.data.len()] {
            while size >= 0x80 {
                delta.push(size.to_le_bytes()[0] | 0x80);
                size >>= 7;
            }
            delta.push(size.to_le_bytes()[0]);
        }
        for piece in object.data.chunks(0x7f) {
            delta.push(piece.len().to_le_bytes()[0]);
            delta.extend_from_slice(piece);
        }
        let mut deflated = Vec::new();
        let mut deflate = flate2::Compress::new(flate2::Compression::default(), true);
        deflated.reserve(delta.len() + 100);
        deflate.compress_vec(&delta, &mut deflated, flate2::FlushCompress::Finish).unwrap();
        let packed = Packed {
            kind: object.kind,
            base: Some(base),
            inflated_bytes: delta.len() as u64,
            deflated: deflated.into(),
        };
        self.packed.lock().unwrap().insert(oid, packed);
    }

    pub(crate) fn set_reference(&self, name: &str, oid: Oid) {
        self.references.lock().unwrap().insert(name.to_owned(), oid);
    }

    pub(crate) fn references_now(&self) -> BTreeMap<String, Oid> {
        self.references.lock().unwrap().clone()
    }

    pub(crate) fn set_shallow(&self, shallow: &[Oid]) {
        *self.shallow.lock().unwrap() = shallow.to_vec();
    }

    pub(crate) fn add(&self, kind: ObjectKind, data: &[u8]) -> Oid {
        let oid = object_id(kind, data);
        self.put(oid, Object { kind, data: Bytes::copy_from_slice(data) });
        oid
    }

    /// Stores an object under any id, even a wrong one.
    pub(crate) fn put(&self, oid: Oid, object: Object) {
        self.objects.lock().unwrap().insert(oid, Arc::new(object));
    }

    pub(crate) fn remove(&self, oid: Oid) {
        self.objects.lock().unwrap().remove(&oid);
    }

    pub(crate) fn blob(&self, text: &str) -> Oid {
        self.add(ObjectKind::Blob, text.as_bytes())
    }

    /// Takes over what a writer collected, by way of its pack.
    pub(crate) fn absorb(&self, writer: SegmentWriter) {
        let segment = writer.finish().unwrap();
        let pack = pack(&segment);
        for entry in segment.index.iter() {
            self.put(entry.oid, read_entry(stored(&pack, entry), entry).unwrap());
        }
    }

    /// Takes over a finished segment, deltas and all.
    pub(crate) fn absorb_segment(&self, segment: &Segment) {
        let pack = pack(segment);
        for entry in segment.index.iter() {
            self.put(entry.oid, resolve(&pack, segment, entry));
        }
    }

    /// Returns an object, or the lack of it, without counting.
    pub(crate) fn get(&self, oid: Oid) -> Option<Arc<Object>> {
        self.objects.lock().unwrap().get(&oid).cloned()
    }

    /// Returns the ids of all objects, sorted.
    pub(crate) fn ids(&self) -> Vec<Oid> {
        let mut ids: Vec<Oid> = self.objects.lock().unwrap().keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Applies edits and keeps the new trees.
    pub(crate) fn edit(&self, root: Option<Oid>, edits: Vec<Edit>) -> Result<Oid, crate::EditError> {
        let mut writer = SegmentWriter::new(&std::env::temp_dir());
        let root = block_on(edit_tree(self, root, edits, &mut writer))?;
        self.absorb(writer);
        Ok(root)
    }

    /// Makes a tree of files, each given by path and text.
    pub(crate) fn tree(&self, files: &[(&str, &str)]) -> Oid {
        let upsert = |(path, text): &(&str, &str)| Edit::Upsert {
            path: RepoPath::parse(path).unwrap(),
            mode: Mode::File,
            oid: self.blob(text),
        };
        self.edit(None, files.iter().map(upsert).collect()).unwrap()
    }

    pub(crate) fn commit(&self, tree: Oid, parents: &[Oid], seconds: i64) -> Oid {
        let author = signature(seconds);
        let commit = Commit {
            tree,
            parents: parents.to_vec(),
            author: author.clone(),
            committer: author,
            message: format!("commit at {seconds}\n"),
        };
        self.add(ObjectKind::Commit, &commit.encode())
    }

    /// Returns the number of reads since the last call.
    pub(crate) fn take_reads(&self) -> usize {
        self.reads.swap(0, Ordering::Relaxed)
    }

    /// Returns how often references were listed since the last call.
    pub(crate) fn take_listings(&self) -> usize {
        self.listings.swap(0, Ordering::Relaxed)
    }

    /// Copies everything into a repository of the real git, whose strict checks must accept it.
    pub(crate) fn export(&self) -> Git {
        let git = Git::new();
        let mut writer = SegmentWriter::new(git.path());
        for object in self.objects.lock().unwrap().values() {
            writer.add(object.kind, &object.data).unwrap();
        }
        git.import(&writer.finish().unwrap());
        git
    }
}

pub(crate) fn signature(seconds: i64) -> Signature {
    Signature { name: "Ada".to_owned(), email: "ada@example.org".to_owned(), seconds, offset_minutes: 60 }
}

/// Reads an object that is stored whole.
pub(crate) fn read_entry(stored: &[u8], entry: &SegmentEntry) -> Result<Object> {
    Packed::parse(Bytes::copy_from_slice(stored), entry)?.resolve(entry.oid, None)
}

pub(crate) fn stored<'a>(pack: &'a [u8], entry: &SegmentEntry) -> &'a [u8] {
    let from = usize::try_from(entry.offset).unwrap();
    &pack[from..from + usize::try_from(entry.stored_bytes).unwrap()]
}

/// Reads an object of a segment, and those that it is based on.
pub(crate) fn resolve(pack: &[u8], segment: &Segment, entry: &SegmentEntry) -> Object {
    let packed = Packed::parse(Bytes::copy_from_slice(stored(pack, entry)), entry).unwrap();
    let base = packed.base.map(|base| resolve(pack, segment, &segment.index.find(&base).unwrap()).data);
    packed.resolve(entry.oid, base.as_deref()).unwrap()
}

pub(crate) fn pack(segment: &Segment) -> Vec<u8> {
    match &segment.data {
        SegmentData::Inline(data) => data.clone(),
        SegmentData::Spooled { file, bytes } => {
            let data = std::fs::read(file.path()).unwrap();
            assert_eq!(data.len() as u64, *bytes);
            data
        }
    }
}

/// An empty repository of the real git.
pub(crate) struct Git(TempDir);

impl Git {
    pub(crate) fn new() -> Self {
        let git = Self(TempDir::new().unwrap());
        git.run(&["init", "-q"], b"");
        git
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs a command that must succeed and returns what it prints.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let (status, output) = self.try_run(arguments, input);
        assert_eq!(status, 0, "git {arguments:?} failed");
        output
    }

    pub(crate) fn lines(&self, arguments: &[&str]) -> Vec<String> {
        String::from_utf8(self.run(arguments, b"")).unwrap().lines().map(str::to_owned).collect()
    }

    /// Runs a command and returns its status and what it prints.
    pub(crate) fn try_run(&self, arguments: &[&str], input: &[u8]) -> (i32, Vec<u8>) {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.org")])
            .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.org")])
            .envs([("GIT_AUTHOR_DATE", "1700000000 +0100"), ("GIT_COMMITTER_DATE", "1700000000 +0100")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let feed = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        // A command that fails early closes its end; its status is what counts.
        drop(feed.join().unwrap());
        (output.status.code().unwrap(), output.stdout)
    }

    /// Indexes a segment strictly and puts it among the repository's packs.
    pub(crate) fn import(&self, segment: &Segment) {
        self.run(&["index-pack", "--strict", "--stdin"], &pack(segment));
        self.run(&["fsck", "--strict", "--full", "--no-dangling"], b"");
    }
}
