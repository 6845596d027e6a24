//! Tests of the demo's model.

use serde_json::Value;

use super::{VOCABULARY, files, weights};

#[test]
fn the_weights_are_a_safetensors_file() {
    let file = weights().unwrap();
    let length = usize::try_from(u64::from_le_bytes(file[..8].try_into().unwrap())).unwrap();
    assert_eq!(length % 8, 0);
    let header: Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let data = file.len() - 8 - length;
    let mut covered = 0;
    for (name, tensor) in header.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with("__")) {
        let elements: u64 = tensor["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).product();
        let (start, end) =
            (tensor["data_offsets"][0].as_u64().unwrap(), tensor["data_offsets"][1].as_u64().unwrap());
        assert_eq!(end - start, elements * 4, "{name}");
        covered += usize::try_from(end - start).unwrap();
    }
    assert_eq!(covered, data);
    assert!((800_000..1_200_000).contains(&file.len()), "{}", file.len());
    assert_eq!(file, weights().unwrap(), "the weights are the same each time");
}

#[test]
fn the_tokenizer_fits_the_model() {
    let files = files().unwrap();
    let tokenizer = files.iter().find(|file| file.path == "tokenizer.json").unwrap();
    let tokenizer: Value = serde_json::from_slice(&tokenizer.content).unwrap();
    let vocabulary = tokenizer["model"]["vocab"].as_object().unwrap();
    let mut ids: Vec<u64> = vocabulary.values().map(|id| id.as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..VOCABULARY as u64).collect::<Vec<_>>());
    for merge in tokenizer["model"]["merges"].as_array().unwrap() {
        let (left, right) = merge.as_str().unwrap().split_once(' ').unwrap();
        for part in [left, right, &format!("{left}{right}")] {
            assert!(vocabulary.contains_key(part), "{part}");
        }
    }
}
