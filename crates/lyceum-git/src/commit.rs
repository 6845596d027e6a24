//! Commits.

use lyceum_core::Oid;

use crate::limits::{MAX_HEADER_LINES, MAX_PARENTS};
use crate::{Error, Result, Signature};

/// A commit.
///
/// Headers beyond these, such as signatures, are skipped when parsing: stored commits are served as the bytes they
/// are, and only commits made here are encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The root folder.
    pub tree: Oid,
    /// The commits that this one follows; none for the first.
    pub parents: Vec<Oid>,
    /// Who made the change.
    pub author: Signature,
    /// Who recorded it.
    pub committer: Signature,
    /// The summary line, and after an empty line the description.
    pub message: String,
}

impl Commit {
    /// Parses a commit object.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let fail = |problem| Err(Error::malformed("commit", problem));
        let (headers, message) = split_headers("commit", data)?;
        let mut headers = headers.into_iter().peekable();
        let Some(tree) = headers.next_if(|(key, _)| key == "tree").and_then(|(_, hex)| hex.parse().ok())
        else {
            return fail("it does not start with a tree");
        };
        let mut parents = Vec::new();
        while let Some((_, hex)) = headers.next_if(|(key, _)| key == "parent") {
            let Ok(parent) = hex.parse() else {
                return fail("a parent is not an object id");
            };
            if parents.len() == MAX_PARENTS {
                return Err(Error::too_large(format!("a commit has more than {MAX_PARENTS} parents")));
            }
            parents.push(parent);
        }
        let Some((_, author)) = headers.next_if(|(key, _)| key == "author") else {
            return fail("it has no author");
        };
        let Some((_, committer)) = headers.next_if(|(key, _)| key == "committer") else {
            return fail("it has no committer");
        };
        let (author, committer) = (Signature::parse(&author)?, Signature::parse(&committer)?);
        Ok(Self { tree, parents, author, committer, message })
    }

    /// Returns the commit object's content.
    pub fn encode(&self) -> Vec<u8> {
        let parents: String = self.parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let (author, committer) = (self.author.encode(), self.committer.encode());
        let mut text = format!("tree {}\n{parents}author {author}\ncommitter {committer}\n\n", self.tree);
        // A NUL would cut the message off for git.
        text.extend(self.message.chars().filter(|c| *c != '\0'));
        text.into_bytes()
    }

    /// Returns the first line of the message.
    pub fn summary(&self) -> &str {
        self.message.trim_start().lines().next().unwrap_or_default().trim_end()
    }

    /// Returns the message after its first line.
    pub fn body(&self) -> &str {
        self.message.trim_start().split_once('\n').map_or("", |(_, body)| body.trim())
    }
}

/// Splits a commit or tag into header lines and message; continuation lines are dropped with the headers they belong to.
pub(crate) fn split_headers(what: &'static str, data: &[u8]) -> Result<(Vec<(String, String)>, String)> {
    let mut headers = Vec::new();
    let mut rest = data;
    let mut lines = 0;
    while !rest.is_empty() {
        let (line, after) = match rest.iter().position(|b| *b == b'\n') {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &[][..]),
        };
        rest = after;
        if line.is_empty() {
            break;
        }
        lines += 1;
        if lines > MAX_HEADER_LINES {
            return Err(Error::too_large(format!("a {what} has more than {MAX_HEADER_LINES} header lines")));
        }
        if line.starts_with(b" ") {
            continue;
        }
        let line = String::from_utf8_lossy(line);
        let (key, value) = line.split_once(' ').unwrap_or((&line, ""));
        headers.push((key.to_owned(), value.to_owned()));
    }
    Ok((headers, String::from_utf8_lossy(rest).into_owned()))
}

#[cfg(test)]
mod tests;
