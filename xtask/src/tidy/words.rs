//! Words that must not be committed: paths of one machine, registry mirrors, tasks without a number.

use super::{Problem, Source};

struct Word {
    text: &'static str,
    why: &'static str,
}

/// This file and its tests name the words; they are the only ones that may.
const EXEMPT: &str = "xtask/src/tidy/";

const WORDS: &[Word] = &[
    Word { text: "/root/", why: "a path of one machine" },
    Word { text: "/home/", why: "a path of one machine" },
    Word { text: "\"resolved\":", why: "lock files must work behind any registry" },
    Word { text: "--index-url", why: "requirements must work behind any index" },
    Word { text: "FIXME", why: "fix it, or open an issue and say TODO(#number)" },
    Word { text: "XXX", why: "fix it, or open an issue and say TODO(#number)" },
];

pub(super) fn check(sources: &[Source]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for source in sources.iter().filter(|source| !source.path.starts_with(EXEMPT)) {
        for (number, line) in source.text.lines().enumerate() {
            for why in check_line(line) {
                problems.push(Problem::Error(format!("{}:{}: {why}", source.path, number + 1)));
            }
        }
    }
    problems
}

fn check_line(line: &str) -> Vec<String> {
    let mut found: Vec<_> = WORDS
        .iter()
        .filter(|word| whole(line, word.text))
        .map(|word| format!("`{}`: {}", word.text, word.why))
        .collect();
    for (at, _) in line.match_indices("TODO") {
        let rest = &line[at + "TODO".len()..];
        let numbered = rest.strip_prefix("(#").is_some_and(|rest| {
            rest.split_once(')').is_some_and(|(number, _)| number.parse::<u64>().is_ok())
        });
        if !numbered {
            found.push("`TODO` without an issue number; write TODO(#number)".to_owned());
        }
    }
    found
}

/// Whether a word stands in a line on its own: the test token `…KeyXXXX…` is no `XXX`.
fn whole(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        // A path begins anywhere but inside another path.
        let starts = if word.starts_with('/') { !part(before) } else { !part(before.filter(|&c| c != '.')) };
        starts && (word.starts_with('/') || !part(after.filter(|&c| c != '.')))
    })
}

#[cfg(test)]
mod tests;
