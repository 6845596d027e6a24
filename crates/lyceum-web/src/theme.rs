//! Light or dark: as the system says, or as this browser was told.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::HeaderMap;
use http::header::{REFERER, SET_COOKIE};
use serde::Deserialize;

use crate::Web;
use crate::error::{PageError, PageResult};
use crate::form::Form;
use crate::page::login::local;
use crate::session::theme_cookie;

/// The colours of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    /// What the system prefers.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    const ALL: [(Self, &'static str); 3] =
        [(Self::System, "Auto"), (Self::Light, "Light"), (Self::Dark, "Dark")];

    /// Returns the theme of a word, if it is one.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().map(|(theme, _)| theme).find(|theme| theme.word() == word)
    }

    /// Returns the word for it in forms and cookies.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::System => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Returns what the page says of it; nothing where the system decides.
    pub(crate) fn attribute(self) -> Option<&'static str> {
        (self != Self::System).then(|| self.word())
    }

    /// Returns all themes as `(word, label, chosen)`.
    pub(crate) fn choices(self) -> [(&'static str, &'static str, bool); 3] {
        Self::ALL.map(|(theme, label)| (theme.word(), label, theme == self))
    }
}

/// The form in the footer. It has no token: the worst that a forged one does is to change colours.
#[derive(Deserialize)]
pub(crate) struct Choice {
    theme: String,
}

/// Remembers a choice and leads back to where it was made.
pub(crate) async fn choose(
    State(web): State<Web>,
    headers: HeaderMap,
    Form(sent): Form<Choice>,
) -> PageResult {
    let theme = Theme::parse(&sent.theme).ok_or_else(PageError::not_found)?;
    let mut response: Response = Redirect::to(&origin(&headers)).into_response();
    response.headers_mut().append(SET_COOKIE, theme_cookie(&web, theme));
    Ok(response)
}

/// Returns the path of the page that the form was on.
fn origin(headers: &HeaderMap) -> String {
    let referer = headers.get(REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = referer.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    local(path)
}
