//! What goes over the wire: types of requests and answers, converted from and to those of `lyceum-hub`.

pub(crate) mod buckets;
pub(crate) mod card;
pub(crate) mod cas;
pub(crate) mod collections;
pub(crate) mod commit;
pub(crate) mod discussions;
pub(crate) mod gate;
pub(crate) mod identity;
pub(crate) mod info;
pub(crate) mod lfs;
pub(crate) mod lfs_files;
pub(crate) mod locks;
pub(crate) mod oauth;
pub(crate) mod organisations;
pub(crate) mod people;
pub(crate) mod publishers;
pub(crate) mod refs;
pub(crate) mod repos;
pub(crate) mod safetensors;
pub(crate) mod search;
pub(crate) mod storage;
pub(crate) mod tree;
pub(crate) mod webhooks;
pub(crate) mod xet_token;
