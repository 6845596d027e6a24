//! What a provider says of somebody.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::issuer::MAX_TOKEN_BYTES;
use crate::{Error, Result};

/// Most entries of a list that are looked at; directories know people in thousands of groups.
const MAX_LIST: usize = 10_000;

/// Statements of a provider, verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Reads the payload of a signed token, as it was signed.
    pub(crate) fn of_token(token: &str) -> Result<Self> {
        let malformed = || Error::Refused("the token is malformed".to_owned());
        let payload = token.split('.').nth(1).ok_or_else(malformed)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| malformed())?;
        serde_json::from_slice(&payload).map(Self).map_err(|_| malformed())
    }

    /// Adds what is not known yet.
    pub(crate) fn complete(&mut self, more: Map<String, Value>) {
        for (name, value) in more {
            self.0.entry(name).or_insert(value);
        }
    }

    /// Returns who it is about; names are unique per issuer and never given to another.
    pub fn subject(&self) -> &str {
        self.0.get("sub").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns a claim by its name or, if there is none of this name, by its path: `realm_access.roles`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(name) {
            return Some(value);
        }
        let (first, rest) = name.split_once('.')?;
        rest.split('.').try_fold(self.0.get(first)?, |value, name| value.get(name))
    }

    /// Returns a claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns the texts of a claim that is a list of them, or one.
    pub fn list(&self, name: &str) -> Vec<&str> {
        match self.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).take(MAX_LIST).collect(),
            _ => Vec::new(),
        }
    }

    /// Reports whether a claim is true, as some providers write it in a text.
    pub fn holds(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Bool(true))) || self.text(name) == Some("true")
    }
}

/// Returns who a token says that signed it. Nothing is checked here: it tells only whom to ask.
pub fn issuer_of(token: &str) -> Option<String> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    Claims::of_token(token).ok()?.text("iss").map(str::to_owned)
}

impl From<Map<String, Value>> for Claims {
    fn from(claims: Map<String, Value>) -> Self {
        Self(claims)
    }
}
