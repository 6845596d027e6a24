//! How a collection is addressed.

use std::fmt;

use lyceum_core::AccountName;

/// Hexadecimal digits of a collection's id, as clients know ids.
pub(super) const ID_CHARS: usize = 24;
/// Longest part of a slug that is made from the title.
const MAX_TITLE_CHARS: usize = 60;

/// `namespace/words-of-the-title-id`. Only the namespace and the id decide: the words are for people, and those of an
/// earlier title still lead to the collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionSlug {
    namespace: AccountName,
    words: String,
    id: String,
}

impl CollectionSlug {
    /// Makes the slug of a title.
    pub(super) fn new(namespace: AccountName, title: &str, id: String) -> Self {
        let mut words = String::new();
        for character in title.chars().take(MAX_TITLE_CHARS) {
            if character.is_ascii_alphanumeric() {
                words.push(character.to_ascii_lowercase());
            } else if !words.is_empty() && !words.ends_with('-') {
                words.push('-');
            }
        }
        words.truncate(words.trim_end_matches('-').len());
        Self { namespace, words, id }
    }

    /// Parses `namespace/words-id`; `None` if no collection can have it.
    pub fn parse(slug: &str) -> Option<Self> {
        let (namespace, rest) = slug.split_once('/')?;
        Self::from_parts(namespace, rest)
    }

    /// Parses the two halves of a slug; `None` if no collection can have it.
    pub fn from_parts(namespace: &str, rest: &str) -> Option<Self> {
        let (words, id) = rest.rsplit_once('-').unwrap_or(("", rest));
        let hexadecimal = id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if id.len() != ID_CHARS || !hexadecimal {
            return None;
        }
        let namespace = AccountName::parse(namespace).ok()?;
        Some(Self { namespace, words: words.to_owned(), id: id.to_owned() })
    }

    /// Returns the owner's name.
    pub fn namespace(&self) -> &AccountName {
        &self.namespace
    }

    /// Returns the collection's id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for CollectionSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, words, id } = self;
        if words.is_empty() { write!(f, "{namespace}/{id}") } else { write!(f, "{namespace}/{words}-{id}") }
    }
}

#[cfg(test)]
mod tests;
