//! A Llama so small that it fits in a megabyte: every file that `transformers` needs to load and run it.
//!
//! Its weights are fixed pseudo-random numbers, so what it writes makes no sense; its form is exactly a real one's.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::client::File;
use super::tokenizer;

const VOCABULARY: usize = 512;
const HIDDEN: usize = 64;
const INTERMEDIATE: usize = 256;
const LAYERS: usize = 3;
/// Spread of the weights, as the architecture initialises them.
const SPREAD: f32 = 0.02;

const CARD: &str = "---
license: apache-2.0
language:
- en
library_name: transformers
pipeline_tag: text-generation
tags:
- demo
datasets:
- demo/chemical-elements
---

# Tiny Llama

A language model of 230 thousand parameters with the architecture of Llama.
It was never trained: its weights are fixed pseudo-random numbers.
Use it to see that a hub, a network and a client work, or as a fast stand-in for a large model in tests.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(\"demo/tiny-llama\")
model = AutoModelForCausalLM.from_pretrained(\"demo/tiny-llama\")
inputs = tokenizer(\"The lightest element is\", return_tensors=\"pt\")
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=8)[0]))
```
";

/// Returns the files of the model.
pub(super) fn files() -> Result<Vec<File>> {
    let small = |path, value: &Value| {
        let content = serde_json::to_vec_pretty(value).context("write JSON")?;
        Ok::<_, anyhow::Error>(File { path, content, large: false })
    };
    Ok(vec![
        File { path: "README.md", content: CARD.as_bytes().to_vec(), large: false },
        small("config.json", &config())?,
        small(
            "generation_config.json",
            &json!({ "bos_token_id": 0, "eos_token_id": 0, "do_sample": false }),
        )?,
        small("tokenizer.json", &tokenizer::train(VOCABULARY))?,
        small("tokenizer_config.json", &tokenizer::config())?,
        small("special_tokens_map.json", &tokenizer::special_tokens())?,
        File { path: "model.safetensors", content: weights()?, large: true },
    ])
}

fn config() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "head_dim": HIDDEN / 4,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "initializer_range": 0.02,
        "intermediate_size": INTERMEDIATE,
        "max_position_embeddings": 512,
        "mlp_bias": false,
        "model_type": "llama",
        "num_attention_heads": 4,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": 4,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": true,
        "torch_dtype": "float32",
        "use_cache": true,
        "vocab_size": VOCABULARY,
    })
}

/// Returns name and shape of every tensor.
fn tensors() -> Vec<(String, Vec<usize>)> {
    let mut tensors = vec![("model.embed_tokens.weight".to_owned(), vec![VOCABULARY, HIDDEN])];
    for layer in 0..LAYERS {
        let mut add = |name: &str, shape: &[usize]| {
            tensors.push((format!("model.layers.{layer}.{name}.weight"), shape.to_vec()));
        };
        add("input_layernorm", &[HIDDEN]);
        for name in ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"] {
            add(name, &[HIDDEN, HIDDEN]);
        }
        add("post_attention_layernorm", &[HIDDEN]);
        add("mlp.gate_proj", &[INTERMEDIATE, HIDDEN]);
        add("mlp.up_proj", &[INTERMEDIATE, HIDDEN]);
        add("mlp.down_proj", &[HIDDEN, INTERMEDIATE]);
    }
    tensors.push(("model.norm.weight".to_owned(), vec![HIDDEN]));
    tensors
}

/// Returns a safetensors file: length of the header, header, numbers.
fn weights() -> Result<Vec<u8>> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
    let mut data = Vec::new();
    let mut random = Random(0x6c79_6365_756d);
    for (name, shape) in tensors() {
        let start = data.len();
        for _ in 0..shape.iter().product() {
            // Normalisation starts as the identity.
            let weight = if shape.len() == 1 { 1.0 } else { random.next() * SPREAD };
            data.extend_from_slice(&weight.to_le_bytes());
        }
        header.insert(name, json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] }));
    }
    let mut header = serde_json::to_vec(&header).context("write the header")?;
    // Readers that map the file want the numbers aligned.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.append(&mut header);
    file.append(&mut data);
    Ok(file)
}

/// SplitMix64: the same numbers on every machine.
struct Random(u64);

impl Random {
    /// Returns a number between -1 and 1 with 24 random bits.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let fraction = (bits >> 40) as f32 / (1_u32 << 24) as f32;
        fraction.mul_add(2.0, -1.0)
    }
}

#[cfg(test)]
mod tests;
