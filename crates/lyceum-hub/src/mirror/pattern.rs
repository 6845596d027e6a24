//! Which repos of an upstream may be mirrored.

use lyceum_core::{RepoId, RepoKind};

/// Ids of repos of one kind: `google/*`, `datasets/*/wiki-*`. `*` stands for any characters but a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoPattern {
    kind: RepoKind,
    namespace: String,
    name: String,
}

/// A text that is no [`RepoPattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPattern(String);

impl std::fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is not of the form `namespace/name`, `datasets/namespace/name` and so on", self.0)
    }
}

impl std::error::Error for InvalidPattern {}

impl RepoPattern {
    /// Parses a pattern; without a kind in front it is for models.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = || InvalidPattern(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts[..] {
            [namespace, name] => (RepoKind::Model, namespace, name),
            [kind, namespace, name] => {
                let mut kinds = RepoKind::ALL.into_iter();
                (kinds.find(|known| known.plural() == kind).ok_or_else(invalid)?, namespace, name)
            }
            _ => return Err(invalid()),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c);
        if [namespace, name].iter().any(|part| part.is_empty() || !part.chars().all(allowed)) {
            return Err(invalid());
        }
        Ok(Self { kind, namespace: namespace.to_ascii_lowercase(), name: name.to_ascii_lowercase() })
    }

    /// Reports whether a repo is one of those that are meant.
    pub(crate) fn matches(&self, kind: RepoKind, id: &RepoId) -> bool {
        self.kind == kind
            && matches(&self.namespace, &id.namespace().as_str().to_ascii_lowercase())
            && matches(&self.name, &id.name().to_ascii_lowercase())
    }
}

/// Matches a text against a pattern in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    // The first place where a middle part fits is as good as any later one.
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_ids() {
        let check = |pattern: &str, kind, id: &str, expected| {
            let pattern = RepoPattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(kind, &RepoId::parse(id).unwrap()), expected, "{pattern:?} {id}");
        };
        let (model, dataset) = (RepoKind::Model, RepoKind::Dataset);
        check("google/*", model, "Google/bert", true);
        check("google/*", model, "googler/bert", false);
        check("google/*", dataset, "google/bert", false);
        check("models/google/*", model, "google/bert", true);
        check("datasets/*/*", dataset, "a/b", true);
        check("*/bert-*-cased", model, "a/bert-large-cased", true);
        check("*/bert-*-cased", model, "a/bert-cased", false);
        check("a/b*c*d", model, "a/b-c-c-d", true);
        check("a/b", model, "a/bc", false);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "*", "google", "a/b/c/d", "buckets/a/b", "things/a/b", "a/", "/b", "a/b c", "../b/"]
        {
            assert!(RepoPattern::parse(text).is_err(), "{text}");
        }
    }
}
