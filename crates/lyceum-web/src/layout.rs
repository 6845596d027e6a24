//! What stands around every page.

use lyceum_hub::Caller;

use crate::asset;
use crate::session::Session;

/// The frame of a page.
pub(crate) struct Layout {
    /// Title of the window.
    pub(crate) title: String,
    /// Path of the style sheet.
    pub(crate) style: String,
    /// Name of the signed-in user.
    pub(crate) user: Option<String>,
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
        Self { title: title.into(), style: asset::style_path(), user, form_token: session.form_token() }
    }

    /// Returns the frame for a page that does not know its caller.
    pub(crate) fn anonymous(title: impl Into<String>) -> Self {
        Self { title: title.into(), style: asset::style_path(), user: None, form_token: String::new() }
    }
}
