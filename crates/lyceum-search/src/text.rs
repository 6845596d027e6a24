//! Cutting text into the pieces that are looked up. The same cuts are made of what is indexed and of what is asked.
//!
//! Names are cut into every run of three characters, so that any part of them is found. Texts are cut into words; runs
//! of scripts that put no spaces between words are cut into pairs of characters.

use std::collections::BTreeSet;

use tantivy::tokenizer::{AsciiFoldingFilter, PreTokenizedString, RawTokenizer, TextAnalyzer, Token};

/// Longest word in bytes that a text is found by; what is longer is data, not language.
const MAX_WORD_BYTES: usize = 64;
/// Characters in a piece of a name.
pub(crate) const GRAM: usize = 3;

/// Returns text without regard to case and accents.
pub(crate) fn fold(text: &str) -> String {
    let lower: String =
        text.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).flat_map(char::to_lowercase).collect();
    if lower.is_ascii() {
        return lower;
    }
    let mut analyzer = TextAnalyzer::builder(RawTokenizer::default()).filter(AsciiFoldingFilter).build();
    let mut stream = analyzer.token_stream(&lower);
    stream.next().map(|token| token.text.clone()).unwrap_or_default()
}

/// Returns every run of [`GRAM`] characters of a folded text, each at its place.
pub(crate) fn grams(folded: &str) -> PreTokenizedString {
    let characters: Vec<char> = folded.chars().collect();
    let runs = characters.windows(GRAM).enumerate();
    PreTokenizedString {
        text: String::new(),
        tokens: runs.map(|(place, run)| token(run.iter().collect(), place)).collect(),
    }
}

/// Returns every character and every pair of characters of a folded text once.
pub(crate) fn short_grams(folded: &str) -> PreTokenizedString {
    let characters: Vec<char> = folded.chars().collect();
    let mut found: BTreeSet<String> = characters.iter().map(char::to_string).collect();
    found.extend(characters.windows(2).map(|pair| pair.iter().collect::<String>()));
    once(found)
}

/// Returns every word of a folded text once, with single characters besides the pairs of scripts without spaces.
pub(crate) fn words(folded: &str) -> PreTokenizedString {
    let mut found = BTreeSet::new();
    for run in runs(folded) {
        match run {
            Run::Word(word) => drop(found.insert(word.to_owned())),
            Run::Unspaced(run) => {
                found.extend(run.chars().map(String::from));
                found.extend(pairs(run));
            }
        }
    }
    once(found)
}

/// Returns what a text must hold to match a folded word.
pub(crate) fn asked_words(folded: &str) -> Vec<String> {
    let mut asked = Vec::new();
    for run in runs(folded) {
        match run {
            Run::Word(word) => asked.push(word.to_owned()),
            Run::Unspaced(run) if run.chars().count() == 1 => asked.push(run.to_owned()),
            Run::Unspaced(run) => asked.extend(pairs(run)),
        }
    }
    asked
}

enum Run<'a> {
    Word(&'a str),
    Unspaced(&'a str),
}

/// Cuts text at everything that is neither letter nor digit, and where scripts with and without spaces meet.
fn runs(text: &str) -> impl Iterator<Item = Run<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
            let unspaced = is_unspaced(rest.chars().next()?);
            let end = rest.find(|c: char| !c.is_alphanumeric() || is_unspaced(c) != unspaced);
            let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            if unspaced {
                return Some(Run::Unspaced(run));
            }
            if run.len() <= MAX_WORD_BYTES {
                return Some(Run::Word(run));
            }
        }
    })
}

fn pairs(run: &str) -> impl Iterator<Item = String> + '_ {
    run.chars().zip(run.chars().skip(1)).map(|(first, second)| String::from_iter([first, second]))
}

/// Reports whether a character belongs to a script that puts no spaces between words: Thai, Lao, Burmese, Khmer, and
/// those of East Asia (Korean has spaces, but also endings that stick to the words).
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

fn once(found: BTreeSet<String>) -> PreTokenizedString {
    let tokens = found.into_iter().enumerate().map(|(place, text)| token(text, place)).collect();
    PreTokenizedString { text: String::new(), tokens }
}

fn token(text: String, position: usize) -> Token {
    Token { position, text, ..Token::default() }
}
