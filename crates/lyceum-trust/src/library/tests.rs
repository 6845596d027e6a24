use serde_json::{Value, json};

use super::guess;

fn check(files: &[&str], config: Value, library: Option<&str>, task: Option<&str>, tags: &[&str]) {
    let guess = guess(files, Some(&config).filter(|config| !config.is_null()));
    assert_eq!(guess.library_name.as_deref(), library, "{files:?}");
    assert_eq!(guess.pipeline_tag.as_deref(), task, "{files:?} {config}");
    assert_eq!(guess.tags, tags, "{files:?}");
}

fn config(architecture: &str, model_type: &str) -> Value {
    json!({"architectures": [architecture], "model_type": model_type})
}

#[test]
fn transformers_models_are_known_by_their_configuration() {
    let files =
        ["config.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"];
    let tags = |model_type| ["pytorch", "tf", "jax", "safetensors", model_type];
    let task = |architecture, model_type, task| {
        check(&files, config(architecture, model_type), Some("transformers"), task, &tags(model_type));
    };
    task("BertForMaskedLM", "bert", Some("fill-mask"));
    task("LlamaForCausalLM", "llama", Some("text-generation"));
    task("GPT2LMHeadModel", "gpt2", Some("text-generation"));
    task("T5ForConditionalGeneration", "t5", Some("text2text-generation"));
    task("WhisperForConditionalGeneration", "whisper", Some("automatic-speech-recognition"));
    task("Qwen2VLForConditionalGeneration", "qwen2_vl", Some("image-text-to-text"));
    task("Wav2Vec2ForCTC", "wav2vec2", Some("automatic-speech-recognition"));
    task("BertModel", "bert", Some("feature-extraction"));
    task("SomethingElse", "custom", None);
    let guess = guess(&["tokenizer.json", "config.json"], Some(&config("LlamaForCausalLM", "llama")));
    assert_eq!(guess.auto_model.as_deref(), Some("AutoModelForCausalLM"));
    assert_eq!(guess.processor.as_deref(), Some("AutoTokenizer"));
}

#[test]
fn other_libraries_are_known_by_their_files() {
    check(
        &["adapter_config.json", "adapter_model.safetensors"],
        Value::Null,
        Some("peft"),
        None,
        &["safetensors"],
    );
    check(
        &["model_index.json", "unet/x.safetensors"],
        Value::Null,
        Some("diffusers"),
        Some("text-to-image"),
        &["safetensors"],
    );
    check(
        &["modules.json"],
        config("BertModel", "bert"),
        Some("sentence-transformers"),
        Some("sentence-similarity"),
        &["bert"],
    );
    check(&["m.Q4_K_M.gguf"], Value::Null, Some("gguf"), None, &["gguf"]);
    check(
        &["config.json"],
        json!({"architecture": "resnet50", "pretrained_cfg": {}}),
        Some("timm"),
        None,
        &[],
    );
    check(&["runs/events.out.tfevents.1"], Value::Null, None, None, &["tensorboard"]);
    check(&["README.md"], Value::Null, None, None, &[]);
    check(&[], Value::Null, None, None, &[]);
}

#[test]
fn odd_configurations_are_taken_calmly() {
    for config in [json!([]), json!(1), json!({"architectures": "x"}), json!({"model_type": "a b<script>"})] {
        assert_eq!(guess(&["config.json"], Some(&config)).tags, [""; 0], "{config}");
    }
}
