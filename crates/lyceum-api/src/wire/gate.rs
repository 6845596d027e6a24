//! Requests to pass the gate of a repo.

use lyceum_core::{AccountName, Timestamp};
use lyceum_hub::{AccessAnswer, AccessRequest, ErrorKind, GateStanding, RequestState, RequestTarget};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{ApiError, ApiResult};

/// A request, as the owner of the repo sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccessRequestWire {
    request_id: String,
    status: &'static str,
    timestamp: String,
    user: UserWire,
    #[serde(skip_serializing_if = "Map::is_empty")]
    fields: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct UserWire {
    user: String,
    fullname: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

impl From<AccessRequest> for AccessRequestWire {
    fn from(request: AccessRequest) -> Self {
        Self {
            request_id: request.id,
            status: request.state.as_str(),
            timestamp: request.created_at.to_string(),
            user: UserWire {
                user: request.user.to_string(),
                fullname: request.full_name,
                r#type: "user",
                email: request.email,
            },
            fields: request.fields,
            rejection_reason: request.reason,
            expires_at: request.expires_at.map(|end| end.to_string()),
        }
    }
}

/// Body of `…/user-access-request/handle`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnswerWire {
    user: Option<String>,
    request_id: Option<String>,
    status: String,
    rejection_reason: Option<String>,
    expires_at: Option<String>,
}

impl AnswerWire {
    /// Returns which request is answered, and how.
    pub(crate) fn parse(self) -> ApiResult<(RequestTarget, AccessAnswer)> {
        let target = match (self.user, self.request_id) {
            (Some(user), None) => RequestTarget::User(user_name(&user)?),
            (None, Some(id)) => RequestTarget::Id(id),
            _ => return Err(ApiError::invalid("one of `user` and `requestId` must be given")),
        };
        let state = RequestState::parse(&self.status).ok_or_else(|| {
            ApiError::invalid("`status` must be one of `accepted`, `pending` and `rejected`")
        })?;
        let expires_at = end(self.expires_at.as_deref())?;
        Ok((target, AccessAnswer { state, reason: self.rejection_reason, expires_at }))
    }
}

/// Body of `…/user-access-request/grant`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GrantWire {
    user: String,
    expires_at: Option<String>,
}

impl GrantWire {
    /// Returns who is let in, and until when.
    pub(crate) fn parse(self) -> ApiResult<(AccountName, Option<Timestamp>)> {
        Ok((user_name(&self.user)?, end(self.expires_at.as_deref())?))
    }
}

/// Where a user stands before a gate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GateStandingWire {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

impl From<GateStanding> for GateStandingWire {
    fn from(standing: GateStanding) -> Self {
        let (status, rejection_reason, end) = match standing {
            GateStanding::Inside => ("accepted", None, None),
            GateStanding::Accepted(end) => ("accepted", None, end),
            GateStanding::Outside => ("none", None, None),
            GateStanding::Pending => ("pending", None, None),
            GateStanding::Rejected(reason) => ("rejected", reason, None),
        };
        Self { status, rejection_reason, expires_at: end.map(|end| end.to_string()) }
    }
}

/// Reads the name of a user; one that breaks the rules of names is nobody's.
fn user_name(name: &str) -> ApiResult<AccountName> {
    AccountName::parse(name).map_err(|error| ApiError::new(ErrorKind::NotFound, error.to_string()))
}

fn end(text: Option<&str>) -> ApiResult<Option<Timestamp>> {
    Ok(text.map(Timestamp::parse).transpose()?)
}
