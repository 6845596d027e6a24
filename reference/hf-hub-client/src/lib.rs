//! The official Rust client, unmodified, against a hub whose address and token come in `HF_ENDPOINT` and `HF_TOKEN`.
//!
//! There is no code here but tests; `cargo xtask clients` runs them.

#[cfg(test)]
mod tests;
