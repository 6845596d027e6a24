//! The gate of a repo, as its page shows it, and `/{repo}/request-access`, where its form is sent.

use axum::response::{IntoResponse as _, Redirect, Response};
use lyceum_hub::{Action, GateFieldKind, GateForm, GateStanding, Repo};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::error::PageError;
use crate::form::Form;
use crate::visit::{Detour, Visit};

/// What the names of the card's fields begin with in the form, so that none is taken for one of the form's own.
const PREFIX: &str = "field.";
/// Most values of a sent form that are looked at.
const MAX_VALUES: usize = 200;

/// What a caller meets before a gate.
pub(crate) struct Gate {
    pub(crate) heading: String,
    pub(crate) prompt: Option<String>,
    pub(crate) description: Option<String>,
    /// Where the request stands, if there is nothing to fill in.
    pub(crate) standing: Option<String>,
    /// Where to sign in, for who has not.
    pub(crate) sign_in: Option<String>,
    pub(crate) button: String,
    pub(crate) fields: Vec<Field>,
}

/// A field of the form.
pub(crate) struct Field {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) label: String,
    /// Type of the input, `select` for a choice.
    pub(crate) kind: &'static str,
    pub(crate) options: Vec<(String, String)>,
}

impl Gate {
    /// Returns what the caller meets; `None` if nothing keeps him out.
    pub(crate) async fn before(visit: &Visit, repo: &Repo) -> Result<Option<Self>, Detour> {
        let hub = &visit.web.hub;
        let standing = match hub.gate_standing(&visit.session.caller, repo).await? {
            GateStanding::Inside | GateStanding::Accepted(_) => return Ok(None),
            GateStanding::Outside => None,
            GateStanding::Pending => Some("Your request awaits the answer of its authors.".to_owned()),
            GateStanding::Rejected(Some(reason)) => {
                Some(format!("Your request was rejected by its authors: {reason}"))
            }
            GateStanding::Rejected(None) => Some("Your request was rejected by its authors.".to_owned()),
        };
        let path = visit.head(repo, "card").link.path();
        let sign_in = visit
            .session
            .anonymous()
            .then(|| format!("/login?next={}", utf8_percent_encode(&path, NON_ALPHANUMERIC)));
        let GateForm { heading, prompt, description, button, fields } = hub.gate_form(repo).await?;
        let fields = fields.into_iter().enumerate().map(|(number, field)| {
            let (kind, options) = match field.kind {
                GateFieldKind::Text | GateFieldKind::Country => ("text", Vec::new()),
                GateFieldKind::Checkbox => ("checkbox", Vec::new()),
                GateFieldKind::Date => ("date", Vec::new()),
                GateFieldKind::Select(options) => ("select", options),
            };
            let name = format!("{PREFIX}{}", field.name);
            Field { id: format!("field-{number}"), name, label: field.name, kind, options }
        });
        Ok(Some(Self {
            heading: heading.unwrap_or_else(|| "You need to ask for access".to_owned()),
            prompt,
            description,
            standing,
            sign_in,
            button: button.unwrap_or_else(|| "Agree and ask for access".to_owned()),
            fields: fields.collect(),
        }))
    }
}

/// Asks for access.
pub(crate) async fn ask(visit: Visit, Form(sent): Form<Vec<(String, String)>>) -> Result<Response, Detour> {
    let token = sent.iter().find(|(name, _)| name == "token").map_or("", |(_, value)| value);
    visit.session.check_form(token)?;
    if sent.len() > MAX_VALUES {
        return Err(PageError::new(lyceum_hub::ErrorKind::TooLarge, "the form has too many fields").into());
    }
    let repo = visit.open(Action::Discover).await?;
    let answer =
        |(name, value): (String, String)| Some((name.strip_prefix(PREFIX)?.to_owned(), Value::String(value)));
    let fields: Map<String, Value> = sent.into_iter().filter_map(answer).collect();
    visit.web.hub.ask_access(&visit.session.caller, &repo, fields).await?;
    Ok(Redirect::to(&visit.head(&repo, "card").link.path()).into_response())
}
