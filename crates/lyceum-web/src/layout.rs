//! What stands around every page.

use lyceum_hub::Caller;

use crate::asset;
use crate::session::Session;
use crate::theme::Theme;

/// The frame of a page.
pub(crate) struct Layout {
    /// Title of the window.
    pub(crate) title: String,
    /// Path of the style sheet.
    pub(crate) style: String,
    /// Path of the mark, for the window's tab.
    pub(crate) icon: String,
    /// Its colours.
    pub(crate) theme: Theme,
    /// Name of the signed-in user.
    pub(crate) user: Option<String>,
    /// Whether the user administers the hub.
    pub(crate) admin: bool,
    /// Token for the sign-out form.
    pub(crate) form_token: String,
}

impl Layout {
    /// Returns the frame for the caller.
    pub(crate) fn new(title: impl Into<String>, session: &Session) -> Self {
        let user = match &session.caller {
            Caller::User(identity) => Some(identity.name.to_string()),
            Caller::Anonymous => None,
        };
        let admin = session.caller.identity().is_some_and(|identity| identity.admin);
        Self { theme: session.theme, user, admin, form_token: session.form_token(), ..Self::anonymous(title) }
    }

    /// Returns the frame for a page that does not know its caller.
    pub(crate) fn anonymous(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            style: asset::style_path(),
            icon: asset::icon_path(),
            theme: Theme::default(),
            user: None,
            admin: false,
            form_token: String::new(),
        }
    }
}
