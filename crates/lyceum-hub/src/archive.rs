//! All files of a revision in one archive, written while it is sent.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _, stream};
use lyceum_core::limits::TREE_PAGE_ENTRIES;
use lyceum_core::{ByteRange, Oid, RepoId, RepoKind, Revision};
use lyceum_git::{ArchiveEntry, ArchiveFormat, ArchiveWriter, Commit, Listed, Listing, Mode, Objects as _};
use lyceum_store::ByteStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::{Action, Caller, Entry, Error, ErrorKind, Hub, Repo, Result};

/// Bytes that are collected before they are sent on.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that may wait for a slow reader.
const MAX_WAITING_PIECES: usize = 2;
/// How long a reader may take nothing.
const MAX_STALL: Duration = Duration::from_secs(120);
/// Most archives that are written at once: each holds the trees on its way, and a zip also a table of its files.
pub(crate) const MAX_ARCHIVES: usize = 32;
/// Content from this size on is compressed away from the threads that answer requests.
const HEAVY_BYTES: usize = 32 * 1024;

/// The bytes of an archive.
pub type ArchiveStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// What an archive is to be like.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveOptions {
    /// Its format.
    pub format: ArchiveFormat,
    /// Whether large files are their pointers, as in git, instead of their content.
    pub pointers: bool,
}

/// A revision that is ready to be archived.
#[derive(Debug, Clone)]
pub struct ArchiveHandle {
    /// The repo that was opened for reading.
    pub repo: Repo,
    /// The commit.
    pub commit: Oid,
    options: ArchiveOptions,
    etag: Option<String>,
}

impl ArchiveHandle {
    /// Returns the name of the folder that everything in the archive is in.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.repo.id().name(), &self.commit.to_string()[..8])
    }

    /// Returns a name for the archive.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.folder(), self.options.format.extension())
    }

    /// Returns the entity tag without quotes; `None` if the same commit may make another archive at any time.
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Reports whether the same commit always makes the same archive.
    pub fn fixed(&self) -> bool {
        self.options.pointers
    }
}

impl Hub {
    /// Opens a repo for reading and finds the commit to be archived.
    pub async fn open_archive(
        &self,
        caller: &Caller,
        kind: RepoKind,
        id: &RepoId,
        revision: &Revision,
        options: ArchiveOptions,
    ) -> Result<ArchiveHandle> {
        let (repo, commit) = self.open_at(caller, kind, id, revision, Action::Read).await?;
        self.archive_handle(repo, commit, options).await
    }

    /// Finds the commit to be archived in a repo opened for reading.
    pub async fn archive(
        &self,
        repo: &Repo,
        revision: &Revision,
        options: ArchiveOptions,
    ) -> Result<ArchiveHandle> {
        if repo.action < Action::Read {
            return Err(Error::internal("an archive was asked of a repo that was not opened for reading"));
        }
        let commit = self.resolve(repo, revision).await?;
        self.archive_handle(repo.clone(), commit, options).await
    }

    async fn archive_handle(
        &self,
        repo: Repo,
        commit: Oid,
        options: ArchiveOptions,
    ) -> Result<ArchiveHandle> {
        let extension = options.format.extension();
        let etag = if options.pointers {
            Some(format!("{commit}-{extension}-pointers"))
        } else if repo.record.mirror {
            // Files come while it is written.
            None
        } else {
            // What is not stored is there as its pointer, and files may be deleted and come again.
            let (files, bytes) = self.inner.db.read().await?.repo_file_totals(repo.record.id).await?;
            Some(format!("{commit}-{extension}-content-{files}-{bytes}"))
        };
        Ok(ArchiveHandle { repo, commit, options, etag })
    }

    /// Streams an archive. A large file whose content is not stored here is there as its pointer.
    pub fn read_archive(&self, archive: &ArchiveHandle) -> Result<ArchiveStream> {
        let turn = self.inner.archives.clone().try_acquire_owned();
        let turn = turn
            .map_err(|_| Error::new(ErrorKind::Unavailable, "too many archives at once; please try again"))?;
        let (pieces, receiver) = mpsc::channel(MAX_WAITING_PIECES);
        let (hub, archive) = (self.clone(), archive.clone());
        // On a task of its own, which ends when nobody takes the pieces any more.
        tokio::spawn(async move {
            let written = hub.write_archive(&archive, &pieces).await;
            drop(turn);
            if let Err(error) = written {
                pieces.send(Err(error)).await.ok();
            }
        });
        Ok(Box::pin(stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|piece| (piece, receiver))
        })))
    }

    async fn write_archive(
        &self,
        archive: &ArchiveHandle,
        pieces: &mpsc::Sender<Result<Bytes>>,
    ) -> Result<()> {
        let ArchiveHandle { repo, commit, options, .. } = archive;
        let objects = self.objects(repo).session();
        let object = objects.read(*commit).await.map_err(Error::internal)?;
        let parsed = Commit::parse(&object.data).map_err(Error::internal)?;
        let (tree, seconds) = (parsed.tree, parsed.committer.seconds);
        let writer = ArchiveWriter::new(options.format, *commit, seconds, &archive.folder());
        let mut sink =
            Sink { writer: Some(writer), pieces, compresses: options.format != ArchiveFormat::Tar };
        let mut listing = Listing::new(&objects, tree).await.map_err(Error::internal)?;
        loop {
            let page = listing.page(TREE_PAGE_ENTRIES).await.map_err(Error::internal)?;
            let full = page.len() == TREE_PAGE_ENTRIES;
            let large =
                if options.pointers { Vec::new() } else { self.large_files(repo, *commit, &page).await? };
            // Both are in the same order.
            let mut large = large.into_iter().peekable();
            for listed in page {
                let found = large.next_if(|entry| entry.path == listed.path);
                let content = match found.as_ref().and_then(|entry| entry.xet_hash) {
                    Some(hash) => self.terms(hash).await?,
                    None => None,
                };
                match (content, found) {
                    (Some(terms), Some(entry)) => {
                        let range = ByteRange::new(0, entry.size);
                        let content = self.inner.store.read_file(terms, range).await?;
                        sink.stream(&listed, entry.size, content).await?;
                    }
                    _ if matches!(listed.mode, Mode::Folder | Mode::Submodule) => {
                        sink.whole(&listed, Bytes::new()).await?;
                    }
                    _ => {
                        let object = objects.read(listed.oid).await.map_err(Error::internal)?;
                        sink.whole(&listed, object.data.clone()).await?;
                    }
                }
            }
            if !full {
                break;
            }
        }
        sink.finish().await
    }

    /// Returns the large files of a page whose content is stored here.
    async fn large_files(&self, repo: &Repo, commit: Oid, page: &[Listed]) -> Result<Vec<Entry>> {
        let files = page.iter().filter(|entry| matches!(entry.mode, Mode::File | Mode::Executable));
        let entries = self.describe(repo, commit, files.cloned().collect(), false).await?;
        Ok(entries.into_iter().filter(|entry| entry.xet_hash.is_some()).collect())
    }
}

/// Puts entries into an archive and sends on what that makes.
struct Sink<'a> {
    /// Away only while it compresses, and after a failure.
    writer: Option<ArchiveWriter>,
    pieces: &'a mpsc::Sender<Result<Bytes>>,
    compresses: bool,
}

impl Sink<'_> {
    /// Adds a file, link or folder by its object.
    async fn whole(&mut self, listed: &Listed, content: Bytes) -> Result<()> {
        let link = listed.mode == Mode::Symlink;
        let entry = ArchiveEntry {
            path: &listed.path,
            mode: listed.mode,
            oid: listed.oid,
            bytes: content.len() as u64,
            incompressible: false,
            target: if link { &content } else { b"" },
        };
        self.writer()?.begin(&entry).map_err(Error::internal)?;
        if link { self.send_ready().await } else { self.write(content).await }
    }

    /// Adds a large file.
    async fn stream(&mut self, listed: &Listed, bytes: u64, mut content: ByteStream) -> Result<()> {
        let entry = ArchiveEntry {
            path: &listed.path,
            mode: listed.mode,
            oid: listed.oid,
            bytes,
            // Weights and compressed media: time would be spent for nothing.
            incompressible: true,
            target: b"",
        };
        self.writer()?.begin(&entry).map_err(Error::internal)?;
        self.send_ready().await?;
        while let Some(piece) = content.try_next().await? {
            self.write(piece).await?;
        }
        Ok(())
    }

    async fn write(&mut self, data: Bytes) -> Result<()> {
        if self.compresses && data.len() >= HEAVY_BYTES {
            let mut writer = self.writer.take().ok_or_else(failed)?;
            let compress = move || writer.write(&data).map(|()| writer);
            let written = tokio::task::spawn_blocking(compress).await.map_err(Error::internal)?;
            self.writer = Some(written.map_err(Error::internal)?);
        } else {
            self.writer()?.write(&data).map_err(Error::internal)?;
        }
        self.send_ready().await
    }

    /// Sends on what was made, if it is enough.
    async fn send_ready(&mut self) -> Result<()> {
        if self.writer()?.ready_bytes() < PIECE_BYTES {
            return Ok(());
        }
        let piece = self.writer()?.take();
        self.send(piece).await
    }

    async fn finish(mut self) -> Result<()> {
        let writer = self.writer.take().ok_or_else(failed)?;
        let piece = writer.finish().map_err(Error::internal)?;
        self.send(piece).await
    }

    async fn send(&self, piece: Bytes) -> Result<()> {
        let sent = timeout(MAX_STALL, self.pieces.send(Ok(piece))).await;
        sent.ok().and_then(Result::ok).ok_or_else(|| Error::internal("nobody takes the archive any more"))
    }

    fn writer(&mut self) -> Result<&mut ArchiveWriter> {
        self.writer.as_mut().ok_or_else(failed)
    }
}

fn failed() -> Error {
    Error::internal("an archive was written to after it had failed")
}

#[cfg(test)]
mod tests;
