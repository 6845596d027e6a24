//! Guesses, from the names of a repo's files and its configuration, what made it and what it is for.

mod architectures;
mod formats;

use serde_json::Value;

/// What the files of a model suggest; the card, where it speaks, is to be preferred.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guess {
    /// The library that loads the model, such as `transformers`.
    pub library_name: Option<String>,
    /// The task, such as `text-generation`.
    pub pipeline_tag: Option<String>,
    /// The class of transformers that loads it, such as `AutoModelForCausalLM`.
    pub auto_model: Option<String>,
    /// The class of transformers that prepares its input, such as `AutoTokenizer`.
    pub processor: Option<String>,
    /// File formats and the model type, as tags: `pytorch`, `safetensors`, `bert`.
    pub tags: Vec<String>,
}

/// Guesses from the paths of all files and the parsed `config.json`, if there is one.
pub fn guess(file_names: &[impl AsRef<str>], config: Option<&Value>) -> Guess {
    let files: Vec<&str> = file_names.iter().map(AsRef::as_ref).collect();
    let model_type = config.and_then(|config| config.get("model_type")).and_then(Value::as_str);
    let architecture = config.and_then(|config| config.get("architectures")?.get(0)?.as_str());
    let library = formats::library(&files, config);
    let mut tags: Vec<String> = formats::tags(&files).map(str::to_owned).collect();
    // A type is a word that somebody wrote into a file; only what looks like one becomes a tag.
    let word = |text: &&str| {
        text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    tags.extend(model_type.filter(word).filter(|text| !text.is_empty()).map(str::to_owned));
    let mut guess = Guess { library_name: library.map(str::to_owned), tags, ..Guess::default() };
    match library {
        Some("transformers") => {
            let known = architectures::find(architecture.unwrap_or_default(), model_type.unwrap_or_default());
            if let Some((auto_model, pipeline_tag)) = known {
                guess.auto_model = Some(auto_model.to_owned());
                guess.pipeline_tag = pipeline_tag.map(str::to_owned);
            } else if architecture.is_some() {
                guess.auto_model = Some("AutoModel".to_owned());
            }
            guess.processor = formats::processor(&files).map(str::to_owned);
        }
        Some("sentence-transformers") => guess.pipeline_tag = Some("sentence-similarity".to_owned()),
        Some("diffusers") => guess.pipeline_tag = Some("text-to-image".to_owned()),
        _ => {}
    }
    guess
}

#[cfg(test)]
mod tests;
