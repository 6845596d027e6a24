//! The results that a card claims under `model-index`.

use serde_json::Value;

use crate::link::outward;

/// Most results that are shown.
const MAX_RESULTS: usize = 100;
/// Longest text of a cell, in characters.
const MAX_CHARS: usize = 120;

/// One measured value.
pub(crate) struct Evaluation {
    pub(crate) task: String,
    pub(crate) dataset: String,
    pub(crate) metric: String,
    pub(crate) value: String,
    /// Who says so, and where.
    pub(crate) source: Option<(String, String)>,
}

/// Reads the results of a card, whatever shape it has.
pub(super) fn of(card: Option<&Value>) -> Vec<Evaluation> {
    let list =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let models = card.map(|card| list(card, "model-index")).unwrap_or_default();
    let mut evaluations = Vec::new();
    for result in models.iter().flat_map(|model| list(model, "results")) {
        let named = |key: &str| {
            let value = result.get(key)?;
            [value.get("name"), value.get("type"), Some(value)].into_iter().flatten().find_map(text)
        };
        let source = result.get("source").and_then(|source| {
            let address = outward(source.get("url")?.as_str()?)?;
            Some((source.get("name").and_then(text).unwrap_or_else(|| "source".to_owned()), address))
        });
        for metric in list(&result, "metrics") {
            let name = [metric.get("name"), metric.get("type")].into_iter().flatten().find_map(text);
            let (Some(name), Some(value)) = (name, metric.get("value").and_then(text)) else {
                continue;
            };
            if evaluations.len() == MAX_RESULTS {
                return evaluations;
            }
            evaluations.push(Evaluation {
                task: named("task").unwrap_or_default(),
                dataset: named("dataset").unwrap_or_default(),
                metric: name,
                value,
                source: source.clone(),
            });
        }
    }
    evaluations
}

/// Returns a plain value as text.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then(|| text.chars().take(MAX_CHARS).collect())
}
