//! Counting in windows of time, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;

/// Counts by key that are forgotten all at once when the next window begins.
///
/// Windows start at the same moment for everyone. Beyond `most` keys those that come later share the count of another.
#[derive(Debug)]
pub struct Window<K> {
    number: i64,
    most: usize,
    counts: HashMap<K, u32>,
}

impl<K: Copy + Eq + Hash> Window<K> {
    /// Returns a window in which nothing was counted, for so many keys.
    pub fn new(most: usize) -> Self {
        Self { number: 0, most, counts: HashMap::new() }
    }

    /// Forgets everything unless this window is the one of before.
    pub fn enter(&mut self, number: i64) {
        if self.number != number {
            self.number = number;
            self.counts = HashMap::new();
        }
    }

    /// Returns the count of a key, or that of `others` if there is no room for it.
    pub fn count(&mut self, key: K, others: K) -> &mut u32 {
        let full = self.counts.len() >= self.most && !self.counts.contains_key(&key);
        self.counts.entry(if full { others } else { key }).or_default()
    }
}

#[cfg(test)]
mod tests;
