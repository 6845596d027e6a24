//! The shape of files: length, module documentation, `foo.rs` beside `foo/`, no file that nothing declares.

use std::collections::HashMap;

use super::{Problem, Source};

const LONG_LINES: usize = 600;
const MAX_LINES: usize = 1000;
/// Text written by hand; lock files and data may be as long as they like.
const WRITTEN: &[&str] = &["rs", "py", "mjs", "js", "css", "html", "sh", "sql"];

pub(super) fn check(sources: &[Source]) -> Vec<Problem> {
    let texts: HashMap<_, _> =
        sources.iter().map(|source| (source.path.as_str(), source.text.as_str())).collect();
    let mut problems = Vec::new();
    for source in sources {
        problems.extend(check_length(source));
        let Some(module) = source.path.strip_suffix(".rs") else { continue };
        if module.ends_with("/mod") {
            problems.push(Problem::Error(format!(
                "{}: use `foo.rs` beside `foo/`, not `foo/mod.rs`",
                source.path
            )));
        }
        let tests = module.ends_with("tests") || module.contains("/tests/");
        if !tests && !source.text.trim_start().starts_with("//!") {
            problems.push(Problem::Error(format!(
                "{}: a module starts with `//!` and says its purpose",
                source.path
            )));
        }
        problems.extend(check_declared(module, &texts));
    }
    problems
}

fn check_length(source: &Source) -> Option<Problem> {
    let extension = source.path.rsplit('.').next()?;
    if !WRITTEN.contains(&extension) {
        return None;
    }
    let lines = source.text.lines().count();
    if lines > MAX_LINES {
        Some(Problem::Error(format!("{}: {lines} lines, more than {MAX_LINES}", source.path)))
    } else if lines > LONG_LINES {
        Some(Problem::Warning(format!("{}: {lines} lines; two ideas may share a room", source.path)))
    } else {
        None
    }
}

/// Reports a file that no parent module declares: it would silently not be compiled, and its tests not run.
fn check_declared(module: &str, texts: &HashMap<&str, &str>) -> Option<Problem> {
    let (folder, name) = module.rsplit_once('/')?;
    let inside = folder.split_once("/src").or_else(|| folder.split_once("/tests"))?.1;
    if matches!(name, "main" | "lib" | "build") && !inside.contains("/bin/") {
        return None;
    }
    // Binaries and end-to-end tests are found by Cargo itself.
    if folder.ends_with("/bin") || folder.ends_with("/tests") && !folder.contains("/src/") {
        return None;
    }
    let parents = [format!("{folder}.rs"), format!("{folder}/lib.rs"), format!("{folder}/main.rs")];
    let declared = parents
        .iter()
        .filter_map(|parent| texts.get(parent.as_str()))
        .any(|text| text.lines().any(|line| declares(line, name)));
    (!declared).then(|| Problem::Error(format!("{module}.rs: no parent module declares it")))
}

fn declares(line: &str, name: &str) -> bool {
    let Some(line) = line.trim().strip_suffix(';') else { return false };
    let mut words = line.split_whitespace().rev();
    words.next() == Some(name) && words.next() == Some("mod")
}
