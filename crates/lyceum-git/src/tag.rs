//! Annotated tags.

use lyceum_core::Oid;

use crate::commit::split_headers;
use crate::{Error, ObjectKind, Result, Signature};

/// An annotated tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// What the tag points to.
    pub target: Oid,
    /// The kind of that object.
    pub target_kind: ObjectKind,
    /// The tag's name, without `refs/tags/`.
    pub name: String,
    /// Who made the tag; very old tags lack it.
    pub tagger: Option<Signature>,
    /// The message.
    pub message: String,
}

impl Tag {
    /// Parses a tag object.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let fail = |problem| Err(Error::malformed("tag", problem));
        let (headers, message) = split_headers("tag", data)?;
        let mut headers = headers.into_iter().peekable();
        let Some(target) = headers.next_if(|(key, _)| key == "object").and_then(|(_, hex)| hex.parse().ok())
        else {
            return fail("it does not start with an object");
        };
        let Some(target_kind) =
            headers.next_if(|(key, _)| key == "type").and_then(|(_, word)| ObjectKind::parse(&word))
        else {
            return fail("it has no type");
        };
        let Some((_, name)) = headers.next_if(|(key, _)| key == "tag") else {
            return fail("it has no name");
        };
        let tagger = headers.next_if(|(key, _)| key == "tagger");
        let tagger = tagger.map(|(_, line)| Signature::parse(&line)).transpose()?;
        Ok(Self { target, target_kind, name, tagger, message })
    }

    /// Returns the tag object's content.
    pub fn encode(&self) -> Vec<u8> {
        let name = self.name.replace(['\n', '\0'], "");
        let tagger =
            self.tagger.as_ref().map(|tagger| format!("tagger {}\n", tagger.encode())).unwrap_or_default();
        let mut text = format!("object {}\ntype {}\ntag {name}\n{tagger}\n", self.target, self.target_kind);
        text.extend(self.message.chars().filter(|c| *c != '\0'));
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests;
