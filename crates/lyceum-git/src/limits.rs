//! The limits of this crate, each with its unit and its reason.

/// Largest object, inflated: room for a tree of [`MAX_TREE_ENTRIES`] names, far above any regular file.
pub const MAX_OBJECT_BYTES: u64 = 128 * 1024 * 1024;
/// Most entries in one folder.
pub const MAX_TREE_ENTRIES: usize = 1_000_000;
/// Most header lines of a commit or tag; a signature has one line per 64 bytes.
pub const MAX_HEADER_LINES: usize = 10_000;
/// Most parents of a commit; an octopus merge has a handful.
pub const MAX_PARENTS: usize = 1000;
/// Deepest folder nesting that is walked; pushed trees may be deeper than the API would make them.
pub const MAX_TREE_DEPTH: usize = 256;
/// Longest path of a folder that is walked through: what file systems take.
pub const MAX_FOLDER_BYTES: usize = 4096;
/// Most trees that one diff reads, so that trees which contain the same subtree many times cannot explode.
pub const MAX_DIFF_TREES: usize = 100_000;
/// Most paths in conflict that one merge tells of.
pub const MAX_CONFLICTS: usize = 1000;
/// Most differing lines that one comparison of two files looks for; beyond, the whole middle counts as replaced.
pub const MAX_LINE_EDITS: usize = 1000;
/// Most commits that one search for last commits or merge bases reads.
pub const MAX_WALKED_COMMITS: usize = 100_000;
/// Longest chain of tags that point to tags.
pub const MAX_TAG_DEPTH: usize = 8;
/// Most objects in one segment: what a pack header can count.
pub const MAX_SEGMENT_OBJECTS: usize = u32::MAX as usize;
/// Longest chain of deltas in a segment, as git makes them by default; what comes with longer ones is stored whole.
pub const MAX_DELTA_CHAIN: usize = 50;
/// Longest chain of deltas that is read, as git makes them at most: pushes that came at the same time may have brought
/// the same objects, and then the chain of one goes on in the segment of another.
pub const MAX_READ_CHAIN: usize = 4095;
/// Most problems that one check reports.
pub const MAX_PROBLEMS: usize = 1000;
/// Bytes of a `.gitattributes` or `.gitignore` that are read; the rest is ignored.
pub const MAX_RULES_BYTES: usize = 64 * 1024;
/// Rules of a `.gitattributes` or `.gitignore` that are read; the rest is ignored.
pub const MAX_RULES: usize = 1000;
/// Longest line of a `.gitattributes`; git ignores longer ones too.
pub const MAX_ATTRIBUTE_LINE_BYTES: usize = 2048;
/// Longest glob with wildcards, in tokens; a longer one matches nothing.
pub const MAX_GLOB_TOKENS: usize = 255;
/// Largest table of a zip, which is held until its end: half a million files with paths of usual length.
pub const MAX_ZIP_TABLE_BYTES: usize = 64 * 1024 * 1024;
/// Largest Git LFS pointer file (Git LFS specification, “The Pointer”).
pub const MAX_POINTER_BYTES: usize = 1024;

/// Bytes that a spooled segment collects before it writes them to its file.
pub(crate) const SPOOL_BUFFER_BYTES: usize = 256 * 1024;
/// Deflate cannot expand one byte to more than this many.
pub(crate) const MAX_INFLATE_RATIO: u64 = 1032;
/// Most lines of one request to fetch: a client names what it has, in portions of up to 16,384 commits.
pub const MAX_REQUEST_LINES: usize = 500_000;
/// Most bytes of such a request, after it was inflated: room for as many lines, each with an id.
pub const MAX_REQUEST_BYTES: usize = 32 * 1024 * 1024;
/// Most references that one client is shown.
pub const MAX_ADVERTISED_REFERENCES: usize = 1_000_000;
/// Most commits that one request keeps in memory while it finds out what client and server have in common; beyond,
/// they are read again.
pub(crate) const MAX_KEPT_COMMITS: usize = 200_000;
/// Most steps over commits by which one request finds out whether the client has told enough; beyond, it goes on
/// telling.
pub(crate) const MAX_NEGOTIATION_STEPS: usize = 2_000_000;
/// Most commits that one request for a shallow copy, or for a commit that no reference shows, walks over.
pub(crate) const MAX_SHALLOW_COMMITS: usize = 10_000_000;
/// Most objects in one pack that is sent: each takes some 60 bytes of memory meanwhile.
pub const MAX_SENT_OBJECTS: usize = 10_000_000;
/// Most parents whose trees are compared with the tree of a commit to find what is new in it.
pub(crate) const MAX_COMPARED_PARENTS: usize = 4;
/// Most references whose history one request leaves out by name.
pub(crate) const MAX_EXCLUDED_REFERENCES: usize = 1000;
/// Most prefixes by which one list of references is narrowed down; beyond, all are shown, as git does.
pub(crate) const MAX_REFERENCE_PREFIXES: usize = 1000;
