//! What can go wrong with an index.

use tantivy::TantivyError;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// The index could not be read or written: it should be opened anew.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine failed, or its files are damaged.
    #[error("the search index cannot be used")]
    Engine(#[from] TantivyError),
    /// The folder cannot be used.
    #[error("the folder of the search index cannot be used")]
    Folder(#[from] std::io::Error),
    /// Other processes hold every place in the folder.
    #[error("{0} processes use the folder of the search index already")]
    Taken(usize),
}
