//! Markdown that people wrote, ready for a page.

use lyceum_hub::Error;
use lyceum_markup::Place;

use crate::error::PageError;

/// Texts up to this length are rendered in place, which takes a millisecond or two.
const INLINE_BYTES: usize = 32 * 1024;

/// A text as a page shows it.
#[derive(Debug)]
pub(crate) enum Prose {
    /// Rendered by `lyceum-markup`, which lets nothing harmful through.
    Html(String),
    /// Too long or too deep to be rendered.
    Plain(String),
}

impl Prose {
    /// Renders a text whose relative links lead to `place`.
    pub(crate) async fn render(text: String, place: &Place) -> Result<Self, PageError> {
        let (place, short) = (place.clone(), text.len() <= INLINE_BYTES);
        let work = move || match lyceum_markup::render(&text, &place) {
            Some(html) => Self::Html(html),
            None => Self::Plain(text),
        };
        if short {
            return Ok(work());
        }
        Ok(tokio::task::spawn_blocking(work).await.map_err(Error::internal)?)
    }
}
