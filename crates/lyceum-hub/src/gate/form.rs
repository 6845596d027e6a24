//! What a card asks of who wants to pass the gate, and what was answered.

use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// Most fields of a form; a card with more is read no further.
const MAX_FIELDS: usize = 50;
/// Most options of a field.
const MAX_OPTIONS: usize = 300;
/// Longest text of an answer.
const MAX_ANSWER_CHARS: usize = 2000;

/// The form before a gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GateForm {
    /// What stands above it.
    pub heading: Option<String>,
    /// What the user agrees to.
    pub prompt: Option<String>,
    /// What is said besides.
    pub description: Option<String>,
    /// What the button says.
    pub button: Option<String>,
    /// What the user fills in; all of it.
    pub fields: Vec<GateField>,
}

/// A field of the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateField {
    /// Its name, which is also what is shown.
    pub name: String,
    /// What it takes.
    pub kind: GateFieldKind,
}

/// What a field of the form takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateFieldKind {
    /// One line of text.
    Text,
    /// A box that has to be ticked.
    Checkbox,
    /// A day.
    Date,
    /// A country, by its name or its two letters.
    Country,
    /// One of some options, as (what is shown, what is sent).
    Select(Vec<(String, String)>),
}

impl GateForm {
    /// Reads the form out of a card's front matter. What is malformed there is taken as plain text: a gate must not
    /// open or stay shut because its form has a mistake.
    pub(crate) fn of(card: Option<&Value>) -> Self {
        let text = |key: &str| card?.get(key)?.as_str().map(str::to_owned);
        let fields = card.and_then(|card| card.get("extra_gated_fields")).and_then(Value::as_object);
        let fields = fields.into_iter().flatten().filter_map(|(name, kind)| {
            Some(GateField { name: name.clone(), kind: GateFieldKind::of(kind)? })
        });
        Self {
            heading: text("extra_gated_heading"),
            prompt: text("extra_gated_prompt"),
            description: text("extra_gated_description"),
            button: text("extra_gated_button_content"),
            fields: fields.take(MAX_FIELDS).collect(),
        }
    }

    /// Checks what a user filled in and returns it in the order of the form.
    pub(crate) fn check(&self, mut answers: Map<String, Value>) -> Result<Map<String, Value>> {
        let mut checked = Map::new();
        for field in &self.fields {
            let answer = answers.remove(&field.name).unwrap_or(Value::Null);
            checked.insert(field.name.clone(), field.check(answer)?);
        }
        match answers.keys().next() {
            None => Ok(checked),
            Some(unknown) => {
                let shown: String = unknown.chars().take(100).collect();
                Err(Error::new(ErrorKind::Invalid, format!("the form has no field `{shown}`")))
            }
        }
    }
}

impl GateField {
    fn check(&self, answer: Value) -> Result<Value> {
        let invalid =
            |must: &str| Error::new(ErrorKind::Invalid, format!("field `{}` must {must}", self.name));
        if self.kind == GateFieldKind::Checkbox {
            let ticked = match &answer {
                Value::Bool(ticked) => *ticked,
                Value::String(text) => matches!(text.as_str(), "true" | "on" | "1"),
                _ => false,
            };
            return if ticked { Ok(Value::Bool(true)) } else { Err(invalid("be ticked")) };
        }
        let Value::String(text) = &answer else {
            return Err(invalid("be filled in"));
        };
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_ANSWER_CHARS {
            return Err(invalid(&format!("have 1 to {MAX_ANSWER_CHARS} characters")));
        }
        match &self.kind {
            GateFieldKind::Date if !day(text) => Err(invalid("be a day like `2024-12-31`")),
            GateFieldKind::Select(options) if !options.iter().any(|(_, value)| value == text) => {
                Err(invalid("be one of its options"))
            }
            _ => Ok(Value::String(text.to_owned())),
        }
    }
}

impl GateFieldKind {
    /// Reads the type of a field; `None` is one that users do not fill in.
    fn of(kind: &Value) -> Option<Self> {
        let name = kind.as_str().or_else(|| kind.get("type")?.as_str());
        Some(match name {
            Some("checkbox") => Self::Checkbox,
            Some("date_picker") => Self::Date,
            Some("country") => Self::Country,
            // Where a user is, is nothing that this hub finds out.
            Some("ip_location") => return None,
            Some("select") => {
                let options = kind.get("options").and_then(Value::as_array);
                Self::Select(options.into_iter().flatten().filter_map(option).take(MAX_OPTIONS).collect())
            }
            _ => Self::Text,
        })
    }
}

/// Reads an option: a scalar, or an object of label and value.
fn option(option: &Value) -> Option<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    match option {
        Value::Object(parts) => {
            let label = text(parts.get("label")?)?;
            Some((label.clone(), parts.get("value").and_then(text).unwrap_or(label)))
        }
        other => text(other).map(|value| (value.clone(), value)),
    }
}

/// Reports whether text has the form of a day, as browsers send it.
fn day(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests;
