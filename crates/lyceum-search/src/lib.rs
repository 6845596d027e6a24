//! The catalogue index: finds repos and accounts by parts of their names, by their texts and by facets, counts what
//! there is, and forgives typing mistakes.
//!
//! It holds nothing that cannot be made again from the database, so what is broken is thrown away. It never answers
//! with more than the [`Viewer`] may see, not even in a count; who may see what is decided by whoever fills it. All
//! calls block.

mod entry;
mod error;
mod gather;
mod index;
mod query;
mod schema;
mod text;

pub use entry::{Entry, Facet, Grant, Kind, Order};
pub use error::{Error, Result};
pub use gather::{FacetCounts, Position};
pub use index::{Hits, Index};
pub use query::{Look, Query, Scope, Sort, Viewer};

#[cfg(test)]
mod tests;
