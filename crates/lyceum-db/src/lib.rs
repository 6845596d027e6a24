//! Schema, migrations and every SQL query, for SQLite and PostgreSQL.
//!
//! One query text serves both databases, through sqlx's `Any` driver. Column types are `BIGINT`, `TEXT`,
//! `DOUBLE PRECISION` and bytes only; [`Dialect`] holds what differs. Conflicts (a name that is taken, a reference that
//! moved) are values; an [`Error`] means that the database could not answer. This crate knows no policy: it answers what
//! it is asked, and who may ask is decided above it.

mod access;
mod account;
mod attachment;
mod bucket;
mod catalogue;
mod collection;
mod db;
mod device;
mod dialect;
mod discussion;
mod download;
mod error;
mod event;
mod follow;
mod garbage;
mod git;
mod identity;
mod info;
mod job;
mod lfs;
mod list;
mod migrate;
mod mirror;
mod profile;
mod publisher;
mod queries;
mod quota;
mod readers;
mod repo;
mod resource_group;
mod setting;
mod token;
mod usage;
mod value;
mod webhook;
mod writer;
mod xet;
mod xet_file;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use access::{AccessRequest, NewAccessRequest, RequestState, Standing};
pub use account::{Account, AccountKind, NewAccount, Role};
pub use attachment::Attachment;
pub use bucket::event::{BucketChange, BucketEvent};
pub use bucket::{Bucket, BucketFile};
pub use catalogue::{CatalogueChange, CatalogueRepo, ListedRepo};
pub use collection::{
    Collection, CollectionChange, CollectionItem, CollectionQuery, CollectionSort, NewCollection,
    NewCollectionItem,
};
pub use db::{Db, DbOptions, Reader, Tx};
pub use device::{DeviceGrant, GrantState};
pub use dialect::Dialect;
pub use discussion::{Discussion, DiscussionEvent, DiscussionQuery, DiscussionStatus, NewDiscussionEvent};
pub use download::DownloadCount;
pub use error::{Error, Kind, Result};
pub use event::{Chain, Event, EventQuery, NewEvent};
pub use git::{NewSegment, Ref, SegmentData, SegmentRow};
pub use info::{Facet, RepoInfo};
pub use job::{Job, JobState, Lane, QueueState};
pub use lfs::lock::LfsLock;
pub use lfs::{Upload, UploadPart};
pub use list::{ListQuery, Sort, Viewer, ViewerScope};
pub use mirror::Mirror;
pub use profile::{OrgCounts, UserCounts};
pub use publisher::{NewPublisher, Publisher, PublisherOf};
pub use queries::Queries;
pub use quota::{OwnedFile, Quota};
pub use repo::{Gated, NewRepo, Repo, RepoAccess, RepoSettings, RepoWithRef, Visibility};
pub use resource_group::ResourceGroup;
pub use token::{NewToken, RefreshToken, Token, TokenKind, TokenRole};
pub use usage::{OwnerUsage, Usage};
pub use webhook::{
    Delivery, DeliveryEnd, DeliveryState, Watched, Watcher, Webhook, WebhookSecret, WebhookSettings,
};
pub use xet::XorbRow;
pub use xet_file::{RepoFile, XetFile};

#[cfg(test)]
mod tests;
