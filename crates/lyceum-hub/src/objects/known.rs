//! Where the objects of a repo lie: the indexes of its segments, made quick to search.

use std::sync::Arc;

use lyceum_core::Oid;
use lyceum_git::{SegmentEntry, SegmentIndex};

/// Where an object lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of its segment.
    pub(crate) segment: i64,
    pub(crate) entry: SegmentEntry,
}

/// What the segments of a repo hold that were seen so far. A copy shares what does not change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The segments and where their entries end, oldest first.
    segments: Vec<(i64, u64)>,
    /// Places by id, those in older segments first. Each table is at least twice as long as the next: there are few,
    /// and what one more segment costs does not grow with the repo.
    tables: Vec<Arc<[Place]>>,
}

impl Known {
    /// Adds a segment that is newer than the others.
    pub(crate) fn add(&mut self, segment: i64, index: &SegmentIndex) {
        let end = index.iter().map(|entry| entry.offset + entry.stored_bytes).max();
        self.segments.push((segment, end.unwrap_or(0)));
        let mut table: Vec<Place> = index.iter().map(|entry| Place { segment, entry: *entry }).collect();
        while let Some(before) = self.tables.pop_if(|before| before.len() < 2 * table.len()) {
            table = merge(&before, &table);
        }
        if !table.is_empty() {
            self.tables.push(table.into());
        }
    }

    /// Returns the number of the newest segment, 0 if there is none.
    pub(crate) fn newest(&self) -> i64 {
        self.segments.last().map_or(0, |(segment, _)| *segment)
    }

    /// Finds an object in the oldest segment that has it.
    ///
    /// A delta's base is in the same segment. Two pushes at once may bring the same two objects, each as a delta of the
    /// other one; as the oldest is taken always, chains never go round.
    pub(crate) fn locate(&self, oid: Oid) -> Option<Place> {
        self.tables.iter().find_map(|table| {
            table.binary_search_by(|place| place.entry.oid.cmp(&oid)).ok().map(|at| table[at])
        })
    }

    /// Returns the places of objects whose id starts with the given hexadecimal digits (lower case).
    pub(crate) fn with_prefix<'a>(&'a self, hex: &'a str) -> impl Iterator<Item = &'a Place> {
        let mut low = [b'0'; 2 * Oid::BYTES];
        let length = hex.len().min(low.len());
        low[..length].copy_from_slice(&hex.as_bytes()[..length]);
        let low: Option<Oid> = std::str::from_utf8(&low).ok().and_then(|low| low.parse().ok());
        self.tables.iter().flat_map(move |table| {
            let start = low.map_or(table.len(), |low| table.partition_point(|place| place.entry.oid < low));
            table[start..].iter().take_while(move |place| place.entry.oid.to_string().starts_with(hex))
        })
    }

    /// Returns where the entries of a segment end.
    pub(crate) fn end_of(&self, segment: i64) -> u64 {
        let found = self.segments.binary_search_by_key(&segment, |(segment, _)| *segment);
        found.map_or(0, |at| self.segments[at].1)
    }

    /// Returns the memory that it takes in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        let places: usize = self.tables.iter().map(|table| table.len()).sum();
        places * size_of::<Place>() + self.segments.len() * size_of::<(i64, u64)>()
    }
}

/// Merges two tables; of an object in both, the place in the older one counts.
fn merge(older: &[Place], newer: &[Place]) -> Vec<Place> {
    let mut merged = Vec::with_capacity(older.len() + newer.len());
    let mut newer = newer.iter().peekable();
    for place in older {
        while let Some(other) = newer.next_if(|other| other.entry.oid < place.entry.oid) {
            merged.push(*other);
        }
        newer.next_if(|other| other.entry.oid == place.entry.oid);
        merged.push(*place);
    }
    merged.extend(newer);
    merged
}

#[cfg(test)]
mod tests;
