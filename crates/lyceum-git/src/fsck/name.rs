//! Names that some file system takes for one of git's own.

/// Reports whether a look tells that a name is none of these, as it does of almost every name: it neither starts with a
/// dot, nor is shortened, nor has anything that some file system leaves out or takes for the end of a folder's name.
pub(super) fn harmless(name: &str) -> bool {
    !name.starts_with('.') && name.bytes().all(|byte| byte.is_ascii() && !matches!(byte, b'~' | b'\\'))
}

/// Reports whether some file system would open this name as `.git`: upper case, what HFS+ ignores, and the short names
/// and endings of NTFS, behind a backslash too.
pub(super) fn dot_git(name: &str) -> bool {
    if harmless(name) {
        return false;
    }
    let visible = as_on_hfs(name);
    visible.split('\\').any(|part| {
        let stem = part.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
        stem == ".git" || stem == "git~1"
    })
}

/// Reports whether some file system would open this name as `.{stem}`, which has more than six letters; NTFS may
/// shorten it to `short` and a number.
pub(super) fn dot_named(name: &str, stem: &str, short: &str) -> bool {
    let visible = as_on_hfs(name);
    if visible == format!(".{stem}") {
        return true;
    }
    visible.split('\\').any(|part| {
        let part = part.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
        if part.strip_prefix('.') == Some(stem) {
            return true;
        }
        let Some((start, number)) = part.split_once('~') else {
            return false;
        };
        // Short names have six characters and two for a number, which may grow at the cost of the others. The first four
        // of a kind get the start of the long name; then a hash takes over.
        let counted = number.starts_with(|c: char| ('1'..='9').contains(&c))
            && number.bytes().all(|byte| byte.is_ascii_digit());
        part.len() == 8 && counted && (start == &stem[..6] || short.starts_with(start))
    })
}

fn as_on_hfs(name: &str) -> String {
    name.chars().filter(|c| !ignored_by_hfs(*c)).collect::<String>().to_ascii_lowercase()
}

fn ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}
