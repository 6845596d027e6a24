//! A README's metadata is refused or parsed, bounded in depth; tags and problems follow from whatever was parsed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_core::RepoKind;
use lyceum_trust::card::{arxiv, parse, split, tags, validate};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    check(&text);
    check(&format!("---\n{text}\n---\n"));
});

fn check(readme: &str) {
    arxiv(readme);
    let metadata = match parse(readme) {
        Ok(Some(metadata)) => metadata,
        Ok(None) => return assert!(split(readme).is_none()),
        // For YAML a lone carriage return ends a line too.
        Err(error) => return assert!(error.line <= readme.matches(['\n', '\r']).count() + 2, "{error}"),
    };
    for kind in RepoKind::ALL {
        assert!(tags(kind, &metadata).len() <= 1000);
        assert!(validate(kind, &metadata).len() <= 50);
    }
    let value = Value::Object(metadata);
    assert!(depth(&value) <= 65);
    // JSON is YAML, so what was parsed can be written and parsed again.
    let again = parse(&format!("---\n{value}\n---\n"));
    assert!(matches!(again, Ok(Some(_)) | Err(_)));
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}
