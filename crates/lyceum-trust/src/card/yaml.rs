//! YAML 1.2 (core schema) to JSON, bounded in depth, values and text, so that aliases cannot multiply without end.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value};

use super::CardError;
use crate::limits::{MAX_CARD_DEPTH, MAX_CARD_TEXT_BYTES, MAX_CARD_VALUES};

/// Parses the first document; lines in errors count from 1.
pub(super) fn parse(yaml: &str) -> Result<Value, CardError> {
    let mut parser = Parser::new_from_str(yaml);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event
            .map_err(|error| CardError { message: error.info().to_owned(), line: error.marker().line() })?;
        let line = span.start.line();
        match builder.take(event) {
            Ok(None) => {}
            Ok(Some(value)) => return Ok(value),
            Err(message) => return Err(CardError { message, line }),
        }
    }
    Ok(Value::Null)
}

#[derive(Default)]
struct Builder {
    open: Vec<Frame>,
    anchors: HashMap<usize, Value>,
    spent: Size,
}

/// A collection whose end has not come yet.
struct Frame {
    anchor: usize,
    kind: Kind,
}

enum Kind {
    List(Vec<Value>),
    Mapping {
        map: Map<String, Value>,
        /// The key whose value comes next, and whether it is the plain `<<` that merges.
        key: Option<(String, bool)>,
        /// What stood under `<<`.
        merged: Vec<Value>,
    },
}

#[derive(Default, Clone, Copy)]
struct Size {
    values: usize,
    text_bytes: usize,
    depth: usize,
}

impl Builder {
    /// Takes one event; returns the document when it is complete.
    fn take(&mut self, event: Event<'_>) -> Result<Option<Value>, String> {
        match event {
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(None),
            Event::Alias(anchor) => {
                let Some(value) = self.anchors.get(&anchor).cloned() else {
                    return Err("an alias refers to the value that it is a part of".to_owned());
                };
                self.spend(&value)?;
                self.place(value, false)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if plain && tag.is_none() && self.awaits_key() {
                    // A plain key is its text: `1: x` has the key `1`, `null: x` the key `null`.
                    let value = Value::String(text.into_owned());
                    return self.finish(value, anchor, plain);
                }
                self.finish(scalar(&text, plain, tag.as_deref())?, anchor, false)
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq")?;
                self.open(anchor, Kind::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map")?;
                self.open(anchor, Kind::Mapping { map: Map::new(), key: None, merged: Vec::new() })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = self.open.pop() else {
                    return Err("a collection ends that never started".to_owned());
                };
                let value = match frame.kind {
                    Kind::List(items) => Value::Array(items),
                    Kind::Mapping { map, merged, .. } => Value::Object(merge(map, merged)),
                };
                if frame.anchor != 0 {
                    self.spend(&value)?;
                    self.anchors.insert(frame.anchor, value.clone());
                }
                self.place(value, false)
            }
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { kind: Kind::Mapping { key: None, .. }, .. }))
    }

    fn open(&mut self, anchor: usize, kind: Kind) -> Result<Option<Value>, String> {
        if self.awaits_key() {
            return Err("a key must be text".to_owned());
        }
        if self.open.len() == MAX_CARD_DEPTH {
            return Err(format!("values are nested more than {MAX_CARD_DEPTH} deep"));
        }
        self.charge(Size { values: 1, text_bytes: 0, depth: 0 })?;
        self.open.push(Frame { anchor, kind });
        Ok(None)
    }

    fn finish(&mut self, value: Value, anchor: usize, plain: bool) -> Result<Option<Value>, String> {
        self.spend(&value)?;
        if anchor != 0 {
            self.spend(&value)?;
            self.anchors.insert(anchor, value.clone());
        }
        self.place(value, plain)
    }

    /// Puts a value where it belongs: into the open list or mapping, or at the top.
    fn place(&mut self, value: Value, plain: bool) -> Result<Option<Value>, String> {
        let Some(frame) = self.open.last_mut() else {
            return Ok(Some(value));
        };
        match &mut frame.kind {
            Kind::List(items) => items.push(value),
            Kind::Mapping { map, key: key @ None, .. } => {
                let text = match value {
                    Value::String(text) => text,
                    Value::Array(_) | Value::Object(_) => return Err("a key must be text".to_owned()),
                    other => other.to_string(),
                };
                let merges = plain && text == "<<";
                if !merges && map.contains_key(&text) {
                    return Err(format!("the key `{}` stands twice", shown(&text)));
                }
                *key = Some((text, merges));
            }
            Kind::Mapping { map, key, merged } => {
                let (key, merges) = key.take().expect("the branch above is for a missing key");
                if merges && matches!(value, Value::Object(_) | Value::Array(_)) {
                    merged.push(value);
                } else {
                    map.insert(key, value);
                }
            }
        }
        Ok(None)
    }

    fn spend(&mut self, value: &Value) -> Result<(), String> {
        self.charge(size(value))
    }

    fn charge(&mut self, size: Size) -> Result<(), String> {
        self.spent.values += size.values;
        self.spent.text_bytes += size.text_bytes;
        if self.spent.values > MAX_CARD_VALUES || self.spent.text_bytes > MAX_CARD_TEXT_BYTES {
            return Err("it holds too many values, counting each alias in full".to_owned());
        }
        if self.open.len() + size.depth > MAX_CARD_DEPTH {
            return Err(format!("values are nested more than {MAX_CARD_DEPTH} deep"));
        }
        Ok(())
    }
}

/// Adds what stood under `<<`; keys that are there already win.
fn merge(mut map: Map<String, Value>, merged: Vec<Value>) -> Map<String, Value> {
    for value in merged {
        let sources = match value {
            Value::Array(sources) => sources,
            other => vec![other],
        };
        for source in sources {
            let Value::Object(source) = source else {
                continue;
            };
            for (key, value) in source {
                map.entry(key).or_insert(value);
            }
        }
    }
    map
}

/// Measures a value; its depth is limited, so this may recurse.
fn size(value: &Value) -> Size {
    let (children, text_bytes): (Vec<Size>, usize) = match value {
        Value::String(text) => (Vec::new(), text.len()),
        Value::Array(items) => (items.iter().map(size).collect(), 0),
        Value::Object(map) => (map.values().map(size).collect(), map.keys().map(String::len).sum()),
        _ => (Vec::new(), 0),
    };
    let collection = matches!(value, Value::Array(_) | Value::Object(_));
    Size {
        values: 1 + children.iter().map(|child| child.values).sum::<usize>(),
        text_bytes: text_bytes + children.iter().map(|child| child.text_bytes).sum::<usize>(),
        depth: usize::from(collection) + children.iter().map(|child| child.depth).max().unwrap_or(0),
    }
}

fn scalar(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, String> {
    let string = || Value::String(text.to_owned());
    let Some(tag) = tag else {
        return Ok(if plain { resolve(text) } else { string() });
    };
    // A lone `!` says "not resolved": text.
    if tag.handle.is_empty() && tag.suffix == "!" {
        return Ok(string());
    }
    if !tag.is_yaml_core_schema() {
        return Err(format!("unknown tag `{}`", shown(&tag.to_string())));
    }
    let resolved = resolve(text);
    let fits = match tag.suffix.as_str() {
        "str" => return Ok(string()),
        "null" => resolved.is_null(),
        "bool" => resolved.is_boolean(),
        "int" => resolved.is_i64() || resolved.is_u64(),
        "float" => resolved.is_number() || resolved.is_null(),
        _ => return Err(format!("unknown tag `{}`", shown(&tag.to_string()))),
    };
    if fits { Ok(resolved) } else { Err(format!("`{}` is not of the type its tag says", shown(text))) }
}

fn check_tag(tag: Option<&Tag>, expected: &str) -> Result<(), String> {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == expected) => {
            Err(format!("unknown tag `{}`", shown(&tag.to_string())))
        }
        _ => Ok(()),
    }
}

/// Gives a plain scalar its type by the core schema (YAML 1.2.2 §10.3.2); so `no` is Norwegian, not false.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        // JSON has no such numbers.
        ".nan" | ".NaN" | ".NAN" => return Value::Null,
        _ => {}
    }
    number(text).unwrap_or_else(|| Value::String(text.to_owned()))
}

fn number(text: &str) -> Option<Value> {
    let digits = |radix: u32, text: &str| -> Option<Value> {
        let all = !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
        all.then(|| u64::from_str_radix(text, radix).ok().map(Value::from)).flatten()
    };
    if let Some(octal) = text.strip_prefix("0o") {
        return digits(8, octal);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return digits(16, hexadecimal);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Some(Value::Null);
    }
    let starts = unsigned.strip_prefix('.').unwrap_or(unsigned).starts_with(|c: char| c.is_ascii_digit());
    let shaped = unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    if !starts || !shaped {
        return None;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let whole = text.strip_prefix('+').unwrap_or(text);
        if let Ok(number) = whole.parse::<i64>() {
            return Some(Value::from(number));
        }
        if let Ok(number) = whole.parse::<u64>() {
            return Some(Value::from(number));
        }
    }
    // What Rust takes beyond the schema (`inf`, `nan`) was sorted out above.
    let number: f64 = text.parse().ok()?;
    Number::from_f64(number).map(Value::Number)
}

fn shown(text: &str) -> String {
    text.chars().take(120).flat_map(char::escape_debug).collect()
}
