//! Reads what an artefact says of itself: safetensors and GGUF headers, model cards.
