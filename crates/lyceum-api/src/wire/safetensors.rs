//! Headers of weights.

use std::collections::BTreeMap;

use lyceum_hub::SafetensorsMetadata;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Answer of `…/safetensors-metadata/{file}`.
#[derive(Debug, Serialize)]
pub(crate) struct SafetensorsWire {
    /// `{metadata}`; without the weight map, which repeats the headers.
    index: Map<String, Value>,
    /// Per file the tensors by name, and `__metadata__` if the file has some.
    headers: BTreeMap<String, Map<String, Value>>,
}

impl From<SafetensorsMetadata> for SafetensorsWire {
    fn from(found: SafetensorsMetadata) -> Self {
        let index = found.index.map(|metadata| ("metadata".to_owned(), metadata)).into_iter().collect();
        let mut headers = BTreeMap::new();
        for (file, header) in found.headers {
            let mut tensors = Map::new();
            if !header.metadata.is_empty() {
                tensors.insert("__metadata__".to_owned(), json!(header.metadata));
            }
            for (name, tensor) in header.tensors {
                let described = json!({
                    "dtype": tensor.dtype,
                    "shape": tensor.shape,
                    "data_offsets": tensor.data_offsets,
                });
                tensors.insert(name, described);
            }
            headers.insert(file, tensors);
        }
        Self { index, headers }
    }
}
