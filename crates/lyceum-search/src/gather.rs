//! One walk over all hits: the best of them after a place, how many there are, and how often each value of a facet.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{ColumnValues, StrColumn};
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use crate::entry::Facet;
use crate::query::{Query, Sort};

/// Most values of one facet that are told.
const MAX_VALUES: usize = 30;

/// How often each value of a facet is found, the most frequent first.
pub type FacetCounts = Vec<(Facet, Vec<(String, u64)>)>;

/// Where a page ended, as text that clients send back: `value.id`, with what else the next page must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// How well the last hit fits; 0 where that is not asked.
    pub(crate) tier: u8,
    /// What the hits are ordered by.
    pub(crate) value: i64,
    /// The last hit.
    pub(crate) id: i64,
    /// Whether typing mistakes are forgiven.
    pub(crate) loose: bool,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.value, self.id)?;
        match (self.tier, self.loose) {
            (0, false) => Ok(()),
            (tier, false) => write!(f, ".{tier}"),
            (tier, true) => write!(f, ".{tier}~"),
        }
    }
}

impl FromStr for Position {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (text, loose) = text.strip_suffix('~').map_or((text, false), |text| (text, true));
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().unwrap_or_default();
        let (value, id) = (next().parse()?, next().parse()?);
        let tier = parts.next().map_or(Ok(0), str::parse)?;
        Ok(Self { tier, value, id, loose })
    }
}

/// The place of a hit: the highest comes first.
type Rank = (u8, i64, i64);

/// Collects what [`Query`] asks for.
pub(crate) struct Gather {
    sort: Sort,
    ascending: bool,
    ranked: bool,
    after: Option<Rank>,
    limit: usize,
    facets: &'static [Facet],
}

/// What was found in one part of the index, or in all.
#[derive(Default)]
pub(crate) struct Gathered {
    best: BinaryHeap<Reverse<Rank>>,
    total: u64,
    counts: HashMap<Facet, HashMap<String, u64>>,
}

pub(crate) struct Part {
    values: Arc<dyn ColumnValues<i64>>,
    ids: Arc<dyn ColumnValues<i64>>,
    ascending: bool,
    ranked: bool,
    after: Option<Rank>,
    limit: usize,
    facets: Vec<(Facet, StrColumn, Vec<u64>)>,
    gathered: Gathered,
}

impl Gather {
    pub(crate) fn new(query: &Query) -> Self {
        let place = |after: Position| rank(query.ascending, after.tier, after.value, after.id);
        Self {
            sort: query.sort,
            ascending: query.ascending,
            ranked: query.ranked,
            after: query.after.map(place),
            limit: query.limit,
            facets: if query.counts { Facet::ALL } else { &[] },
        }
    }
}

impl Gathered {
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Returns the hits in their order, as the positions that they have.
    pub(crate) fn hits(&mut self, query: &Query, loose: bool) -> Vec<Position> {
        let best = std::mem::take(&mut self.best).into_sorted_vec();
        let position = |Reverse((tier, value, id)): Reverse<Rank>| {
            let (tier, value, id) = rank(query.ascending, tier, value, id);
            Position { tier, value, id, loose }
        };
        best.into_iter().map(position).collect()
    }

    pub(crate) fn facets(self) -> FacetCounts {
        let mut facets: FacetCounts = self
            .counts
            .into_iter()
            .map(|(facet, counts)| {
                let mut counts: Vec<_> = counts.into_iter().collect();
                counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                counts.truncate(MAX_VALUES);
                (facet, counts)
            })
            .collect();
        facets.sort_by_key(|(facet, _)| *facet);
        facets
    }
}

/// Turns numbers so that the first hit has the highest, and back again.
fn rank(ascending: bool, tier: u8, value: i64, id: i64) -> Rank {
    if ascending { (tier, !value, !id) } else { (tier, value, id) }
}

impl Collector for Gather {
    type Fruit = Gathered;
    type Child = Part;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<Part> {
        let fast = segment.fast_fields();
        let mut facets = Vec::new();
        for facet in self.facets {
            // A part of the index in which no entry has the facet has no such column.
            if let Some(column) = fast.str(facet.as_str())? {
                let counts = vec![0; column.num_terms()];
                facets.push((*facet, column, counts));
            }
        }
        Ok(Part {
            values: fast.column_first_or_default(self.sort.field())?,
            ids: fast.column_first_or_default("id")?,
            ascending: self.ascending,
            ranked: self.ranked,
            after: self.after,
            limit: self.limit,
            facets,
            gathered: Gathered::default(),
        })
    }

    fn requires_scoring(&self) -> bool {
        self.ranked
    }

    fn merge_fruits(&self, parts: Vec<tantivy::Result<Gathered>>) -> tantivy::Result<Gathered> {
        let mut all = Gathered::default();
        for part in parts {
            let part = part?;
            all.total += part.total;
            all.best.extend(part.best);
            while all.best.len() > self.limit {
                all.best.pop();
            }
            for (facet, counts) in part.counts {
                let sums = all.counts.entry(facet).or_default();
                for (value, count) in counts {
                    *sums.entry(value).or_default() += count;
                }
            }
        }
        Ok(all)
    }
}

impl SegmentCollector for Part {
    type Fruit = tantivy::Result<Gathered>;

    fn collect(&mut self, doc: DocId, score: Score) {
        self.gathered.total += 1;
        for (_, column, counts) in &mut self.facets {
            for value in column.term_ords(doc) {
                counts[value as usize] += 1;
            }
        }
        let tier = if self.ranked { score as u8 } else { 0 };
        let rank = rank(self.ascending, tier, self.values.get_val(doc), self.ids.get_val(doc));
        if self.after.is_some_and(|after| rank >= after) {
            return;
        }
        let best = &mut self.gathered.best;
        if best.len() < self.limit {
            best.push(Reverse(rank));
        } else if best.peek().is_some_and(|worst| rank > worst.0) {
            best.pop();
            best.push(Reverse(rank));
        }
    }

    fn harvest(mut self) -> tantivy::Result<Gathered> {
        let mut name = String::new();
        for (facet, column, counts) in self.facets {
            let values = self.gathered.counts.entry(facet).or_default();
            for (value, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                column.ord_to_str(value as u64, &mut name)?;
                values.insert(name.clone(), count);
            }
        }
        Ok(self.gathered)
    }
}
