//! Differential tests of `lyceum-xet` against the upstream Xet crates, in both directions.
//!
//! Every clause of the format is checked by letting one side write what the other reads. Run them with
//! `cargo test --manifest-path reference/Cargo.toml`.

#![cfg(test)]

mod chunking;
mod data;
mod hashes;
mod shards;
mod xorbs;
