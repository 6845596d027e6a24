//! Git objects, trees, commits, pack segments, attributes and pointers over an object source.
//!
//! Everything here is pure: objects come from an [`Objects`] source that the caller supplies, new ones go into a
//! [`SegmentWriter`], and nothing knows of SQL, HTTP or the hub's rules. The only file ever touched is the spool file
//! of a segment that grew too large for memory.

pub mod limits;
pub mod wire;

mod archive;
mod attributes;
mod check;
mod commit;
mod config;
mod connect;
mod delta;
mod diff;
mod edit;
mod error;
mod extent;
mod fsck;
mod glob;
mod history;
mod ignore;
mod last_commits;
mod listing;
mod loose;
mod merge;
mod merge_base;
mod object;
mod pack;
mod pack_source;
mod patch;
mod pointer;
mod receiver;
mod reference;
mod segment;
mod signature;
mod tag;
mod tree;

pub use archive::{ArchiveEntry, ArchiveFormat, ArchiveWriter};
pub use attributes::{Attributes, DEFAULT_GITATTRIBUTES};
pub use check::{Problem, Reachable, check_reachable};
pub use commit::Commit;
pub use config::parse_config;
pub use delta::{apply_delta, delta_sizes};
pub use diff::{Change, diff};
pub use edit::{Edit, EditError, edit_tree};
pub use error::{Error, ErrorKind, Result};
pub use extent::{Extent, Extents, climb};
pub use history::{count_commits, log, peel_commit, read_commit};
pub use ignore::Ignore;
pub use last_commits::last_commits;
pub use listing::{Listed, Listing, find, list};
pub use loose::{loose_header, pack_index, pack_whole, read_loose};
pub use merge::{Merged, merge_trees};
pub use merge_base::merge_base;
pub use object::{Object, ObjectKind, Objects, object_id};
pub use pack::{PackLimits, PackReader, ReceivedPack, Resolver};
pub use pack_source::{ObjectHeader, PackSource};
pub use patch::{Content, PatchWriter, RawWriter};
pub use pointer::Pointer;
pub use receiver::{NewEntry, Push, Receiver, RefUpdate, Remarks, Rules, Tip};
pub use reference::{Head, Reference, References};
pub use segment::{
    OFS_DELTA, Packed, REF_DELTA, Segment, SegmentData, SegmentEntry, SegmentIndex, SegmentWriter,
    take_distance, take_entry_header,
};
pub use signature::Signature;
pub use tag::Tag;
pub use tree::{Mode, Tree, TreeEntry, read_tree};

#[cfg(test)]
mod testing;
