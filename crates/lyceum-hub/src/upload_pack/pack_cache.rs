//! Packs of whole histories, kept in a folder for the next clone of the same.
//!
//! Nothing depends on them: a file may go at any time. They are read only for callers who may read the repo, and each
//! belongs to one repo.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

use lyceum_git::wire::{KeepPack, PackCache, PackKey};
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

const EXTENSION: &str = "pack";
/// Bytes that are read ahead. What is written comes in pieces of some size already.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file that has not changed for this long is nobody's any more.
const MAX_WRITING: Duration = Duration::from_secs(24 * 3600);

/// Where packs are kept, and how many bytes of them.
#[derive(Debug, Clone)]
pub struct PackCacheOptions {
    /// A folder of its own, which is made.
    pub folder: PathBuf,
    /// Bytes of all packs together; nothing is kept with 0.
    pub bytes: u64,
}

/// The packs of all repos.
pub(crate) struct Packs(Option<Arc<Shared>>);

struct Shared {
    folder: PathBuf,
    limit: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: HashMap<String, Kept>,
    /// What is being written: the same pack is written once at a time.
    started: HashSet<String>,
    bytes: u64,
    clock: u64,
}

struct Kept {
    bytes: u64,
    used: u64,
}

impl Packs {
    /// Takes over what an earlier process kept; keeps nothing if the folder cannot be used.
    pub(crate) fn open(options: Option<&PackCacheOptions>) -> Self {
        let Some(options) = options.filter(|options| options.bytes > 0) else {
            return Self(None);
        };
        match scan(&options.folder) {
            Ok(found) => {
                let shared =
                    Shared { folder: options.folder.clone(), limit: options.bytes, state: Mutex::default() };
                let mut state = shared.lock();
                for (name, bytes) in found {
                    state.add(name, bytes);
                }
                let surplus = state.surplus(shared.limit);
                drop(state);
                shared.delete(&surplus);
                Self(Some(Arc::new(shared)))
            }
            Err(error) => {
                let folder = options.folder.display();
                tracing::warn!("packs are not kept for the next clone: cannot use `{folder}`: {error}");
                Self(None)
            }
        }
    }

    /// Returns the packs of one repo.
    pub(crate) fn for_repo(&self, repo: i64) -> RepoPacks {
        RepoPacks { shared: self.0.clone(), repo }
    }

    /// Forgets the packs of a repo.
    pub(crate) fn forget(&self, repo: i64) {
        let Some(shared) = &self.0 else {
            return;
        };
        let prefix = format!("{repo}-");
        let mut state = shared.lock();
        let names: Vec<String> =
            state.kept.keys().filter(|name| name.starts_with(&prefix)).cloned().collect();
        for name in &names {
            state.remove(name);
        }
        drop(state);
        shared.delete(&names);
    }
}

/// Lists the packs in a folder, those used longest ago first, and deletes what was left half written.
fn scan(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    fs::create_dir_all(folder)?;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, metadata) = (entry.file_name(), entry.metadata()?);
        let Some(name) = name.to_str().filter(|name| metadata.is_file() && name.ends_with(EXTENSION)) else {
            // Another process may be at work on it, but hardly for so long.
            if metadata.modified()?.elapsed().is_ok_and(|age| age > MAX_WRITING) {
                drop(fs::remove_file(entry.path()));
            }
            continue;
        };
        let at = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        found.push((at, name.to_owned(), metadata.len()));
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, name, bytes)| (name, bytes)).collect())
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn delete(&self, names: &[String]) {
        for name in names {
            // Whoever reads it now reads on.
            drop(fs::remove_file(self.path(name)));
        }
    }
}

impl State {
    fn add(&mut self, name: String, bytes: u64) {
        self.remove(&name);
        self.clock += 1;
        self.bytes += bytes;
        self.kept.insert(name, Kept { bytes, used: self.clock });
    }

    fn remove(&mut self, name: &str) {
        if let Some(kept) = self.kept.remove(name) {
            self.bytes -= kept.bytes;
        }
    }

    /// Forgets those used longest ago until the others fit.
    fn surplus(&mut self, limit: u64) -> Vec<String> {
        let mut names = Vec::new();
        while self.bytes > limit {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(name, _)| name.clone());
            let Some(name) = oldest else {
                break;
            };
            self.remove(&name);
            names.push(name);
        }
        names
    }
}

/// The packs of one repo.
pub(crate) struct RepoPacks {
    shared: Option<Arc<Shared>>,
    repo: i64,
}

impl RepoPacks {
    fn name(&self, key: &PackKey) -> String {
        let digest = Sha256::digest(key);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{hex}.{EXTENSION}", self.repo)
    }
}

impl PackCache for RepoPacks {
    type Kept = tokio::io::BufReader<File>;
    type Keep = Keeping;

    async fn open(&self, key: &PackKey) -> Option<Self::Kept> {
        let shared = self.shared.as_ref()?;
        let name = self.name(key);
        let bytes = {
            let mut state = shared.lock();
            state.clock += 1;
            let clock = state.clock;
            let kept = state.kept.get_mut(&name)?;
            kept.used = clock;
            kept.bytes
        };
        let file = File::open(shared.path(&name)).await.ok();
        let whole = match &file {
            Some(file) => file.metadata().await.is_ok_and(|metadata| metadata.len() == bytes),
            None => false,
        };
        if !whole {
            shared.lock().remove(&name);
            return None;
        }
        let mut file = file?;
        file.set_max_buf_size(BUFFER_BYTES);
        Some(tokio::io::BufReader::with_capacity(BUFFER_BYTES, file))
    }

    async fn keep(&self, key: &PackKey) -> Option<Self::Keep> {
        let shared = self.shared.clone()?;
        let name = self.name(key);
        if !shared.lock().started.insert(name.clone()) {
            return None;
        }
        let started = Started { shared: shared.clone(), name };
        let folder = shared.folder.clone();
        let made = tokio::task::spawn_blocking(move || tempfile::NamedTempFile::new_in(folder)).await;
        let (file, path) = made.ok()?.ok()?.into_parts();
        Some(Keeping { file: File::from_std(file), path, bytes: 0, started })
    }
}

/// Says that a pack is being written, until dropped.
struct Started {
    shared: Arc<Shared>,
    name: String,
}

impl Drop for Started {
    fn drop(&mut self) {
        self.shared.lock().started.remove(&self.name);
    }
}

/// A pack that is being written; its file goes with it unless it is finished.
pub(crate) struct Keeping {
    file: File,
    path: TempPath,
    bytes: u64,
    started: Started,
}

impl AsyncWrite for Keeping {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.bytes > self.started.shared.limit {
            return Poll::Ready(Err(io::Error::other("the pack is larger than all that may be kept")));
        }
        let written = Pin::new(&mut self.file).poll_write(context, data);
        if let Poll::Ready(Ok(bytes)) = written {
            self.bytes += bytes as u64;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(context)
    }
}

impl KeepPack for Keeping {
    async fn finish(self) {
        let Self { mut file, path, bytes, started } = self;
        // The client has its pack; it does not wait for the disk.
        tokio::spawn(async move {
            if file.flush().await.is_err() || file.sync_all().await.is_err() {
                return;
            }
            let done = tokio::task::spawn_blocking(move || {
                let shared = &started.shared;
                if path.persist(shared.path(&started.name)).is_ok() {
                    let mut state = shared.lock();
                    state.add(started.name.clone(), bytes);
                    let surplus = state.surplus(shared.limit);
                    drop(state);
                    shared.delete(&surplus);
                }
            });
            // A task that panics was told of by the runtime.
            drop(done.await);
        });
    }
}

#[cfg(test)]
mod tests;
