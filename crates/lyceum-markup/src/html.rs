//! Raw HTML inside of Markdown, written anew (CommonMark, “Raw HTML”).

use crate::{ID_PREFIX, Place};

/// Elements that carry or arrange text.
const ALLOWED: [&str; 62] = [
    "a",
    "abbr",
    "b",
    "bdi",
    "bdo",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
    "var",
];
/// Elements that have no end.
const VOID: [&str; 4] = ["br", "col", "hr", "img"];
/// Elements whose content is not text for readers.
const SILENT: [&str; 14] = [
    "iframe",
    "math",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "plaintext",
    "script",
    "select",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
];
/// Most elements that are open at once in one place.
const MAX_OPEN: usize = 50;

/// The elements that are open in one place, outermost first.
#[derive(Default)]
pub(crate) struct Open(Vec<&'static str>);

/// A tag as it was written.
struct Tag<'a> {
    name: String,
    end: bool,
    attributes: Vec<(String, &'a str)>,
}

impl Open {
    /// Returns the text of a piece of HTML and those of its tags that are harmless.
    pub(crate) fn rewrite(&mut self, html: &str, place: &Place) -> String {
        let mut written = String::with_capacity(html.len());
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            text(&rest[..at], &mut written);
            rest = &rest[at..];
            if let Some(after) = skip_comment(rest) {
                rest = after;
            } else if let Some((tag, after)) = parse(rest) {
                rest = after;
                if SILENT.contains(&tag.name.as_str()) {
                    rest = if tag.end { rest } else { skip_element(rest, &tag.name) };
                } else {
                    self.write(&tag, place, &mut written);
                }
            } else {
                written.push_str("&lt;");
                rest = &rest[1..];
            }
        }
        text(rest, &mut written);
        written
    }

    /// Returns the ends of what is open.
    pub(crate) fn close(mut self) -> String {
        let mut written = String::new();
        self.close_down_to(0, &mut written);
        written
    }

    fn close_down_to(&mut self, length: usize, written: &mut String) {
        for name in self.0.drain(length..).rev() {
            written.push_str("</");
            written.push_str(name);
            written.push('>');
        }
    }

    fn write(&mut self, tag: &Tag<'_>, place: &Place, written: &mut String) {
        let Some(name) = ALLOWED.iter().find(|name| **name == tag.name).copied() else {
            return;
        };
        if tag.end {
            if let Some(at) = self.0.iter().rposition(|open| *open == name) {
                self.close_down_to(at, written);
            }
            return;
        }
        let attributes = attributes(name, tag, place);
        if name == "img" && !attributes.iter().any(|(attribute, _)| *attribute == "src") {
            let alternative = attributes.iter().find(|(attribute, _)| *attribute == "alt");
            written.push_str("<em>");
            text(alternative.map_or("picture", |(_, value)| value), written);
            written.push_str("</em>");
            return;
        }
        let empty = VOID.contains(&name);
        if !empty && self.0.len() >= MAX_OPEN {
            return;
        }
        written.push('<');
        written.push_str(name);
        for (attribute, value) in attributes {
            written.push(' ');
            written.push_str(attribute);
            written.push_str("=\"");
            quoted(attribute, &value, written);
            written.push('"');
        }
        written.push('>');
        if !empty {
            self.0.push(name);
        }
    }
}

/// Returns the attributes that are written, each once.
fn attributes(element: &str, tag: &Tag<'_>, place: &Place) -> Vec<(&'static str, String)> {
    let mut kept: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in &tag.attributes {
        let length = || {
            let digits = value.strip_suffix('%').or_else(|| value.strip_suffix("px")).unwrap_or(value);
            (!digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| (*value).to_owned())
        };
        let side = || {
            ["left", "center", "right", "justify"].into_iter().find(|side| value.eq_ignore_ascii_case(side))
        };
        let attribute = match (element, name.as_str()) {
            ("a", "href") => {
                decoded(value).and_then(|address| place.link(&address)).map(|link| ("href", link))
            }
            ("img", "src") => {
                decoded(value).and_then(|address| place.picture(&address)).map(|link| ("src", link))
            }
            (_, "id") | ("a", "name") => Some(("id", format!("{ID_PREFIX}{value}"))),
            (_, "align") => side().map(|side| ("align", side.to_owned())),
            (_, "width") => length().map(|length| ("width", length)),
            (_, "height") => length().map(|length| ("height", length)),
            ("td" | "th", "colspan") => length().map(|length| ("colspan", length)),
            ("td" | "th", "rowspan") => length().map(|length| ("rowspan", length)),
            ("ol", "start") => length().map(|length| ("start", length)),
            ("details", "open") => Some(("open", String::new())),
            ("img", "alt") => Some(("alt", (*value).to_owned())),
            (_, "title") => Some(("title", (*value).to_owned())),
            (_, "dir") => {
                ["ltr", "rtl", "auto"].into_iter().find(|dir| dir == value).map(|dir| ("dir", dir.to_owned()))
            }
            _ => None,
        };
        if let Some((name, value)) = attribute
            && !kept.iter().any(|(known, _)| *known == name)
        {
            kept.push((name, value));
        }
    }
    kept
}

/// Decodes the only reference that addresses need; others hide something.
fn decoded(address: &str) -> Option<String> {
    let address = address.replace("&amp;", "\0");
    let hides = address.split('&').skip(1).any(|rest| {
        let name = rest.split(';').next().unwrap_or_default();
        rest.starts_with('#')
            || (name.len() < rest.len() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    });
    (!hides).then(|| address.replace('\0', "&"))
}

/// Appends text, in which references stay as they are.
fn text(text: &str, written: &mut String) {
    for letter in text.chars() {
        match letter {
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            _ => written.push(letter),
        }
    }
}

/// Appends the value of an attribute between double quotes. That of an address was decoded, so that browsers must read
/// what was looked at; in others references stay as they are.
fn quoted(attribute: &str, value: &str, written: &mut String) {
    let address = matches!(attribute, "href" | "src");
    for letter in value.chars() {
        match letter {
            '&' if address => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            _ => written.push(letter),
        }
    }
}

/// Returns what follows a comment, a declaration or an instruction, if that is what comes next.
fn skip_comment(html: &str) -> Option<&str> {
    let end = match html.get(..4) {
        Some("<!--") => "-->",
        _ if html.starts_with("<![CDATA[") => "]]>",
        _ if html.starts_with("<?") => "?>",
        _ if html.starts_with("<!") => ">",
        _ => return None,
    };
    Some(html.find(end).map_or("", |at| &html[at + end.len()..]))
}

/// Returns what follows the end of an element.
fn skip_element<'a>(html: &'a str, name: &str) -> &'a str {
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        if rest.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return rest.find('>').map_or("", |at| &rest[at + 1..]);
        }
    }
    ""
}

/// Reads a tag, if one comes next, and returns what follows it.
fn parse(html: &str) -> Option<(Tag<'_>, &str)> {
    let rest = html.strip_prefix('<')?;
    let (end, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
    let (name, mut rest) = take(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return None;
    }
    let mut tag = Tag { name: name.to_ascii_lowercase(), end, attributes: Vec::new() };
    loop {
        let (space, after) = take(rest, |byte| byte.is_ascii_whitespace());
        if let Some(after) = after.strip_prefix('>') {
            return Some((tag, after));
        }
        if let Some(after) = after.strip_prefix("/>") {
            return Some((tag, after));
        }
        let (attribute, after) = take(after, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-' | b'@')
        });
        if space.is_empty() || attribute.is_empty() {
            return None;
        }
        let (_, equals) = take(after, |byte| byte.is_ascii_whitespace());
        let Some(value) = equals.strip_prefix('=') else {
            tag.attributes.push((attribute.to_ascii_lowercase(), ""));
            rest = after;
            continue;
        };
        let (value, after) = parse_value(take(value, |byte| byte.is_ascii_whitespace()).1)?;
        tag.attributes.push((attribute.to_ascii_lowercase(), value));
        rest = after;
    }
}

fn parse_value(rest: &str) -> Option<(&str, &str)> {
    for quote in ['"', '\''] {
        if let Some(rest) = rest.strip_prefix(quote) {
            return rest.split_once(quote);
        }
    }
    let unquoted =
        |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'=' | b'<' | b'>' | b'`');
    let (value, rest) = take(rest, unquoted);
    (!value.is_empty()).then_some((value, rest))
}

/// Splits off the longest start all of whose bytes, which are ASCII or not looked at, are accepted.
fn take(text: &str, accepts: impl Fn(u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().position(|byte| byte.is_ascii() && !accepts(byte)).unwrap_or(text.len()))
}
