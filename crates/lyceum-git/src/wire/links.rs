//! What an object leads to, read without judging it: what is stored is served, also where a check would complain.

use lyceum_core::Oid;

use crate::limits::{MAX_PARENTS, MAX_TAG_DEPTH};
use crate::object::read_kind;
use crate::{Error, ObjectKind, Objects, PackSource, Result};

/// What the walk over a history needs of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitLinks {
    pub(crate) tree: Oid,
    pub(crate) parents: Vec<Oid>,
    /// When it was committed, in seconds.
    pub(crate) date: i64,
}

/// An entry of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link<'a> {
    pub(crate) kind: LinkKind,
    pub(crate) name: &'a [u8],
    pub(crate) oid: Oid,
}

/// What a tree's entry leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkKind {
    Tree,
    Blob,
    /// A commit of another repository.
    Submodule,
}

/// Reads a commit.
pub(crate) async fn read_links(objects: &impl Objects, oid: Oid) -> Result<CommitLinks> {
    let object = read_kind(objects, oid, ObjectKind::Commit).await?;
    parse_commit(&object.data).ok_or_else(|| Error::malformed("commit", oid.to_string()))
}

/// Follows annotated tags: returns them, and the kind and id of what they lead to. Only tags are read.
pub(crate) async fn peel(source: &impl PackSource, oid: Oid) -> Result<(Vec<Oid>, ObjectKind, Oid)> {
    let mut tags = Vec::new();
    let mut target = oid;
    loop {
        let kind = source.header(target).await?.kind;
        if kind != ObjectKind::Tag {
            return Ok((tags, kind, target));
        }
        if tags.len() > MAX_TAG_DEPTH {
            return Err(Error::too_large(format!("tag {oid} points through more than {MAX_TAG_DEPTH} tags")));
        }
        tags.push(target);
        let object = source.read(target).await?;
        target = tag_target(&object.data).ok_or_else(|| Error::malformed("tag", target.to_string()))?;
    }
}

fn parse_commit(data: &[u8]) -> Option<CommitLinks> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let tree = parse_oid(lines.next()?.strip_prefix(b"tree ")?)?;
    let mut parents = Vec::new();
    let mut date = 0;
    for line in lines {
        if let Some(parent) = line.strip_prefix(b"parent ") {
            if parents.len() == MAX_PARENTS {
                return None;
            }
            parents.push(parse_oid(parent)?);
        } else if let Some(committer) = line.strip_prefix(b"committer ") {
            date = parse_date(committer).unwrap_or(0);
            break;
        } else if line.is_empty() {
            break;
        }
    }
    Some(CommitLinks { tree, parents, date })
}

fn parse_date(committer: &[u8]) -> Option<i64> {
    let after = committer.iter().rposition(|byte| *byte == b'>')? + 1;
    std::str::from_utf8(&committer[after..]).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

fn tag_target(data: &[u8]) -> Option<Oid> {
    parse_oid(data.split(|byte| *byte == b'\n').next()?.strip_prefix(b"object ")?)
}

fn parse_oid(hex: &[u8]) -> Option<Oid> {
    std::str::from_utf8(hex).ok()?.parse().ok()
}

/// Returns the entries of a tree, in the order in which they stand; the last is an error if the tree is damaged.
pub(crate) fn entries(data: &[u8]) -> impl Iterator<Item = Result<Link<'_>>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let link = take_link(&mut rest);
        if link.is_none() {
            rest = &[];
        }
        Some(link.ok_or_else(|| Error::malformed("tree", "an entry is cut off")))
    })
}

fn take_link<'a>(rest: &mut &'a [u8]) -> Option<Link<'a>> {
    let space = rest.iter().take(8).position(|byte| *byte == b' ')?;
    let mode = rest[..space].iter().try_fold(0_u32, |mode, digit| {
        (b'0'..=b'7').contains(digit).then(|| mode << 3 | u32::from(digit - b'0'))
    })?;
    let named = &rest[space + 1..];
    let end = named.iter().position(|byte| *byte == 0)?;
    let (oid, after) = named[end + 1..].split_at_checked(Oid::BYTES)?;
    *rest = after;
    let kind = match mode & 0o170_000 {
        0o040_000 => LinkKind::Tree,
        0o160_000 => LinkKind::Submodule,
        _ => LinkKind::Blob,
    };
    Some(Link { kind, name: &named[..end], oid: Oid::from_slice(oid)? })
}

impl Link<'_> {
    /// Compares as git sorts: by bytes, as if the names of folders ended with `/`.
    pub(crate) fn order(&self, other: &Link<'_>) -> std::cmp::Ordering {
        let common = self.name.len().min(other.name.len());
        let end = |link: &Link<'_>| match link.name.get(common) {
            Some(byte) => *byte,
            None if link.kind == LinkKind::Tree => b'/',
            None => 0,
        };
        self.name[..common].cmp(&other.name[..common]).then_with(|| end(self).cmp(&end(other)))
    }
}

#[cfg(test)]
mod tests;
