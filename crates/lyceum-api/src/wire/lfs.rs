//! Git LFS: batches and what belongs to them (`docs/api/batch.md` of git-lfs).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Body of `…/info/lfs/objects/batch`.
#[derive(Debug, Deserialize)]
pub(crate) struct BatchRequest {
    /// `upload` or `download`.
    pub(crate) operation: String,
    /// Ways that the client knows; `basic` when absent.
    #[serde(default)]
    pub(crate) transfers: Vec<String>,
    /// What the objects are for.
    #[serde(default)]
    pub(crate) r#ref: Option<RefWire>,
    /// The objects.
    pub(crate) objects: Vec<ObjectWire>,
    /// How objects are named; `sha256` when absent.
    #[serde(default)]
    pub(crate) hash_algo: Option<String>,
}

/// A reference by name.
#[derive(Debug, Deserialize)]
pub(crate) struct RefWire {
    /// Its name; empty where a client knows none.
    #[serde(default)]
    pub(crate) name: String,
}

/// An object by digest and size.
#[derive(Debug, Deserialize)]
pub(crate) struct ObjectWire {
    /// Hexadecimal SHA-256.
    pub(crate) oid: String,
    /// Size in bytes; what is wrong with it is told beside the object, so any number is read.
    pub(crate) size: i64,
}

/// Answer to a batch.
#[derive(Debug, Serialize)]
pub(crate) struct BatchAnswer {
    /// The way chosen.
    pub(crate) transfer: &'static str,
    /// The objects, in the order asked.
    pub(crate) objects: Vec<ObjectAnswer>,
    /// How objects are named.
    pub(crate) hash_algo: &'static str,
}

/// What to do with an object. Neither actions nor error: nothing, it is stored.
#[derive(Debug, Serialize)]
pub(crate) struct ObjectAnswer {
    /// Its digest, as the client wrote it.
    pub(crate) oid: String,
    /// Its size.
    pub(crate) size: i64,
    /// Whether the actions' addresses need no credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) authenticated: Option<bool>,
    /// Steps by name: `upload`, `verify`, `download`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) actions: BTreeMap<&'static str, ActionWire>,
    /// Why it cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ObjectError>,
}

/// One step.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ActionWire {
    /// Where to.
    pub(crate) href: String,
    /// Headers to send, or what a transfer needs to know.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) header: BTreeMap<String, String>,
}

/// Why an object cannot be had.
#[derive(Debug, Serialize)]
pub(crate) struct ObjectError {
    /// Like an HTTP status.
    pub(crate) code: u16,
    /// In words.
    pub(crate) message: String,
}

/// Body that completes a multipart upload.
#[derive(Debug, Deserialize)]
pub(crate) struct CompleteRequest {
    /// The parts.
    pub(crate) parts: Vec<PartWire>,
}

/// One stored part.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartWire {
    /// From 1.
    pub(crate) part_number: u32,
    /// The `ETag` of its upload, with or without quotes.
    pub(crate) etag: String,
}
