//! What the tests of all modules share, and the tests of failure and of a full disk.

use crate::testing::Faults;
use crate::{Error, ErrorKind, NoDedup, Result, Store, StoreOptions};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use lyceum_core::ByteRange;
use lyceum_xet::hash::chunk_hash;
use lyceum_xet::{XorbBuilder, XorbIndex};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A folder in memory if there is such a place: the tests sync a lot.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) async fn open(folder: &TempDir) -> Store {
    Store::open_local(folder.path(), StoreOptions::default()).await.unwrap()
}

/// Bytes whose compressibility depends on the kind: 0 random, 1 repeating text, 2 numbers with equal high bytes.
pub(crate) fn content(kind: u8, seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = (state ^ state >> 33).to_le_bytes();
        match kind {
            0 => bytes.extend_from_slice(&word[..4]),
            1 => bytes.extend_from_slice(format!("line {} of a text\n", word[3] & 15).as_bytes()),
            _ => bytes.extend_from_slice(&[word[0], word[1], 0x80 | word[2] & 3, 0x3f]),
        }
    }
    bytes.truncate(length);
    bytes
}

/// A xorb as a client sends it.
pub(crate) fn build(chunks: &[Vec<u8>]) -> (XorbIndex, Bytes) {
    let mut builder = XorbBuilder::new(64 * 1024 * 1024);
    for chunk in chunks {
        builder.push(chunk, chunk_hash(chunk));
    }
    builder.finish()
}

/// A xorb of `count` chunks of alternating kinds.
pub(crate) fn sample(count: usize, seed: u64) -> (XorbIndex, Bytes) {
    let chunk = |at: usize| content((at % 3) as u8, seed + at as u64, 1 + (at * 7919 + 40_000) % 100_000);
    build(&(0..count).map(chunk).collect::<Vec<_>>())
}

/// A body in frames of this size.
pub(crate) fn body(
    data: impl Into<Bytes>,
    frame_bytes: usize,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    let data = data.into();
    let starts = (0..data.len()).step_by(frame_bytes);
    stream::iter(starts.map(move |start| Ok(data.slice(start..data.len().min(start + frame_bytes)))))
}

pub(crate) async fn read_all(stream: Result<crate::ByteStream>) -> Result<Vec<u8>> {
    let pieces: Vec<Bytes> = stream?.try_collect().await?;
    Ok(pieces.concat())
}

pub(crate) fn all(size: u64) -> ByteRange {
    ByteRange::new(0, size)
}

/// Every file in the store but its lock, in order.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false if entry.file_name() == "lock" => {}
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

/// Runs a test in a runtime of its own, so that work left to blocking threads is done when it returns.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test)
}

/// Checks that `operation` fails cleanly at each of its operations on the back end, and works when tried again.
fn check_faults<F: Future<Output = Result<()>>>(operation: impl Fn(Store) -> F) {
    for effective in [false, true] {
        for n in 1.. {
            assert!(n < 200, "the operation ends");
            let folder = folder();
            let failed = run(async {
                let (store, faults) = Faults::open(folder.path(), StoreOptions::default()).await.unwrap();
                faults.fail_at(n, effective);
                let result = operation(store.clone()).await;
                let injected = faults.operations() >= n;
                faults.fail_at(0, false);
                check_whole(&store).await;
                injected.then_some(result)
            });
            assert_eq!(temporary_files(folder.path()), 0, "operation {n} leaves a temporary file");
            let Some(failed) = failed else {
                assert!(n > 3, "operations are counted");
                break;
            };
            if let Err(error) = failed {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "operation {n}: {error}");
            }
            run(async {
                let store = open(&folder).await;
                operation(store.clone()).await.unwrap();
                check_whole(&store).await;
            });
        }
    }
}

/// Whatever can be seen is complete.
async fn check_whole(store: &Store) {
    let xorbs: Vec<_> = store.list_xorbs().try_collect().await.unwrap();
    for (hash, _) in xorbs {
        store.verify_xorb(hash).await.unwrap();
    }
}

fn temporary_files(root: &Path) -> usize {
    std::fs::read_dir(root.join("tmp")).unwrap().count()
}

#[test]
fn a_failed_upload_leaves_nothing() {
    let (index, data) = sample(20, 1);
    check_faults(|store| {
        let (index, data) = (index.clone(), data.clone());
        async move {
            let put = store.put_xorb(index.hash, body(data.clone(), 50_000)).await?;
            assert_eq!(*put.index, index);
            let read = read_all(store.read_xorb(index.hash, all(index.stored_bytes())).await).await?;
            assert!(read == data);
            Ok(())
        }
    });
}

#[test]
fn a_failed_ingest_leaves_nothing() {
    let data = Bytes::from(content(0, 7, 1_500_000));
    check_faults(|store| {
        let data = data.clone();
        async move {
            let size = data.len() as u64;
            let file = store.ingest(body(data.clone(), 1 << 20), Some(size), size, &NoDedup).await?;
            assert_eq!(file.xorbs.len(), 2);
            let read = read_all(store.read_file(file.terms.into(), all(size)).await).await?;
            assert!(read == data);
            Ok(())
        }
    });
}

#[test]
fn a_failed_blob_leaves_nothing() {
    check_faults(|store| async move {
        let [copied, whole] = ["1/2", "1/3"].map(|name| crate::BlobKey::segment(name).unwrap());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![7; 1_500_000]).unwrap();
        store.put_blob_file(&copied, file.path()).await?;
        assert!(store.read_blob(&copied, None).await? == vec![7; 1_500_000]);
        store.put_blob(&whole, Bytes::from_static(b"whole")).await?;
        assert_eq!(read_all(store.stream_blob(&whole, None).await).await?, b"whole");
        store.delete_blob(&whole).await?;
        store.delete_blob(&copied).await?;
        Ok(())
    });
}

#[test]
fn a_full_disk_is_told() {
    let folder = folder();
    run(async {
        let (store, faults) = Faults::open(folder.path(), StoreOptions::default()).await.unwrap();
        let (index, data) = sample(20, 1);
        faults.fill_disk(true);
        let error = store.put_xorb(index.hash, body(data.clone(), 50_000)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full);
        let error = store.put_shard(Bytes::from_static(b"shard")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full);
        faults.fill_disk(false);
        assert!(store.put_xorb(index.hash, body(data, 50_000)).await.unwrap().inserted);
    });
}

/// A small file system, if this process may mount one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(bytes: usize) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={bytes}");
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Self(folder)),
            Ok(output) => {
                println!("skipped: cannot mount: {}", String::from_utf8_lossy(&output.stderr));
                None
            }
            Err(error) => {
                println!("skipped: cannot mount: {error}");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

#[test]
fn a_really_full_disk_keeps_what_is_stored() {
    let Some(disk) = SmallDisk::mount(6 << 20) else {
        return;
    };
    let root = disk.0.path();
    let options = StoreOptions::default;
    let (small, small_data) = sample(10, 1);
    run(async {
        let store = Store::open_local(root, options()).await.unwrap();
        store.put_xorb(small.hash, body(small_data.clone(), 50_000)).await.unwrap();
        let before = files(root);

        let large: Vec<_> = (0..100).map(|seed| content(0, seed, 100_000)).collect();
        let (large, data) = build(&large);
        let error = store.put_xorb(large.hash, body(data, 50_000)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
        let size = 10 << 20;
        let announced = Some(size as u64);
        let ingested =
            store.ingest(body(content(0, 5, size), 50_000), announced, size as u64, &NoDedup).await;
        assert_eq!(ingested.unwrap_err().kind(), ErrorKind::Full);
        let blob = store.put_blob(&crate::BlobKey::upload("1/1").unwrap(), vec![1; size].into()).await;
        assert_eq!(blob.unwrap_err().kind(), ErrorKind::Full);

        assert_eq!(files(root), before);
        let (second, data) = sample(12, 3);
        store.put_xorb(second.hash, body(data, 50_000)).await.unwrap();
        let read = read_all(store.read_xorb(small.hash, all(small.stored_bytes())).await).await.unwrap();
        assert!(read == small_data);

        let ingested = store.ingest(body(content(0, 5, size), 50_000), None, size as u64, &NoDedup).await;
        assert_eq!(ingested.unwrap_err().kind(), ErrorKind::Full);
        check_whole(&store).await;
    });
}

#[tokio::test]
async fn a_shard_is_kept_under_its_hash() {
    let folder = folder();
    let store = open(&folder).await;
    let bytes = Bytes::from_static(b"any bytes");
    let hash = store.put_shard(bytes.clone()).await.unwrap();
    assert_eq!(store.put_shard(bytes.clone()).await.unwrap(), hash);
    let [path] = &files(folder.path())[..] else {
        panic!("one file is stored");
    };
    assert!(path.ends_with(hash.to_string()));
    assert_eq!(store.shard(hash).await.unwrap(), Some(bytes));
    assert_eq!(store.list_shards().try_collect::<Vec<_>>().await.unwrap(), [(hash, 9)]);
    assert_eq!(store.shard(chunk_hash(b"other")).await.unwrap(), None);
    std::fs::write(path, b"Any bytes").unwrap();
    assert_eq!(store.shard(hash).await.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[tokio::test(start_paused = true)]
async fn too_many_uploads_are_turned_away() {
    let folder = folder();
    let options = StoreOptions { max_concurrent_uploads: 1, ..StoreOptions::default() };
    let store = Store::open_local(folder.path(), options).await.unwrap();
    let place = store.upload_place().await.unwrap();
    let (index, data) = sample(2, 1);
    let error = store.put_xorb(index.hash, body(data.clone(), 1000)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    drop(place);
    store.put_xorb(index.hash, body(data, 1000)).await.unwrap();
}

#[test]
fn a_dropped_upload_leaves_nothing() {
    let folder = folder();
    run(async {
        let store = open(&folder).await;
        let (index, data) = sample(20, 1);
        let endless = body(data, 50_000).take(10).chain(stream::pending());
        let mut upload = Box::pin(store.put_xorb(index.hash, endless));
        while files(folder.path()).is_empty() {
            assert!(futures_util::poll!(&mut upload).is_pending());
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_start_removes_what_a_crash_left_but_not_what_is_in_use() {
    let folder = folder();
    let store = open(&folder).await;
    let spool = store.spool_dir().join("spool");
    std::fs::create_dir(&spool).unwrap();
    std::fs::write(spool.join("part"), b"x").unwrap();
    std::fs::write(store.spool_dir().join("object-0"), b"x").unwrap();

    let second = open(&folder).await;
    assert_eq!(files(folder.path()).len(), 2, "the store is in use");
    // The name that the second store would use first is taken.
    second.put_shard(Bytes::from_static(b"shard")).await.unwrap();
    assert_eq!(files(folder.path()).len(), 3);

    drop((store, second));
    let store = open(&folder).await;
    assert_eq!(files(folder.path()).len(), 1);
    assert_eq!(std::fs::read_dir(store.spool_dir()).unwrap().count(), 0);
}

/// Stores xorbs and names each one that is stored, until it is killed.
///
/// It works in the current folder, if the test below made that for it.
#[test]
#[ignore = "runs only as the process that `a_killed_process_keeps_what_it_stored` kills"]
fn store_until_killed() {
    if !Path::new("killed").exists() {
        return;
    }
    run(async {
        let store = Store::open_local(Path::new("store"), StoreOptions::default()).await.unwrap();
        for seed in 0..10_000 {
            let (index, data) = sample(30, seed * 100);
            at_once(2, |_| {
                let (store, hash, data) = (store.clone(), index.hash, data.clone());
                async move { store.put_xorb(hash, body(data, 50_000)).await.unwrap() }
            })
            .await;
            println!("stored {}", index.hash);
        }
    });
}

#[test]
fn a_killed_process_keeps_what_it_stored() {
    use std::io::BufRead as _;
    let folder = folder();
    std::fs::write(folder.path().join("killed"), b"").unwrap();
    for round in 1..=3 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::store_until_killed", "--ignored", "--nocapture"])
            .current_dir(folder.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let output = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let stored =
            output.filter_map(|line| line.unwrap().strip_prefix("stored ").map(|hash| hash.parse().unwrap()));
        let stored: Vec<lyceum_core::XetHash> = stored.take(5 * round).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(stored.len(), 5 * round);
        run(async {
            let root = folder.path().join("store");
            let store = Store::open_local(&root, StoreOptions::default()).await.unwrap();
            for hash in stored {
                assert!(store.has_xorb(hash).await.unwrap().is_some());
            }
            check_whole(&store).await;
            assert_eq!(temporary_files(&root), 0);
        });
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_says_where() {
    let folder = folder();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let error: Error = Store::open_local(&file, StoreOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

/// Shared by tests that look at one store from many tasks.
pub(crate) async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    count: usize,
    task: impl Fn(usize) -> F,
) -> Vec<T> {
    let barrier = Arc::new(tokio::sync::Barrier::new(count));
    let tasks = (0..count).map(|number| {
        let (barrier, task) = (Arc::clone(&barrier), task(number));
        tokio::spawn(async move {
            barrier.wait().await;
            task.await
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

/// CPU seconds of this process so far, user and system.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<f64> =
        stat.rsplit(')').next().unwrap().split(' ').filter_map(|field| field.parse().ok()).collect();
    // Behind the name and the state, the first number is field 4; 14 and 15 are the times, in hundredths.
    (fields[10] + fields[11]) / 100.0
}

/// Prints the cost of `work` over `bytes`.
async fn measure<T>(what: &str, bytes: u64, work: impl Future<Output = T>) -> T {
    let (start, cpu) = (std::time::Instant::now(), cpu_seconds());
    let result = work.await;
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let gigabytes = bytes as f64 / 1e9;
    println!("{what:32} {:5.2} CPU-s/GB  {:5.2} GB/s wall", cpu / gigabytes, gigabytes / wall);
    result
}

#[test]
#[ignore = "a measurement: run in release, alone, with --no-capture"]
fn costs() {
    for (kind, name) in [(0, "random"), (1, "text"), (2, "numbers")] {
        let folder = folder();
        run(async {
            let store = open(&folder).await;
            let chunks: Vec<_> = (0..950).map(|seed| content(kind, seed, 65_536)).collect();
            let (index, data) = build(&chunks);
            let (raw, stored) = (index.raw_bytes(), data.len() as u64);
            for frame_bytes in [16 << 10, 64 << 10, 1 << 20] {
                let repeated = async {
                    for _ in 0..10 {
                        store.delete_xorb(index.hash).await.unwrap();
                        store.put_xorb(index.hash, body(data.clone(), frame_bytes)).await.unwrap();
                    }
                };
                measure(&format!("put_xorb {name}, {} KiB frames", frame_bytes >> 10), 10 * raw, repeated)
                    .await;
            }
            let drain = async |mut stream: crate::ByteStream| {
                while let Some(piece) = stream.next().await {
                    piece.unwrap();
                }
            };
            let terms: Vec<_> = (0..10)
                .map(|_| lyceum_xet::Term {
                    xorb: index.hash,
                    chunks: 0..index.chunk_count(),
                    raw_bytes: raw,
                })
                .collect();
            let repeated = async {
                for _ in 0..10 {
                    drain(store.read_xorb(index.hash, all(stored)).await.unwrap()).await;
                }
            };
            measure(&format!("read_xorb {name}"), 10 * stored, repeated).await;
            let file = store.read_file(terms.into(), all(10 * raw)).await.unwrap();
            measure(&format!("read_file {name}"), 10 * raw, drain(file)).await;
            let size = 256 << 20;
            let file = body(content(kind, 77, size), 64 << 10);
            let ingest = store.ingest(file, Some(size as u64), u64::MAX, &NoDedup);
            measure(&format!("ingest {name}"), size as u64, ingest).await.unwrap();
        });
    }
}
