//! What is wrong with a card's metadata, in the words that the clients show.

use std::fmt;

use lyceum_core::RepoKind;
use serde_json::Value;

use super::tags::texts;
use super::{LICENSES, Metadata, TASKS};
use crate::limits::MAX_CARD_PROBLEMS;

const SDKS: &[&str] = &["gradio", "docker", "static", "streamlit"];
const COLORS: &[&str] = &["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"];
const RELATIONS: &[&str] = &["adapter", "merge", "quantized", "finetune"];
const MAX_SHORT_DESCRIPTION_CHARS: usize = 60;
const MAX_ID_CHARS: usize = 200;

/// Something wrong with a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the card is refused for it.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
}

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The card must not be committed.
    Error,
    /// The card may stay.
    Warning,
}

/// A line as `RepoCard.validate` shows it: `- Error: …`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
        };
        write!(f, "- {severity}: {}", self.message)
    }
}

/// Checks a card's metadata.
pub fn validate(kind: RepoKind, card: &Metadata) -> Vec<Problem> {
    let mut check = Check { card, problems: Vec::new() };
    check.one_of(Severity::Error, "license", LICENSES);
    check.license_details();
    check.texts("tags");
    check.texts("language");
    match kind {
        RepoKind::Model | RepoKind::Kernel | RepoKind::Bucket => {
            check.one_of(Severity::Warning, "pipeline_tag", TASKS);
            check.one_of(Severity::Error, "base_model_relation", RELATIONS);
            check.ids("base_model", "Use a model id from the hub.");
            check.ids("datasets", "Use a dataset id from the hub.");
            check.text("library_name");
            check.model_index();
        }
        RepoKind::Dataset => {
            check.one_of(Severity::Warning, "task_categories", TASKS);
            check.configs();
        }
        RepoKind::Space => {
            check.one_of(Severity::Error, "sdk", SDKS);
            check.one_of(Severity::Error, "colorFrom", COLORS);
            check.one_of(Severity::Error, "colorTo", COLORS);
            check.text("title");
            check.text("app_file");
            check.short_description();
        }
    }
    check.problems
}

struct Check<'a> {
    card: &'a Metadata,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn problem(&mut self, severity: Severity, message: String) {
        if self.problems.len() < MAX_CARD_PROBLEMS {
            self.problems.push(Problem { severity, message });
        }
    }

    fn error(&mut self, message: String) {
        self.problem(Severity::Error, message);
    }

    /// Checks that a value, or each of a list, is one of those allowed; `null` says nothing.
    fn one_of(&mut self, severity: Severity, key: &str, allowed: &[&str]) {
        let good = |value: &Value| value.as_str().is_some_and(|text| allowed.contains(&text));
        let (name, good) = match self.card.get(key) {
            None | Some(Value::Null) => return,
            Some(Value::Array(items)) => match items.iter().position(|item| !good(item)) {
                None => return,
                Some(at) => (format!("\"{key}[{at}]\""), false),
            },
            Some(value) => (format!("\"{key}\""), good(value)),
        };
        if !good {
            self.problem(severity, format!("{name} must be one of [{}]", allowed.join(", ")));
        }
    }

    fn license_details(&mut self) {
        self.text("license_name");
        self.text("license_link");
        let name = self.card.get("license_name").and_then(Value::as_str);
        let slug = |text: &str| {
            text.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_' | '+'))
        };
        if let Some(name) = name
            && !slug(name)
        {
            self.problem(
                Severity::Warning,
                "\"license_name\" should only contain lowercase letters, digits, `-`, `.`, `_` and `+`"
                    .to_owned(),
            );
        }
    }

    fn text(&mut self, key: &str) {
        match self.card.get(key) {
            None | Some(Value::Null | Value::String(_)) => {}
            Some(_) => self.error(format!("\"{key}\" must be a string")),
        }
    }

    /// Checks that a value is a text or a list of them.
    fn texts(&mut self, key: &str) {
        match self.card.get(key) {
            None | Some(Value::Null | Value::String(_)) => {}
            Some(Value::Array(items)) => {
                let bad = |item: &Value| !matches!(item, Value::String(_) | Value::Number(_));
                if let Some(at) = items.iter().position(bad) {
                    self.error(format!("\"{key}[{at}]\" must be a string"));
                }
            }
            // Old dataset cards give one list per configuration.
            Some(Value::Object(_)) if key == "language" => {}
            Some(_) => self.error(format!("\"{key}\" must be a string or an array of strings")),
        }
    }

    /// Warns about ids that no repo can have.
    fn ids(&mut self, key: &str, hint: &str) {
        self.texts(key);
        for id in self.card.get(key).map(texts).unwrap_or_default() {
            let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
            if id.is_empty()
                || id.chars().count() > MAX_ID_CHARS
                || !id.chars().all(word)
                || id.matches('/').count() > 1
            {
                let shown: String = id.chars().take(80).flat_map(char::escape_debug).collect();
                self.problem(
                    Severity::Warning,
                    format!("\"{key}\" with value \"{shown}\" is not valid. {hint}"),
                );
            }
        }
    }

    fn short_description(&mut self) {
        self.text("short_description");
        let length =
            self.card.get("short_description").and_then(Value::as_str).map_or(0, |text| text.chars().count());
        if length > MAX_SHORT_DESCRIPTION_CHARS {
            self.error(format!(
                "\"short_description\" length must be less than or equal to {MAX_SHORT_DESCRIPTION_CHARS} characters long"
            ));
        }
    }

    fn configs(&mut self) {
        let Some(configs) = self.card.get("configs").filter(|configs| !configs.is_null()) else {
            return;
        };
        let Some(configs) = configs.as_array() else {
            return self.error("\"configs\" must be an array".to_owned());
        };
        for (at, config) in configs.iter().enumerate() {
            match config.get("config_name") {
                Some(Value::String(_)) => {}
                Some(_) => self.error(format!("\"configs[{at}].config_name\" must be a string")),
                None => self.error(format!("\"configs[{at}].config_name\" is required")),
            }
        }
    }

    /// Checks the evaluation results (model card specification, `model-index`).
    fn model_index(&mut self) {
        let Some(index) = self.card.get("model-index").filter(|index| !index.is_null()) else {
            return;
        };
        let Some(models) = index.as_array() else {
            return self.error("\"model-index\" must be an array".to_owned());
        };
        for (m, model) in models.iter().enumerate() {
            let model_name = format!("model-index[{m}]");
            self.required_text(model, &model_name, "name");
            for (r, result) in self.required_list(model, &model_name, "results").into_iter().enumerate() {
                let result_name = format!("{model_name}.results[{r}]");
                self.required_text(&result["task"], &format!("{result_name}.task"), "type");
                let dataset = format!("{result_name}.dataset");
                self.required_text(&result["dataset"], &dataset, "type");
                self.required_text(&result["dataset"], &dataset, "name");
                for (n, metric) in self.required_list(result, &result_name, "metrics").into_iter().enumerate()
                {
                    let metric_name = format!("{result_name}.metrics[{n}]");
                    self.required_text(metric, &metric_name, "type");
                    if metric.get("value").is_none() {
                        self.error(format!("\"{metric_name}.value\" is required"));
                    }
                }
            }
        }
    }

    fn required_text(&mut self, value: &Value, name: &str, key: &str) {
        match value.get(key) {
            Some(Value::String(_) | Value::Number(_)) => {}
            Some(_) => self.error(format!("\"{name}.{key}\" must be a string")),
            None => self.error(format!("\"{name}.{key}\" is required")),
        }
    }

    fn required_list<'v>(&mut self, value: &'v Value, name: &str, key: &str) -> Vec<&'v Value> {
        match value.get(key) {
            Some(Value::Array(items)) => return items.iter().collect(),
            Some(_) => self.error(format!("\"{name}.{key}\" must be an array")),
            None => self.error(format!("\"{name}.{key}\" is required")),
        }
        Vec::new()
    }
}
