//! Trains a byte-level BPE tokenizer on a few sentences and writes it in the format of the `tokenizers` library.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

/// The only special token: start and end of a text. Its id is 0.
const END: &str = "<|endoftext|>";

/// What the merges are learnt from.
const TEXT: &str = "\
The hub keeps models and datasets. A model is a set of weights and the code that reads them. A dataset is a table or \
a folder of files. Every change is a commit, and every commit can be read again. A client asks for a file by its name \
and gets the bytes that were stored, no more and no less. The lightest element is hydrogen and the next one is helium. \
Then there are lithium, beryllium, boron, carbon, nitrogen, oxygen, fluorine and neon. When the people of a laboratory \
share their work, others can check it, use it and make it better. That is what the word lyceum stands for: a place \
where those who know and those who want to know walk together. In the morning they would read, in the afternoon they \
would write, and in the evening they would talk about what they had read and written. There is nothing to install \
but one program, and it starts with one command. What was stored here stays here, and nothing is sent to anyone else \
unless the one who runs the hub wants it so.";

/// Returns `tokenizer.json` with exactly `size` tokens.
pub(super) fn train(size: usize) -> Value {
    let mut tokens: Vec<String> = vec![END.to_owned()];
    tokens.extend((0..=255).map(|byte| letter(byte).to_string()));
    let mut known: HashSet<String> = tokens.iter().cloned().collect();
    let mut words = words();
    let mut merges = Vec::new();
    while tokens.len() < size {
        let Some((left, right)) = commonest_pair(&words) else { break };
        let joined = format!("{left}{right}");
        merge(&mut words, &left, &right);
        merges.push(format!("{left} {right}"));
        if known.insert(joined.clone()) {
            tokens.push(joined);
        }
    }
    let vocabulary: Map<String, Value> =
        tokens.into_iter().enumerate().map(|(id, token)| (token, json!(id))).collect();
    let end = json!({
        "id": 0, "content": END, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": true,
    });
    let byte_level =
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [end],
        "normalizer": null,
        "pre_tokenizer": byte_level,
        "post_processor": null,
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "vocab": vocabulary, "merges": merges,
        },
    })
}

/// Returns `tokenizer_config.json`.
pub(super) fn config() -> Value {
    json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END,
        "eos_token": END,
        "pad_token": END,
        "clean_up_tokenization_spaces": false,
        "model_max_length": 512,
    })
}

/// Returns `special_tokens_map.json`.
pub(super) fn special_tokens() -> Value {
    json!({ "bos_token": END, "eos_token": END, "pad_token": END })
}

/// Returns the words of the text, each with the space before it, as lists of one-letter tokens with their count.
fn words() -> BTreeMap<Vec<String>, usize> {
    let mut words = BTreeMap::new();
    for (index, word) in TEXT.split(' ').enumerate() {
        let space = if index == 0 { "" } else { " " };
        // Punctuation is a word of its own, as the pre-tokenizer splits it.
        let stem = word.trim_end_matches(['.', ',', ':']);
        for part in [format!("{space}{stem}"), word[stem.len()..].to_owned()] {
            let letters: Vec<String> = part.bytes().map(|byte| letter(byte).to_string()).collect();
            *words.entry(letters).or_insert(0) += 1;
        }
    }
    words
}

/// Returns the adjacent pair that occurs most often; among equals the first in order, so that the result is fixed.
fn commonest_pair(words: &BTreeMap<Vec<String>, usize>) -> Option<(String, String)> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (word, count) in words {
        for pair in word.windows(2) {
            *counts.entry((&pair[0], &pair[1])).or_default() += count;
        }
    }
    let (pair, _) = counts.into_iter().rev().max_by_key(|(_, count)| *count)?;
    Some((pair.0.to_owned(), pair.1.to_owned()))
}

fn merge(words: &mut BTreeMap<Vec<String>, usize>, left: &str, right: &str) {
    let old = std::mem::take(words);
    for (word, count) in old {
        let mut merged: Vec<String> = Vec::with_capacity(word.len());
        let mut previous_free = false;
        for token in word {
            match merged.last_mut() {
                Some(last) if previous_free && last == left && token == right => {
                    last.push_str(&token);
                    // What was just joined must not be joined again in this pass.
                    previous_free = false;
                }
                _ => {
                    merged.push(token);
                    previous_free = true;
                }
            }
        }
        *words.entry(merged).or_insert(0) += count;
    }
}

/// Returns the printable letter that stands for a byte in byte-level BPE: itself if printable, else one from U+0100 on.
fn letter(byte: u8) -> char {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if printable(byte) {
        return char::from(byte);
    }
    let rank = (0..byte).filter(|other| !printable(*other)).count();
    u32::try_from(rank)
        .ok()
        .and_then(|rank| char::from_u32(0x100 + rank))
        .expect("there are only 68 such bytes")
}
