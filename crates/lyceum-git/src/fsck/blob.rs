//! Files that git itself reads, known by their names.

use super::Refusal;
use super::name::dot_named;

/// Largest `.gitattributes` that git reads.
const MAX_ATTRIBUTES_BYTES: usize = 100 * 1024 * 1024;
/// Longest line of one.
const MAX_ATTRIBUTES_LINE_BYTES: usize = 2048;

/// A file that git reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    // Almost every name is told apart by a look.
    if !name.contains(['.', '~']) {
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
    let text = String::from_utf8_lossy(data);
    let refuse = |id, words: String| Err((id, format!("in `.gitmodules`: {words}")));
    let mut module = false;
    for line in text.lines() {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            let (kind, name) = section.split_once('"').unwrap_or((section, ""));
            module = kind.trim().eq_ignore_ascii_case("submodule");
            let name = unescape(name.rsplit_once('"').map_or(name, |(name, _)| name));
            if module && (name.is_empty() || name.split(['/', '\\']).any(|part| part == "..")) {
                return refuse("gitmodulesName", format!("disallowed submodule name `{name}`"));
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| module) else {
            continue;
        };
        let value = unescape(value.trim());
        let option = value.starts_with('-');
        match &*key.trim().to_ascii_lowercase() {
            "url" if option || value.contains('\n') || value.to_ascii_lowercase().contains("%0a") => {
                return refuse("gitmodulesUrl", format!("disallowed submodule url `{value}`"));
            }
            "path" if option => {
                return refuse("gitmodulesPath", format!("disallowed submodule path `{value}`"));
            }
            "update" if value.starts_with('!') => {
                return refuse("gitmodulesUpdate", format!("disallowed submodule update setting `{value}`"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Takes quotes and backslashes off a value.
fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => {}
            '\\' => text.extend(characters.next().map(|c| if c == 'n' { '\n' } else { c })),
            c => text.push(c),
        }
    }
    text
}
