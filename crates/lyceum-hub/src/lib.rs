//! Every use case of the hub as a method of [`Hub`]: authorisation, transactions and jobs.
//!
//! No HTTP, no SQL and no HTML here. Front ends turn a request into typed values, open the repo through
//! [`Hub::open`], which is the one access check, and make one call.

mod access;
mod account;
mod admin;
mod archive;
mod attachment;
mod bucket;
mod cache;
mod card;
mod catalogue;
mod collection;
mod commit;
mod compare;
mod derive;
mod device;
mod discussion;
mod download;
mod error;
mod file;
mod fsck;
mod garbage;
mod gate;
mod header;
mod history;
mod hub;
mod info;
mod jobs;
mod lfs;
mod lfs_file;
mod like;
mod list;
mod mirror;
mod objects;
mod oidc;
mod organisation;
mod people;
mod preupload;
mod publisher;
mod push;
mod quota;
mod reference;
mod repo;
mod safetensors;
mod search;
mod signature;
mod squash;
mod throttle;
mod tree;
mod turns;
mod upload_pack;
mod webhook;
mod xet;

pub use access::{Action, Caller, Identity, Permission, Permitted, Repo, ScopeTarget, TokenScope};
pub use account::{
    Account, FineGrained, Membership, NewOrganisation, NewServiceAccount, NewToken, NewUser, ScopedEntity,
    TokenInfo, TokenLimits, WhoAmI,
};
pub use admin::{
    AccountPage, AdministeredAccount, Administration, AuditEvent, EventFilter, EventPage, JobPage,
    MirrorPage, OwnerStorage, StorageReport,
};
pub use archive::{ArchiveHandle, ArchiveOptions, ArchiveStream};
pub use attachment::Attachment;
pub use bucket::{
    BucketBatch, BucketChange, BucketEntry, BucketEvent, BucketFeed, BucketFile, BucketFollower, BucketInfo,
    BucketOperation, BucketPage, BucketResume, BucketTreePage,
};
pub use card::{Problem, Severity};
pub use catalogue::find::{FindQuery, Found, FoundAccounts};
pub use collection::{
    Collection, CollectionFilter, CollectionItem, CollectionItemKind, CollectionMade, CollectionPage,
    CollectionSlug, ItemChange, ItemShown, NewCollectionOf,
};
pub use commit::{CommitBuilder, Committed, Operation};
pub use compare::Comparison;
pub use device::{DevicePoll, DeviceStart, TokenPair};
pub use discussion::{
    Comment, CommentVersion, Discussion, DiscussionDetails, DiscussionEvent, DiscussionFilter,
    DiscussionPage, DiscussionView, EventData, Mergeability,
};
pub use error::{Error, ErrorKind, Result};
pub use file::FileHandle;
pub use fsck::{FsckFinding, FsckReport};
pub use garbage::{GARBAGE_GRACE_DAYS, GarbageReport};
pub use gate::{
    AccessAnswer, AccessRequest, AccessRequestPage, GateField, GateFieldKind, GateForm, GateStanding,
    RequestTarget,
};
pub use header::{FileHeader, HeaderTensor};
pub use history::{CommitInfo, CommitPage};
pub use hub::{Hub, HubOptions};
pub use info::{RepoInfo, Sibling};
pub use lfs::lock::{LfsLock, LfsLockPage, LfsLockQuery, LfsLocking};
pub use lfs::multipart::PartedUpload;
pub use lfs::{LfsAction, LfsAnswer, LfsContent, LfsObject, LfsOperation};
pub use lfs_file::{LfsFile, LfsFilePage};
pub use like::{Like, LikePage};
pub use list::{ListQuery, ListSort, RepoPage};
pub use lyceum_db::{
    AccountKind, CollectionChange, CollectionSort, DiscussionStatus, Gated, JobState, QueueState, Quota,
    RequestState, Role, TokenKind, TokenRole, Usage, Visibility, WebhookSecret,
};
pub use lyceum_fetch::AllowList;
pub use lyceum_git::ArchiveFormat;
pub use lyceum_git::wire::Version as GitVersion;
pub use lyceum_oidc::{ClientSecret, check_issuer};
pub use lyceum_search::{Facet, FacetCounts};
pub use lyceum_store::ByteStream;
pub use mirror::{
    InvalidPattern, MIN_EVERY_SECONDS, MirrorInfo, MirrorSource, NewMirror, PullThrough, RepoPattern,
    SyncReport, Upstream,
};
pub use oidc::{GroupRole, OidcProvider, OidcReturn, OidcSession, probe_provider};
pub use organisation::{GroupMember, MemberPage, NewResourceGroup, ResourceGroup, ResourceGroupPage};
pub use people::{Overview, OverviewOf, PeopleOf, PeoplePage, Person};
pub use preupload::{PreuploadAnswer, PreuploadFile, UploadMode};
pub use publisher::{NewPublisher, Publisher, PublisherToken, Publishers};
pub use push::PushTarget;
pub use quota::StorageLimits;
pub use reference::{NewBranch, Reference, References};
pub use repo::{NewRepo, RepoChange};
pub use safetensors::SafetensorsMetadata;
pub use search::{QuickHits, QuickQuery};
pub use tree::{Entry, EntryKind, LfsEntry, TreeOptions, TreePage};
pub use turns::Party;
pub use upload_pack::GitFetch;
pub use upload_pack::pack_cache::PackCacheOptions;
pub use webhook::{Delivery, DeliveryPage, DeliveryState, Watched, Webhook, WebhookChange, parse_watched};
pub use xet::{Reconstruction, ReconstructionFetch, ShardOutcome, XetGrant, XetScope, XetToken};

#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(test)]
mod tests;
