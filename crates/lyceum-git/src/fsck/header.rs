//! Commits and tags: lines of a header, then a message.

use lyceum_core::Oid;

use super::Refusal;
use crate::ObjectKind;

/// Checks a commit.
pub(super) fn check_commit(data: &[u8]) -> Result<(), Refusal> {
    check_end(data)?;
    let mut lines = Lines(data);
    let tree = lines.take(b"tree ").ok_or_else(|| refuse("missingTree", "there is no line `tree`"))?;
    parse_oid(tree).ok_or_else(|| refuse("badTreeSha1", "the line `tree` has no id"))?;
    while let Some(parent) = lines.take(b"parent ") {
        parse_oid(parent).ok_or_else(|| refuse("badParentSha1", "a line `parent` has no id"))?;
    }
    let author =
        lines.take(b"author ").ok_or_else(|| refuse("missingAuthor", "there is no line `author`"))?;
    check_person(author)?;
    if lines.take(b"author ").is_some() {
        return Err(refuse("multipleAuthors", "there is more than one line `author`"));
    }
    let committer = lines
        .take(b"committer ")
        .ok_or_else(|| refuse("missingCommitter", "there is no line `committer`"))?;
    check_person(committer)?;
    if data.contains(&0) {
        return Err(refuse("nulInCommit", "the message has a NUL"));
    }
    Ok(())
}

/// Checks an annotated tag.
pub(super) fn check_tag(data: &[u8]) -> Result<(), Refusal> {
    check_end(data)?;
    let mut lines = Lines(data);
    let target =
        lines.take(b"object ").ok_or_else(|| refuse("missingObject", "there is no line `object`"))?;
    parse_oid(target).ok_or_else(|| refuse("badObjectSha1", "the line `object` has no id"))?;
    let kind = lines.take(b"type ").ok_or_else(|| refuse("missingTypeEntry", "there is no line `type`"))?;
    if std::str::from_utf8(kind).ok().and_then(ObjectKind::parse).is_none() {
        return Err(refuse("badType", "the line `type` names no type"));
    }
    lines.take(b"tag ").ok_or_else(|| refuse("missingTagEntry", "there is no line `tag`"))?;
    match lines.take(b"tagger ") {
        Some(tagger) => check_person(tagger),
        None => Ok(()),
    }
}

/// The lines of a header; one that ends nowhere is none.
struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    /// Takes the next line if it starts so.
    fn take(&mut self, key: &[u8]) -> Option<&'a [u8]> {
        let rest = self.0.strip_prefix(key)?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        self.0 = &rest[end + 1..];
        Some(&rest[..end])
    }
}

/// A header ends with an empty line, or with the object.
fn check_end(data: &[u8]) -> Result<(), Refusal> {
    let header = data.windows(2).position(|pair| pair == b"\n\n").map_or(data, |end| &data[..end]);
    if let Some(at) = header.iter().position(|byte| *byte == 0) {
        return Err(refuse("nulInHeader", format!("unterminated header: NUL at offset {at}")));
    }
    if header.len() == data.len() && !data.ends_with(b"\n") {
        return Err(refuse("unterminatedHeader", "unterminated header"));
    }
    Ok(())
}

/// Checks `Name <address> seconds ±hhmm`.
fn check_person(line: &[u8]) -> Result<(), Refusal> {
    let bracket = |byte: &u8| matches!(byte, b'<' | b'>');
    let opening = line.iter().position(bracket);
    let (name, rest) = match opening {
        Some(0) if line[0] == b'<' => {
            return Err(refuse("missingNameBeforeEmail", "a person has no name"));
        }
        Some(at) if line[at] == b'>' => return Err(refuse("badName", "a name has a `>`")),
        Some(at) => (&line[..at], &line[at + 1..]),
        None => return Err(refuse("missingEmail", "a person has no address")),
    };
    if !name.ends_with(b" ") {
        return Err(refuse("missingSpaceBeforeEmail", "there is no space before an address"));
    }
    let rest = match rest.iter().position(bracket) {
        Some(at) if rest[at] == b'>' => &rest[at + 1..],
        _ => return Err(refuse("badEmail", "an address does not end")),
    };
    let Some(date) = rest.strip_prefix(b" ") else {
        return Err(refuse("missingSpaceBeforeDate", "there is no space before a date"));
    };
    let digits = date.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (seconds, zone) = date.split_at(digits);
    if seconds.len() > 1 && seconds[0] == b'0' {
        return Err(refuse("zeroPaddedDate", "a date starts with a zero"));
    }
    if seconds.is_empty() || !zone.starts_with(b" ") {
        return Err(refuse("badDate", "a date is no number of seconds"));
    }
    if std::str::from_utf8(seconds).ok().and_then(|text| text.parse::<i64>().ok()).is_none() {
        return Err(refuse("badDateOverflow", "a date is too far in the future"));
    }
    let zone = &zone[1..];
    if zone.len() != 5 || !matches!(zone[0], b'+' | b'-') || !zone[1..].iter().all(u8::is_ascii_digit) {
        return Err(refuse("badTimezone", "a time zone is not as it should be"));
    }
    Ok(())
}

fn parse_oid(hex: &[u8]) -> Option<Oid> {
    std::str::from_utf8(hex).ok()?.parse().ok()
}

fn refuse(id: &'static str, words: impl Into<String>) -> Refusal {
    (id, words.into())
}
