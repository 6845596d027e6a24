//! `/admin/settings`: the settings as loaded, without secrets.

use std::sync::Arc;

use askama::Template;
use http::StatusCode;

use super::{Admin, Menu};
use crate::error::PageResult;
use crate::layout::Layout;
use crate::machine::LoadedSetting;
use crate::response::{CachePolicy, render};

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct Settings {
    layout: Layout,
    menu: Menu,
    settings: Arc<[LoadedSetting]>,
}

/// Answers the settings.
pub(crate) async fn show(admin: Admin) -> PageResult {
    let page = Settings {
        layout: admin.layout("Settings"),
        menu: Menu { open: "/admin/settings" },
        settings: Arc::clone(&admin.web.machine.settings),
    };
    Ok(render(StatusCode::OK, CachePolicy::Never, &page))
}
