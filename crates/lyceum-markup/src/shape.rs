//! HTML of what the library's own leaves out of reach of a keyboard or a screen reader.

use std::fmt::{self, Write as _};

use comrak::html::{ChildRendering, Context, escape, format_node_default};
use comrak::nodes::{Node, NodeValue};

use crate::code::{self, Language};

/// Writes a node: code that scrolls can be focused, and is marked where its language is known, and the boxes of a task list have names.
pub(crate) fn write<'a>(
    context: &mut Context<'_, '_>,
    node: Node<'a>,
    entering: bool,
) -> Result<ChildRendering, fmt::Error> {
    match &node.data().value {
        NodeValue::CodeBlock(block) => {
            if entering {
                context.cr()?;
                context.write_str("<pre tabindex=\"0\"><code>")?;
                let name = block.info.split([' ', ',', '{', '\t']).next().unwrap_or_default();
                match Language::named(name) {
                    Some(language) => {
                        for line in code::lines(&block.literal, Some(language)) {
                            writeln!(context, "{line}")?;
                        }
                    }
                    None => escape(context, &block.literal)?,
                }
                context.write_str("</code></pre>\n")?;
            }
            Ok(ChildRendering::HTML)
        }
        NodeValue::TaskItem(task) => {
            if entering {
                let (label, checked) =
                    if task.symbol.is_some() { ("done", " checked=\"\"") } else { ("not done", "") };
                context.cr()?;
                write!(
                    context,
                    "<li><input type=\"checkbox\" aria-label=\"{label}\"{checked} disabled=\"\" /> "
                )?;
            } else {
                context.write_str("</li>\n")?;
            }
            Ok(ChildRendering::HTML)
        }
        _ => format_node_default(context, node, entering),
    }
}
