//! Gated repos: asking to be let in, and answering.

use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_core::{AccountName, Timestamp};
use lyceum_db::{AccountKind, Gated, NewAccessRequest, RequestState, Standing};
use serde_json::{Map, Value, json};

use crate::account::append_event;
use crate::{Action, Caller, Error, ErrorKind, Hub, Repo, Result};

mod form;

pub use form::{GateField, GateFieldKind, GateForm};

/// Longest reason for a rejection; the clients' documentation says so.
const MAX_REASON_CHARS: usize = 200;

/// A user's request for a gated repo.
#[derive(Debug, Clone)]
pub struct AccessRequest {
    /// Names the request within the repo.
    pub id: String,
    /// Who asks.
    pub user: AccountName,
    /// Who asks, for people to read.
    pub full_name: String,
    /// The mail address, which a user agrees to share by asking: `None` for who was let in without.
    pub email: Option<String>,
    /// Where it stands.
    pub state: RequestState,
    /// What the user filled in.
    pub fields: Map<String, Value>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// When the access that was given ends, or has ended.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// One page of requests.
#[derive(Debug, Clone)]
pub struct AccessRequestPage {
    /// The requests.
    pub requests: Vec<AccessRequest>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// Which request an answer is for.
#[derive(Debug, Clone)]
pub enum RequestTarget {
    /// The one of this user.
    User(AccountName),
    /// The one with this id.
    Id(String),
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct AccessAnswer {
    /// Where the request stands from now on; `Pending` takes back what was answered before.
    pub state: RequestState,
    /// Why it is rejected, for the user to read.
    pub reason: Option<String>,
    /// When the access ends that is given.
    pub expires_at: Option<Timestamp>,
}

/// Where the caller stands before a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateStanding {
    /// The gate does not bind: there is none, or the caller belongs to the owner.
    Inside,
    /// Nothing was asked, or what was given has ended.
    Outside,
    /// The request awaits its answer.
    Pending,
    /// The request was rejected, for this reason.
    Rejected(Option<String>),
    /// The request was accepted, until this time.
    Accepted(Option<Timestamp>),
}

impl Hub {
    /// Returns what a user has to fill in to pass the gate of a repo, as its card says.
    pub async fn gate_form(&self, repo: &Repo) -> Result<GateForm> {
        let Some(head) = self.head(repo).await? else {
            return Ok(GateForm::default());
        };
        Ok(GateForm::of(self.facts(repo, head).await?.card.as_ref()))
    }

    /// Tells where the caller stands before the gate of a repo.
    pub async fn gate_standing(&self, caller: &Caller, repo: &Repo) -> Result<GateStanding> {
        if repo.record.gated == Gated::No {
            return Ok(GateStanding::Inside);
        }
        let standing = self.standing(caller, repo).await?;
        Ok(before_gate(caller, &standing, self.inner.clock.now()))
    }

    /// Asks to be let into a gated repo opened with [`Action::Discover`]. An automatic gate opens at once.
    ///
    /// Asking again changes nothing for whom the owner has answered, except that access which has ended is asked for
    /// anew: then even an automatic gate waits for the owner, who had set its end.
    pub async fn ask_access(
        &self,
        caller: &Caller,
        repo: &Repo,
        fields: Map<String, Value>,
    ) -> Result<GateStanding> {
        let identity = caller.signed_in()?;
        identity.may_write()?;
        must_be_gated(repo)?;
        let fields = self.gate_form(repo).await?.check(fields)?;
        let standing = self.standing(caller, repo).await?;
        let now = self.inner.clock.now();
        if before_gate(caller, &standing, now) == GateStanding::Inside {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("you have access to {} `{}` already", repo.kind(), repo.id()),
            ));
        }
        let (repo_id, user_id, automatic) =
            (repo.record.id, identity.user_id, repo.record.gated == Gated::Auto);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let before = tx.access_request(repo_id, user_id).await?;
                    let state = match &before {
                        None if automatic => RequestState::Accepted,
                        // Nobody has answered since it was made, and the gate became automatic meanwhile.
                        Some(old) if automatic && old.unanswered() => RequestState::Accepted,
                        None => RequestState::Pending,
                        Some(old) => match old.state {
                            RequestState::Accepted if old.expires_at.is_some_and(|end| end <= now) => {
                                RequestState::Pending
                            }
                            RequestState::Accepted => return Ok(GateStanding::Accepted(old.expires_at)),
                            RequestState::Pending => return Ok(GateStanding::Pending),
                            RequestState::Rejected => return Ok(GateStanding::Rejected(old.reason.clone())),
                        },
                    };
                    let fields = Some(Value::Object(fields).to_string());
                    let new =
                        NewAccessRequest { repo_id, user_id, state, fields, reason: None, expires_at: None };
                    tx.put_access_request(&new, now).await?;
                    let detail = json!({ "state": state.as_str() });
                    append_event(tx, Some(repo_id), Some(user_id), "ask-access", &detail, now).await?;
                    Ok(match state {
                        RequestState::Accepted => GateStanding::Accepted(None),
                        RequestState::Pending | RequestState::Rejected => GateStanding::Pending,
                    })
                })
            })
            .await
    }

    /// Lists the requests in a state, for a repo opened with [`Action::SeeRequests`].
    pub async fn access_requests(
        &self,
        repo: &Repo,
        state: RequestState,
        after: Option<&str>,
        limit: usize,
    ) -> Result<AccessRequestPage> {
        must_be_gated(repo)?;
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let after = match after {
            None => None,
            Some(after) => {
                Some(parse_id(after).ok_or_else(|| Error::new(ErrorKind::Invalid, "invalid `cursor`"))?)
            }
        };
        let mut db = self.inner.db.read().await?;
        let rows = db.access_requests(repo.record.id, state, after, limit as u32).await?;
        let next = if rows.len() == limit { rows.last().map(|row| show_id(row.user_id)) } else { None };
        let requests = rows.into_iter().map(AccessRequest::try_from).collect::<Result<_>>()?;
        Ok(AccessRequestPage { requests, next })
    }

    /// Answers a request, also one that was answered before, for a repo opened with [`Action::AnswerRequests`].
    pub async fn answer_access(
        &self,
        caller: &Caller,
        repo: &Repo,
        target: &RequestTarget,
        answer: AccessAnswer,
    ) -> Result<AccessRequest> {
        must_be_opened_to_answer(repo)?;
        must_be_gated(repo)?;
        let now = self.inner.clock.now();
        check_answer(&answer, now)?;
        let user_id = match target {
            RequestTarget::User(user) => self.account(user, AccountKind::User).await?.id,
            RequestTarget::Id(id) => parse_id(id).ok_or_else(no_request)?,
        };
        let (repo_id, actor) = (repo.record.id, caller.signed_in()?.user_id);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let before = tx.access_request(repo_id, user_id).await?.ok_or_else(no_request)?;
                    if before.state == answer.state && before.expires_at == answer.expires_at {
                        return Err(Error::new(
                            ErrorKind::NotFound,
                            format!("this access request is {} already", answer.state),
                        ));
                    }
                    put_answer(tx, repo_id, user_id, actor, "answer-access", &answer, now).await
                })
            })
            .await
    }

    /// Lets a user in who need not have asked, for a repo opened with [`Action::AnswerRequests`].
    pub async fn grant_access(
        &self,
        caller: &Caller,
        repo: &Repo,
        user: &AccountName,
        expires_at: Option<Timestamp>,
    ) -> Result<AccessRequest> {
        must_be_opened_to_answer(repo)?;
        must_be_gated(repo)?;
        let now = self.inner.clock.now();
        let answer = AccessAnswer { state: RequestState::Accepted, reason: None, expires_at };
        check_answer(&answer, now)?;
        let user = self.account(user, AccountKind::User).await?;
        let (repo_id, owner_id, actor) = (repo.record.id, repo.record.owner_id, caller.signed_in()?.user_id);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let before = tx.access_request(repo_id, user.id).await?;
                    let accepted = before.is_some_and(|before| {
                        before.state == RequestState::Accepted
                            && before.expires_at.is_none_or(|end| end > now)
                    });
                    if accepted || user.id == owner_id {
                        return Err(Error::new(
                            ErrorKind::Invalid,
                            format!("user `{}` has access already", user.name),
                        ));
                    }
                    put_answer(tx, repo_id, user.id, actor, "grant-access", &answer, now).await
                })
            })
            .await
    }

    async fn standing(&self, caller: &Caller, repo: &Repo) -> Result<Standing> {
        let mut db = self.inner.db.read().await?;
        let found = db.repo_access(repo.kind(), repo.id(), caller.user_id()).await?;
        Ok(found.map(|found| found.standing).unwrap_or_default())
    }
}

async fn put_answer(
    tx: &mut lyceum_db::Queries,
    repo_id: i64,
    user_id: i64,
    actor: i64,
    action: &str,
    answer: &AccessAnswer,
    now: Timestamp,
) -> Result<AccessRequest> {
    let new = NewAccessRequest {
        repo_id,
        user_id,
        state: answer.state,
        fields: None,
        reason: answer.reason.clone(),
        expires_at: answer.expires_at,
    };
    tx.put_access_request(&new, now).await?;
    let row = tx.access_request(repo_id, user_id).await?.ok_or_else(no_request)?;
    let detail = json!({
        "user": row.user.as_str(),
        "state": answer.state.as_str(),
        "expires_at": answer.expires_at.map(|end| end.to_string()),
    });
    append_event(tx, Some(repo_id), Some(actor), action, &detail, now).await?;
    AccessRequest::try_from(row)
}

fn check_answer(answer: &AccessAnswer, now: Timestamp) -> Result<()> {
    let invalid = |message: String| Err(Error::new(ErrorKind::Invalid, message));
    if let Some(reason) = &answer.reason {
        if answer.state != RequestState::Rejected {
            return invalid("a reason is given only for a rejection".to_owned());
        }
        if reason.chars().count() > MAX_REASON_CHARS || reason.chars().any(char::is_control) {
            return invalid(format!("a reason may have at most {MAX_REASON_CHARS} characters, on one line"));
        }
    }
    match answer.expires_at {
        Some(_) if answer.state != RequestState::Accepted => {
            invalid("only access that is given can end at a date".to_owned())
        }
        Some(end) if end <= now => invalid(format!("the end of the access, {end}, has passed")),
        _ => Ok(()),
    }
}

fn before_gate(caller: &Caller, standing: &Standing, now: Timestamp) -> GateStanding {
    if caller.hub_admin() || standing.role.is_some() {
        return GateStanding::Inside;
    }
    match standing.request {
        None => GateStanding::Outside,
        Some(RequestState::Pending) => GateStanding::Pending,
        Some(RequestState::Rejected) => GateStanding::Rejected(standing.reason.clone()),
        Some(RequestState::Accepted) if standing.expires_at.is_some_and(|end| end <= now) => {
            GateStanding::Outside
        }
        Some(RequestState::Accepted) => GateStanding::Accepted(standing.expires_at),
    }
}

fn must_be_gated(repo: &Repo) -> Result<()> {
    if repo.record.gated != Gated::No {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, format!("{} `{}` is not gated", repo.kind(), repo.id())))
}

fn must_be_opened_to_answer(repo: &Repo) -> Result<()> {
    if repo.action == Action::AnswerRequests {
        return Ok(());
    }
    Err(Error::internal(format!("requests were to be answered on a repo opened to {:?}", repo.action)))
}

fn no_request() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such access request")
}

/// Returns the id of a user's request: as long as those of the Hub, which clients show.
fn show_id(user_id: i64) -> String {
    format!("{user_id:024x}")
}

fn parse_id(id: &str) -> Option<i64> {
    (id.len() == 24 && id.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .then(|| i64::from_str_radix(id, 16).ok())
        .flatten()
}

impl TryFrom<lyceum_db::AccessRequest> for AccessRequest {
    type Error = Error;

    fn try_from(row: lyceum_db::AccessRequest) -> Result<Self> {
        let asked = row.fields.is_some();
        let fields = row.fields.as_deref().map(serde_json::from_str).transpose().map_err(Error::internal)?;
        Ok(Self {
            id: show_id(row.user_id),
            user: row.user,
            full_name: row.full_name,
            email: row.email.filter(|_| asked),
            state: row.state,
            fields: fields.unwrap_or_default(),
            reason: row.reason,
            expires_at: row.expires_at,
            created_at: row.created_at,
        })
    }
}
