//! Every limit that more than one crate must agree on, each with its unit and its reason.

/// Longest account or repo name; the clients' own rule.
pub const MAX_NAME_CHARS: usize = 96;
/// Longest revision or reference name.
pub const MAX_REF_BYTES: usize = 255;
/// Longest path inside a repo.
pub const MAX_PATH_BYTES: usize = 1024;
/// Longest path segment: what file systems take.
pub const MAX_PATH_SEGMENT_BYTES: usize = 255;
/// Deepest folder nesting.
pub const MAX_PATH_DEPTH: usize = 64;
/// Most files in one revision: some jobs list them all.
pub const MAX_REVISION_FILES: u64 = 1_000_000;
/// Length of all paths in one revision in bytes: those of as many files, at a generous length.
pub const MAX_REVISION_PATH_BYTES: u64 = 256 * 1024 * 1024;
/// Most ranges honoured in one `Range` header.
pub const MAX_RANGES: usize = 1024;

/// Largest chunk of the Xet format, uncompressed.
pub const MAX_CHUNK_BYTES: usize = 128 * 1024;
/// Largest xorb, without its footer.
pub const MAX_XORB_BYTES: u64 = 64 * 1024 * 1024;
/// Most chunks in a xorb.
pub const MAX_XORB_CHUNKS: usize = 8192;
/// Largest shard that a client may upload.
pub const MAX_SHARD_BYTES: usize = 64 * 1024 * 1024;

/// Regular files above this size must be uploaded as large files.
pub const MAX_REGULAR_FILE_BYTES: u64 = 10 * 1024 * 1024;
/// Longest line of a commit body: a regular file of the largest size in base64, with room for its path.
pub const MAX_COMMIT_LINE_BYTES: usize = 16 * 1024 * 1024;
/// Most operations in one commit.
pub const MAX_COMMIT_OPERATIONS: usize = 100_000;
/// Largest file that the hub accepts.
pub const MAX_FILE_BYTES: u64 = 1 << 41;
/// Git objects up to this many deflated bytes per segment stay inside the database row.
pub const MAX_INLINE_SEGMENT_BYTES: usize = 64 * 1024;
/// Largest JSON or form body of an ordinary API call.
pub const MAX_JSON_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Cookie with the secret of a browser's session: pages set it, and pictures that they show are asked for with it.
pub const SESSION_COOKIE: &str = "lyceum_session";
/// Longest value of a cookie that is looked at.
pub const MAX_COOKIE_BYTES: usize = 256;
/// Most files in one preupload, LFS batch or paths-info call.
pub const MAX_BATCH_FILES: usize = 1000;
/// Entries on one page of a tree listing; llama.cpp reads only the first page.
pub const TREE_PAGE_ENTRIES: usize = 1000;
/// Most entries on one page of any other listing.
pub const MAX_PAGE_ENTRIES: usize = 1000;
/// Longest commit message (summary and description).
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Largest file that can be shown in a comment: a short video.
pub const MAX_ATTACHMENT_BYTES: u64 = 64 * 1024 * 1024;
/// Largest README whose front matter is read.
pub const MAX_CARD_BYTES: usize = 1024 * 1024;

/// Most operations in one batch on a bucket; the clients send no more.
pub const MAX_BUCKET_OPERATIONS: usize = 1000;
/// Changes of a bucket that are kept for those who follow it.
pub const MAX_BUCKET_EVENTS: u64 = 10_000;
