//! The index on disk: opening it, changing it, asking it.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;
use tantivy::directory::{MmapDirectory, RamDirectory};
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::{Directory, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Term};

use crate::entry::{Entry, Kind};
use crate::error::{Error, Result};
use crate::gather::{FacetCounts, Gather, Position};
use crate::query::Query;
use crate::schema::{Fields, VERSION};

/// Most processes that use one folder; each has an index of its own in it.
const MAX_PLACES: usize = 16;
/// Memory for entries that are not yet in files, in bytes.
const WRITER_BYTES: usize = 48 << 20;
/// Answers kept as long as nothing changes.
const ANSWERS: usize = 1024;

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Hits {
    /// The rows of the hits, in order.
    pub ids: Vec<i64>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<Position>,
    /// How many hits there are on all pages.
    pub total: u64,
    /// The values of facets among all hits, if asked for.
    pub facets: FacetCounts,
    /// Whether nothing fitted as it was written, and typing mistakes were forgiven.
    pub loose: bool,
}

/// An index. What was put in or removed shows after the next [`commit`](Self::commit).
pub struct Index {
    fields: Fields,
    writer: Mutex<IndexWriter>,
    reader: IndexReader,
    answers: Cache<(u64, Query), Arc<Hits>>,
    /// Keeps other processes away from the files.
    _lock: Option<File>,
}

impl Index {
    /// Opens the index in a folder, or in memory. One that is missing, damaged or of another version is made anew: then
    /// it has no [`cursor`](Self::cursor).
    pub fn open(folder: Option<&Path>) -> Result<Self> {
        let Some(folder) = folder else {
            return Self::over(RamDirectory::create(), None);
        };
        for place in 0..MAX_PLACES {
            let place = folder.join(place.to_string());
            fs::create_dir_all(&place)?;
            let lock = File::create(place.join("lock"))?;
            match lock.try_lock() {
                Ok(()) => return Self::open_place(&place.join(format!("v{VERSION}")), &place, lock),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
        Err(Error::Taken(MAX_PLACES))
    }

    fn open_place(files: &Path, place: &Path, lock: File) -> Result<Self> {
        // What other versions left behind.
        for entry in fs::read_dir(place)? {
            let path = entry?.path();
            if path.is_dir() && path != files {
                fs::remove_dir_all(path)?;
            }
        }
        fs::create_dir_all(files)?;
        let open = |lock| Self::over(MmapDirectory::open(files).map_err(tantivy::TantivyError::from)?, lock);
        open(None)
            .and_then(|index| index.check().map(|()| index))
            .or_else(|_| {
                fs::remove_dir_all(files)?;
                fs::create_dir_all(files)?;
                open(None)
            })
            .map(|index| Self { _lock: Some(lock), ..index })
    }

    fn over(directory: impl Into<Box<dyn Directory>>, lock: Option<File>) -> Result<Self> {
        let (schema, fields) = Fields::new();
        let index = tantivy::IndexBuilder::new()
            .schema(schema)
            .settings(IndexSettings::default())
            .open_or_create(directory)?;
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(WRITER_BYTES)
            .build();
        let writer: IndexWriter = index.writer_with_options(options)?;
        writer.set_merge_policy(Box::new(LogMergePolicy::default()));
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let answers = Cache::new(ANSWERS);
        Ok(Self { fields, writer: Mutex::new(writer), reader, answers, _lock: lock })
    }

    /// Reads every file to its end: what a crash or a disk has damaged is found now, not in the middle of a search.
    fn check(&self) -> Result<()> {
        let damaged = self.reader.searcher().index().validate_checksum()?;
        if damaged.is_empty() {
            return Ok(());
        }
        Err(tantivy::TantivyError::InternalError(format!("{} files are damaged", damaged.len())).into())
    }

    /// Returns what was noted with the last commit; `None` if there was none.
    pub fn cursor(&self) -> Result<Option<String>> {
        Ok(self.reader.searcher().index().load_metas()?.payload)
    }

    /// Removes everything.
    pub fn clear(&self) -> Result<()> {
        self.writer().delete_all_documents()?;
        Ok(())
    }

    /// Puts entries in, each in the place of what stood for the same thing.
    pub fn put(&self, entries: &[Entry]) -> Result<()> {
        let writer = self.writer();
        for entry in entries {
            writer.delete_term(Term::from_field_text(self.fields.key, &entry.kind.key(entry.id)));
            writer.add_document(self.fields.document(entry))?;
        }
        Ok(())
    }

    /// Removes what stands for a thing, if anything does. All kinds of repos count as one here, and so do all accounts.
    pub fn remove(&self, kind: Kind, id: i64) {
        self.writer().delete_term(Term::from_field_text(self.fields.key, &kind.key(id)));
    }

    /// Makes all changes visible and durable, with a note of how far they reach.
    pub fn commit(&self, cursor: &str) -> Result<()> {
        let mut writer = self.writer();
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(cursor);
        commit.commit()?;
        self.reader.reload()?;
        Ok(())
    }

    /// Answers a query. If nothing fits as it is written, typing mistakes are forgiven, and so on the pages that follow.
    pub fn search(&self, query: &Query) -> Result<Arc<Hits>> {
        let key = (self.reader.searcher().generation().generation_id(), query.clone());
        self.answers.get_or_insert_with(&key, || {
            let loose = query.after.is_some_and(|after| after.loose);
            let hits = self.gather(query, loose)?;
            if hits.total > 0 || loose || query.words.is_empty() {
                return Ok(Arc::new(hits));
            }
            let forgiving = self.gather(query, true)?;
            Ok(Arc::new(if forgiving.total > 0 { forgiving } else { hits }))
        })
    }

    fn gather(&self, query: &Query, loose: bool) -> Result<Hits> {
        let Some(engine_query) = query.build(&self.fields, loose) else {
            return Ok(Hits::default());
        };
        let mut found = self.reader.searcher().search(&*engine_query, &Gather::new(query))?;
        let hits = found.hits(query, loose);
        Ok(Hits {
            ids: hits.iter().map(|hit| hit.id).collect(),
            // A full page has a next one, which may be empty.
            next: hits.last().copied().filter(|_| hits.len() == query.limit),
            total: found.total(),
            facets: found.facets(),
            loose,
        })
    }

    fn writer(&self) -> std::sync::MutexGuard<'_, IndexWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
