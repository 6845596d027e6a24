//! What file names give away.

use serde_json::Value;

/// Returns the library that loads a model with these files.
pub(super) fn library(files: &[&str], config: Option<&Value>) -> Option<&'static str> {
    let has = |name: &str| files.contains(&name);
    let ends = |suffix: &str| files.iter().any(|file| file.ends_with(suffix));
    if has("adapter_config.json") {
        return Some("peft");
    }
    if has("model_index.json") {
        return Some("diffusers");
    }
    if has("modules.json") || has("config_sentence_transformers.json") {
        return Some("sentence-transformers");
    }
    if has("open_clip_config.json") {
        return Some("open_clip");
    }
    if let Some(config) = config {
        if config.get("architectures").is_some_and(Value::is_array) || config.get("model_type").is_some() {
            return Some("transformers");
        }
        if config.get("architecture").is_some() && config.get("pretrained_cfg").is_some() {
            return Some("timm");
        }
    }
    [
        (".gguf", "gguf"),
        (".nemo", "nemo"),
        (".keras", "keras"),
        ("keras_metadata.pb", "keras"),
        (".skops", "sklearn"),
        (".joblib", "sklearn"),
        (".mlmodel", "coreml"),
        (".onnx", "onnx"),
    ]
    .into_iter()
    .find(|(suffix, _)| ends(suffix))
    .map(|(_, library)| library)
}

/// Returns the formats that the weights come in.
pub(super) fn tags(files: &[&str]) -> impl Iterator<Item = &'static str> {
    type Rule = (&'static str, fn(&str) -> bool);
    const RULES: &[Rule] = &[
        ("pytorch", |name| {
            (name.starts_with("pytorch_model") && name.ends_with(".bin"))
                || [".pt", ".pth", "adapter_model.bin", ".bin.index.json"]
                    .iter()
                    .any(|end| name.ends_with(end))
        }),
        ("tf", |name| name.starts_with("tf_model") && name.ends_with(".h5")),
        ("jax", |name| name.starts_with("flax_model") && name.ends_with(".msgpack")),
        ("rust", |name| name == "rust_model.ot"),
        ("coreml", |name| name.ends_with(".mlmodel") || name.ends_with(".mlpackage")),
        ("onnx", |name| name.ends_with(".onnx")),
        ("openvino", |name| name.starts_with("openvino_") && name.ends_with(".xml")),
        ("tflite", |name| name.ends_with(".tflite")),
        ("tensorboard", |name| name.contains("tfevents")),
        ("safetensors", |name| name.ends_with(".safetensors")),
        ("gguf", |name| name.ends_with(".gguf")),
        ("keras", |name| name.ends_with(".keras") || name == "keras_metadata.pb"),
        ("joblib", |name| name.ends_with(".joblib")),
    ];
    let names: Vec<&str> = files.iter().map(|path| path.rsplit('/').next().unwrap_or(path)).collect();
    RULES.iter().filter(move |(_, rule)| names.iter().any(|name| rule(name))).map(|(tag, _)| *tag)
}

/// Returns the class that prepares the input.
pub(super) fn processor(files: &[&str]) -> Option<&'static str> {
    let has = |name: &str| files.contains(&name);
    let tokenizer =
        has("tokenizer_config.json") || has("tokenizer.json") || has("vocab.txt") || has("vocab.json");
    if has("processor_config.json") || (has("preprocessor_config.json") && tokenizer) {
        Some("AutoProcessor")
    } else if tokenizer {
        Some("AutoTokenizer")
    } else if has("preprocessor_config.json") {
        Some("AutoImageProcessor")
    } else {
        None
    }
}
