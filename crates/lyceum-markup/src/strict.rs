//! Reading what was rendered by the strictest of grammars, for tests: every `<` begins one of the tags that may come
//! out, every value is quoted, every element is closed, and nothing is loaded from elsewhere.

/// The elements that may come out, whatever goes in.
const ELEMENTS: &str = "a abbr b bdi bdo blockquote br caption center cite code col colgroup dd del details dfn div dl \
    dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img input ins kbd li mark ol p picture pre q rp rt ruby s samp \
    section small span strike strong sub summary sup table tbody td th thead tr ul var";
const ATTRIBUTES: &str = "align alt aria-label checked class colspan data-footnote-backref data-footnote-backref-idx \
    data-footnote-ref data-footnotes data-heading-content dir disabled height href id open rowspan src start \
    tabindex title type width";
const EMPTY: [&str; 5] = ["br", "col", "hr", "img", "input"];
/// How addresses may begin.
const LEADS: [&str; 7] = ["/", "\\", "#", "?", "http:", "https:", "mailto:"];

/// Returns what must not be there.
pub fn read(html: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    for piece in html.split('<').skip(1) {
        let problem = |what: &str| Err(format!("{what}: <{piece}"));
        let Some((tag, text)) = piece.split_once('>') else {
            return problem("no end");
        };
        if text.contains('>') {
            return problem("a sign of a tag in the text");
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return problem("it was not open");
            }
            continue;
        }
        let (name, attributes) = tag.split_at(tag.find([' ', '/']).unwrap_or(tag.len()));
        if !ELEMENTS.split_whitespace().any(|element| element == name) {
            return problem("no such element");
        }
        if let Err(what) = read_attributes(attributes) {
            return problem(what);
        }
        if !EMPTY.contains(&name) {
            open.push(name);
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("{open:?} stay open")) }
}

/// Returns an address as browsers read it; `None` if it has references that no address needs.
fn decoded(address: &str) -> Option<String> {
    let mut parts = address.split('&');
    let mut read = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';')?;
        read.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#x27" | "#39" => '\'',
            _ => return None,
        });
        read.push_str(rest);
    }
    Some(read)
}

fn read_attributes(mut rest: &str) -> Result<(), &'static str> {
    while let Some(after) = rest.strip_prefix(' ').filter(|after| *after != "/") {
        let (name, after) = after.split_at(after.find(['=', ' ']).unwrap_or(after.len()));
        if !ATTRIBUTES.split_whitespace().any(|known| known == name) {
            return Err("no such attribute");
        }
        rest = after;
        let Some(value) = after.strip_prefix("=\"") else {
            continue;
        };
        let (value, after) = value.split_once('"').ok_or("no end of a value")?;
        rest = after;
        let address = matches!(name, "href" | "src");
        let value =
            if address { decoded(value).ok_or("an address that hides something")? } else { value.to_owned() };
        let lower = value.to_lowercase();
        if name == "href" && !value.is_empty() && !LEADS.iter().any(|lead| lower.starts_with(lead)) {
            return Err("an address of an unknown kind");
        }
        if name == "src" && (!value.starts_with('/') || value.starts_with("//") || value.starts_with("/\\")) {
            return Err("a picture from elsewhere");
        }
    }
    if ["", " /"].contains(&rest) { Ok(()) } else { Err("something else in a tag") }
}
