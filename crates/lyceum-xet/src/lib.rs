//! Xet formats: chunk, hash, encode and decode xorbs and shards, plan reconstructions; pure and bounded.
