//! Creating, deleting, moving, duplicating and changing repos.

use bytes::Bytes;
use lyceum_core::{AccountName, RepoId, RepoKind, RepoPath};
use lyceum_hub::{ErrorKind, Gated, NewRepo, RepoChange, Visibility};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::commit::decode;
use crate::error::{ApiError, ApiResult};

/// Body of `/api/repos/create`. What only hosted spaces have (hardware, secrets and so on) is not looked at.
#[derive(Debug, Deserialize)]
pub(crate) struct CreateWire {
    name: String,
    organization: Option<String>,
    r#type: Option<String>,
    visibility: Option<String>,
    private: Option<bool>,
    sdk: Option<String>,
    license: Option<String>,
    /// What the first commit has besides what every repo begins with.
    files: Option<Vec<NewFileWire>>,
    /// Id of the resource group to make it in.
    #[serde(rename = "resourceGroupId")]
    pub(crate) resource_group: Option<String>,
}

/// A file that a new repo begins with.
#[derive(Debug, Deserialize)]
struct NewFileWire {
    path: String,
    content: String,
    encoding: Option<String>,
}

impl NewFileWire {
    fn read(self) -> ApiResult<(RepoPath, Bytes)> {
        let content = decode(&self.path, &self.content, self.encoding.as_deref());
        Ok((RepoPath::parse(&self.path)?, content.map_err(ApiError::invalid)?))
    }
}

impl TryFrom<CreateWire> for NewRepo {
    type Error = ApiError;

    fn try_from(wire: CreateWire) -> ApiResult<Self> {
        let (namespace, name) = split_name(wire.organization, wire.name)?;
        Ok(Self {
            kind: kind(wire.r#type.as_deref())?,
            namespace,
            name,
            visibility: visibility(wire.visibility.as_deref(), wire.private)?,
            sdk: wire.sdk,
            license: wire.license.filter(|license| !license.is_empty()),
            files: wire.files.into_iter().flatten().map(NewFileWire::read).collect::<ApiResult<_>>()?,
        })
    }
}

/// Body of `/api/repos/delete`.
#[derive(Debug, Deserialize)]
pub(crate) struct DeleteWire {
    name: String,
    organization: Option<String>,
    r#type: Option<String>,
}

impl DeleteWire {
    /// Returns kind and id; `own` is the namespace when none is named.
    pub(crate) fn target(self, own: &AccountName) -> ApiResult<(RepoKind, RepoId)> {
        let (namespace, name) = split_name(self.organization, self.name)?;
        let id = RepoId::new(namespace.unwrap_or_else(|| own.clone()), &name)
            .map_err(|_| ApiError::repo_not_found())?;
        Ok((kind(self.r#type.as_deref())?, id))
    }
}

/// Body of `/api/repos/move`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoveWire {
    from_repo: String,
    to_repo: String,
    r#type: Option<String>,
}

impl MoveWire {
    /// Returns kind, old and new id.
    pub(crate) fn parse(self) -> ApiResult<(RepoKind, RepoId, RepoId)> {
        let from = RepoId::parse(&self.from_repo).map_err(|_| ApiError::repo_not_found())?;
        let kind = match self.r#type.as_deref() {
            Some("bucket") => RepoKind::Bucket,
            word => kind(word)?,
        };
        Ok((kind, from, RepoId::parse(&self.to_repo)?))
    }
}

/// Body of `…/duplicate`.
#[derive(Debug, Deserialize)]
pub(crate) struct DuplicateWire {
    repository: String,
    visibility: Option<String>,
    private: Option<bool>,
}

impl DuplicateWire {
    /// Returns the new id and who may see it; `own` is the namespace when none is named.
    pub(crate) fn parse(self, own: &AccountName) -> ApiResult<(RepoId, Option<Visibility>)> {
        let (namespace, name) = split_name(None, self.repository)?;
        let id = RepoId::new(namespace.unwrap_or_else(|| own.clone()), &name)?;
        Ok((id, visibility(self.visibility.as_deref(), self.private)?))
    }
}

/// Body of `…/settings`.
#[derive(Debug, Deserialize)]
pub(crate) struct SettingsWire {
    gated: Option<Value>,
    visibility: Option<String>,
    private: Option<bool>,
}

impl TryFrom<SettingsWire> for RepoChange {
    type Error = ApiError;

    fn try_from(wire: SettingsWire) -> ApiResult<Self> {
        let gated = match wire.gated {
            None => None,
            Some(Value::Bool(false)) => Some(Gated::No),
            Some(Value::String(mode)) if mode == "auto" => Some(Gated::Auto),
            Some(Value::String(mode)) if mode == "manual" => Some(Gated::Manual),
            Some(_) => return Err(ApiError::invalid("`gated` must be one of `auto`, `manual` and false")),
        };
        Ok(Self { visibility: visibility(wire.visibility.as_deref(), wire.private)?, gated })
    }
}

/// Where a repo is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RepoUrlWire {
    pub(crate) url: String,
    pub(crate) name: String,
    /// Number of a new repo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) files_copy_pending: Option<bool>,
}

/// Settings after a change; only those that were sent.
#[derive(Debug, Default, Serialize)]
pub(crate) struct SettingsAnswerWire {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) visibility: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) private: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gated: Option<Value>,
}

impl From<&RepoChange> for SettingsAnswerWire {
    fn from(change: &RepoChange) -> Self {
        Self {
            visibility: change.visibility.map(Visibility::as_str),
            private: change.visibility.map(|visibility| visibility == Visibility::Private),
            gated: change.gated.map(gated),
        }
    }
}

/// Returns the gate of a repo as the clients read it: `false`, `"auto"` or `"manual"`.
pub(crate) fn gated(gated: Gated) -> Value {
    match gated {
        Gated::No => Value::Bool(false),
        Gated::Auto | Gated::Manual => Value::String(gated.as_str().to_owned()),
    }
}

/// Reads a kind of repo with a history; absent means model.
pub(crate) fn kind(word: Option<&str>) -> ApiResult<RepoKind> {
    let Some(word) = word else {
        return Ok(RepoKind::Model);
    };
    RepoKind::parse(word)
        .filter(|kind| *kind != RepoKind::Bucket)
        .ok_or_else(|| ApiError::invalid("`type` must be one of `model`, `dataset`, `space` and `kernel`"))
}

/// Splits `namespace/name`, as some clients send it in place of two fields.
fn split_name(organization: Option<String>, name: String) -> ApiResult<(Option<AccountName>, String)> {
    let (namespace, name) = match (organization, name.split_once('/')) {
        (None, Some((namespace, name))) => (Some(namespace.to_owned()), name.to_owned()),
        (organization, _) => (organization, name),
    };
    let namespace = namespace
        .filter(|namespace| !namespace.is_empty())
        .map(|namespace| AccountName::parse(&namespace))
        .transpose()
        .map_err(|error| ApiError::new(ErrorKind::Invalid, error.to_string()))?;
    Ok((namespace, name))
}

/// Reads a visibility; clients before 1.8 send `private` instead.
pub(crate) fn visibility(word: Option<&str>, private: Option<bool>) -> ApiResult<Option<Visibility>> {
    match (word, private) {
        (Some(word), _) => Visibility::parse(word).map(Some).ok_or_else(|| {
            ApiError::invalid("`visibility` must be one of `public`, `private` and `protected`")
        }),
        (None, Some(true)) => Ok(Some(Visibility::Private)),
        (None, Some(false)) => Ok(Some(Visibility::Public)),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests;
