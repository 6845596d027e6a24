//! Markdown that people write, as HTML that cannot do harm.
//!
//! Cards and comments come from anybody. The dialect is GitHub's, raw HTML included, since cards are full of it; what
//! comes out has no scripts, no styles, no forms, no frames, and loads nothing from elsewhere. Nothing of the raw HTML
//! is passed on: its tags are read, and those that are harmless are written anew, each closed where it was opened. The
//! time this takes grows with the length of the text, whatever it says, which no parser of broken HTML offers.

mod address;
pub mod code;
mod html;
mod shape;
#[cfg(any(test, feature = "fuzzing"))]
pub mod strict;

pub use address::Place;

use comrak::nodes::{AstNode, Node, NodeValue};
use comrak::{Arena, Options};

/// Longest text that is rendered; what is longer is shown as it is.
pub const MAX_MARKDOWN_BYTES: usize = 512 * 1024;
/// Deepest nesting of quotes and lists; browsers stop at 512 elements.
const MAX_DEPTH: usize = 100;

/// Before every `id`, so that none is taken for one of the page around it.
const ID_PREFIX: &str = "user-";

/// Renders a text; `None` if it is too long or nested too deeply. Relative links lead to `place`.
pub fn render(markdown: &str, place: &Place) -> Option<String> {
    if markdown.len() > MAX_MARKDOWN_BYTES {
        return None;
    }
    let (arena, options) = (Arena::new(), dialect());
    let root = comrak::parse_document(&arena, markdown, &options);
    if root.descendants().any(|node| node.ancestors().nth(MAX_DEPTH).is_some()) {
        return None;
    }
    for node in root.descendants() {
        disarm_addresses(node, place);
        disarm_html(node, place, &arena);
    }
    let mut html = String::with_capacity(markdown.len() + markdown.len() / 2);
    let plugins = comrak::options::Plugins::default();
    comrak::html::format_document_with_formatter(root, &options, &mut html, &plugins, shape::write, ())
        .ok()?;
    Some(html)
}

/// GitHub Flavored Markdown, <https://github.github.com/gfm/>, with footnotes, alerts and anchors of headings.
fn dialect() -> Options<'static> {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.alerts = true;
    options.extension.header_id_prefix = Some(ID_PREFIX.to_owned());
    options.extension.header_id_prefix_in_href = true;
    // What is raw in the tree was written by `html`, and every address was looked at.
    options.render.r#unsafe = true;
    options
}

/// Makes links and pictures lead where they may.
fn disarm_addresses(node: Node<'_>, place: &Place) {
    let in_link = || node.ancestors().skip(1).any(|above| matches!(above.data().value, NodeValue::Link(_)));
    let mut data = node.data_mut();
    let shown = match &mut data.value {
        NodeValue::Link(link) => {
            link.url = place.link(&link.url).unwrap_or_default();
            return;
        }
        NodeValue::Image(image) => match (place.picture(&image.url), place.link(&image.url)) {
            (Some(url), _) => {
                image.url = url;
                return;
            }
            // Whoever wants to see what is elsewhere may go there.
            (None, Some(_)) if !in_link() => NodeValue::Link(image.clone()),
            (None, _) => NodeValue::Emph,
        },
        _ => return,
    };
    data.value = shown;
}

/// Writes the raw HTML among the children of a node anew, and closes there what was opened there.
fn disarm_html<'a>(parent: Node<'a>, place: &Place, arena: &'a Arena<'a>) {
    let mut open = html::Open::default();
    for child in parent.children() {
        match &mut child.data_mut().value {
            NodeValue::HtmlInline(literal) => *literal = open.rewrite(literal, place),
            NodeValue::HtmlBlock(block) => block.literal = open.rewrite(&block.literal, place),
            _ => {}
        }
    }
    let rest = open.close();
    if !rest.is_empty() {
        parent.append(arena.alloc(AstNode::from(NodeValue::Raw(rest))));
    }
}

#[cfg(test)]
mod tests;
