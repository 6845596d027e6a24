//! Files that git itself reads, known by their names.

use super::Refusal;
use super::name::{dot_named, harmless};
use crate::parse_config;

/// Largest `.gitattributes` that git reads.
const MAX_ATTRIBUTES_BYTES: usize = 100 * 1024 * 1024;
/// Longest line of one.
const MAX_ATTRIBUTES_LINE_BYTES: usize = 2048;

/// A file that git reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Special {
    /// `.gitmodules`
    Modules,
    /// `.gitattributes`
    Attributes,
    /// `.gitignore` and `.mailmap`, which git reads only where they are no symbolic links.
    Other,
}

/// Returns what some file system would take a name for.
pub(crate) fn special(name: &str) -> Option<Special> {
    if harmless(name) {
        return None;
    }
    [
        ("gitmodules", "gi7eba", Special::Modules),
        ("gitattributes", "gi7d29", Special::Attributes),
        ("gitignore", "gi250a", Special::Other),
        ("mailmap", "maba30", Special::Other),
    ]
    .into_iter()
    .find(|(stem, short, _)| dot_named(name, stem, short))
    .map(|(_, _, special)| special)
}

/// Checks the content of a file that git reads.
pub(crate) fn check_special(special: Special, data: &[u8]) -> Result<(), Refusal> {
    match special {
        Special::Modules => check_modules(data),
        Special::Attributes if data.len() > MAX_ATTRIBUTES_BYTES => {
            Err(("gitattributesLarge", "`.gitattributes` is too large to parse".to_owned()))
        }
        Special::Attributes => {
            let long = |line: &[u8]| line.len() > MAX_ATTRIBUTES_LINE_BYTES;
            match data.split(|byte| *byte == b'\n').any(long) {
                true => Err((
                    "gitattributesLineLength",
                    "`.gitattributes` has too long lines to parse".to_owned(),
                )),
                false => Ok(()),
            }
        }
        Special::Other => Ok(()),
    }
}

/// Checks what older clients would run, or leave their folder for. What is no configuration at all, git only mentions.
fn check_modules(data: &[u8]) -> Result<(), Refusal> {
    let mut checked = Ok(());
    parse_config(&String::from_utf8_lossy(data), |name, value| {
        let setting = name.strip_prefix("submodule.").and_then(|name| name.rsplit_once('.'));
        if let Some((module, key)) = setting.filter(|_| checked.is_ok()) {
            checked = check_setting(module, key, &value.unwrap_or_default());
        }
    });
    checked.map_err(|(id, words)| (id, format!("in `.gitmodules`: disallowed submodule {words}")))
}

fn check_setting(module: &str, key: &str, value: &str) -> Result<(), Refusal> {
    if module.is_empty() || module.split(['/', '\\']).any(|part| part == "..") {
        return Err(("gitmodulesName", format!("name `{module}`")));
    }
    let option = value.starts_with('-');
    match key {
        "url" if option || value.contains('\n') || value.to_ascii_lowercase().contains("%0a") => {
            Err(("gitmodulesUrl", format!("url `{value}`")))
        }
        "path" if option => Err(("gitmodulesPath", format!("path `{value}`"))),
        "update" if value.starts_with('!') => Err(("gitmodulesUpdate", format!("update setting `{value}`"))),
        _ => Ok(()),
    }
}
