//! Names with values, as queries and forms carry them.

use std::fmt::Write as _;

use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::error::{ApiError, ApiResult};

/// Most pairs that are taken of one query or form.
const MAX_PAIRS: usize = 4096;

/// Pairs in the order sent; names may repeat, and `name[]` is the same as `name`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Decodes `application/x-www-form-urlencoded` text.
    pub(crate) fn parse(encoded: &[u8]) -> ApiResult<Self> {
        let mut pairs = Vec::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if pairs.len() == MAX_PAIRS {
                return Err(ApiError::invalid(format!("more than {MAX_PAIRS} parameters")));
            }
            let name = name.strip_suffix("[]").unwrap_or(&name);
            pairs.push((name.to_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }

    /// Takes a JSON object whose values are strings, booleans, numbers or lists of strings.
    pub(crate) fn from_json(body: &[u8]) -> ApiResult<Self> {
        let object: serde_json::Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| ApiError::invalid(format!("invalid JSON body: {error}")))?;
        let mut pairs = Vec::new();
        for (name, value) in object {
            let values = match value {
                Value::Array(values) => values,
                Value::Null => continue,
                value => vec![value],
            };
            for value in values {
                if pairs.len() == MAX_PAIRS {
                    return Err(ApiError::invalid(format!("more than {MAX_PAIRS} parameters")));
                }
                let value = match value {
                    Value::String(text) => text,
                    Value::Bool(_) | Value::Number(_) => value.to_string(),
                    _ => return Err(ApiError::invalid(format!("`{name}` must be text or a list of texts"))),
                };
                pairs.push((name.clone(), value));
            }
        }
        Ok(Self(pairs))
    }

    /// Returns the first value of a name.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Returns the first value of a name that is not empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// Returns every name with its value.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns every value of a name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns a value that must be there.
    pub(crate) fn required(&self, name: &str) -> ApiResult<&str> {
        self.filled(name).ok_or_else(|| ApiError::invalid(format!("parameter `{name}` is missing")))
    }

    /// Reads a boolean: absent and `false` are off; `true`, `1` and a bare name are on.
    pub(crate) fn flag(&self, name: &str) -> ApiResult<bool> {
        match self.first(name) {
            None => Ok(false),
            Some(value) => boolean(value)
                .ok_or_else(|| ApiError::invalid(format!("parameter `{name}` must be `true` or `false`"))),
        }
    }

    /// Reads a number of at most `max`, which is what a larger one means.
    pub(crate) fn number(&self, name: &str, max: usize) -> ApiResult<Option<usize>> {
        let Some(value) = self.filled(name) else {
            return Ok(None);
        };
        match value.parse::<u64>() {
            Ok(number) => Ok(Some(usize::try_from(number).unwrap_or(max).min(max))),
            Err(_) => Err(ApiError::invalid(format!("parameter `{name}` must be a whole number"))),
        }
    }

    /// Encodes all pairs with `name` set to `value`, for the address of the next page.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let mut query = String::new();
        let kept = self.0.iter().filter(|(other, _)| other != name).map(|(n, v)| (n.as_str(), v.as_str()));
        for (name, value) in kept.chain([(name, value)]) {
            let separator = if query.is_empty() { "" } else { "&" };
            let (name, value) = (encode(name), encode(value));
            write!(query, "{separator}{name}={value}").expect("writing to a string");
        }
        query
    }
}

/// Reads a boolean as the clients write them.
pub(crate) fn boolean(value: &str) -> Option<bool> {
    match value {
        "" => Some(true),
        "1" => Some(true),
        "0" => Some(false),
        _ if value.eq_ignore_ascii_case("true") => Some(true),
        _ if value.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn encode(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// The query of the request.
#[derive(Debug, Clone)]
pub(crate) struct Query(pub(crate) Params);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Params::parse(parts.uri.query().unwrap_or_default().as_bytes()).map(Self)
    }
}

#[cfg(test)]
mod tests;
