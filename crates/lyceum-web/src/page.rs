//! One file per page: a template with what it shows, and the handler that fills it.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod blob;
pub(crate) mod bucket;
pub(crate) mod collections;
pub(crate) mod commit;
pub(crate) mod commits;
pub(crate) mod community;
pub(crate) mod create;
pub(crate) mod device;
pub(crate) mod discussion;
pub(crate) mod discussions;
pub(crate) mod docs;
pub(crate) mod download;
pub(crate) mod edit;
pub(crate) mod gate;
pub(crate) mod home;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod oidc;
pub(crate) mod organisation;
pub(crate) mod repo;
pub(crate) mod repo_settings;
pub(crate) mod space;
pub(crate) mod tree;
pub(crate) mod webhooks;
