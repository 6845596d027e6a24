//! What is asked of the index, and how that becomes a query of the engine.

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, FuzzyTermQuery, PhraseQuery,
    Query as EngineQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use crate::entry::{Facet, Grant, Kind, Order};
use crate::gather::Position;
use crate::schema::Fields;
use crate::text::{self, GRAM};

/// How well an entry fits: its name is what was asked for, or holds it, or only its text does.
const TIERS: [f32; 3] = [3.0, 2.0, 1.0];
/// A word is looked for with one mistake from so many characters on.
const ONE_MISTAKE_CHARS: usize = 4;
/// The same with two.
const TWO_MISTAKES_CHARS: usize = 8;

/// The order of hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    /// Demand lately.
    Trending,
    /// Users who like it.
    Likes,
    /// Downloads in the last 30 days.
    Downloads,
    /// When it last changed.
    Updated,
    /// When it was made.
    Created,
}

/// Where words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Look {
    /// In names: every word is a part of one.
    Names,
    /// In names, texts and tags: every word is a part of a name, or a word of a text.
    Everywhere,
}

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// Sees everything that the scope allows.
    pub everything: bool,
    /// The groups that the viewer belongs to; what everybody sees needs none.
    pub grants: Vec<Grant>,
    /// Of what not everybody sees, only this.
    pub scope: Option<Scope>,
}

/// A part of what there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// What these accounts own.
    pub owners: Vec<i64>,
    /// These repos.
    pub repos: Vec<i64>,
}

/// What to look for. The caller bounds the number of words, tags and facets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    /// Kind of entry.
    pub kind: Kind,
    /// Who asks.
    pub viewer: Viewer,
    /// All of these words.
    pub words: Vec<String>,
    /// Where the words are looked for.
    pub look: Look,
    /// Only in this namespace, whatever its case.
    pub namespace: Option<String>,
    /// Only with all of these tags.
    pub tags: Vec<String>,
    /// Only with all of these values.
    pub facets: Vec<(Facet, String)>,
    /// The order.
    pub sort: Sort,
    /// From least to most.
    pub ascending: bool,
    /// Whether what fits better comes first, before the order.
    pub ranked: bool,
    /// Where the page before ended.
    pub after: Option<Position>,
    /// Most hits.
    pub limit: usize,
    /// Whether to count the values of every facet among all hits.
    pub counts: bool,
}

impl Sort {
    pub(crate) const ALL: [Self; 5] =
        [Self::Trending, Self::Likes, Self::Downloads, Self::Updated, Self::Created];

    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Trending => "trending",
            Self::Likes => "likes",
            Self::Downloads => "downloads",
            Self::Updated => "updated",
            Self::Created => "created",
        }
    }

    pub(crate) fn value(self, order: &Order) -> i64 {
        match self {
            Self::Trending => order.trending,
            Self::Likes => order.likes,
            Self::Downloads => order.downloads,
            Self::Updated => order.updated,
            Self::Created => order.created,
        }
    }
}

impl Query {
    /// Returns a query for all of a kind that everybody sees, by demand.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            viewer: Viewer::default(),
            words: Vec::new(),
            look: Look::Names,
            namespace: None,
            tags: Vec::new(),
            facets: Vec::new(),
            sort: Sort::Trending,
            ascending: false,
            ranked: false,
            after: None,
            limit: 30,
            counts: false,
        }
    }

    /// Returns the query of the engine; a `loose` one forgives typing mistakes, and is `None` if no word is long enough.
    pub(crate) fn build(&self, fields: &Fields, loose: bool) -> Option<Box<dyn EngineQuery>> {
        let mut all = vec![term(fields.kind, self.kind.word())];
        all.extend(self.viewer.filter(fields));
        all.extend(self.namespace.iter().map(|name| term(fields.namespace, &text::fold(name))));
        all.extend(self.tags.iter().map(|tag| term(fields.tags, tag)));
        all.extend(self.facets.iter().map(|(facet, value)| term(fields.facet(*facet), value)));
        // Only the words say how well an entry fits.
        let filter = rated(all_of(all), 0.0);
        let words: Vec<String> = self.words.iter().map(|word| text::fold(word)).collect();
        let words: Vec<&str> = words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return (!loose).then_some(filter);
        }
        let matching = if loose { misspelt(fields, &words)? } else { self.spelt(fields, &words) };
        Some(all_of(vec![filter, matching]))
    }

    fn spelt(&self, fields: &Fields, words: &[&str]) -> Box<dyn EngineQuery> {
        let named = all_of(words.iter().map(|word| part_of_name(fields, word)).collect());
        let mut tiers = vec![rated(term(fields.exact, &words.join(" ")), TIERS[0]), rated(named, TIERS[1])];
        if self.look == Look::Everywhere {
            let anywhere = |word: &&str| {
                let asked = text::asked_words(word);
                let said = asked.iter().map(|word| term(fields.words, word)).collect();
                let named = part_of_name(fields, word);
                if asked.is_empty() { named } else { any_of(vec![named, all_of(said)]) }
            };
            let anywhere = all_of(words.iter().map(anywhere).collect());
            tiers.push(rated(anywhere, TIERS[2]));
        }
        Box::new(DisjunctionMaxQuery::new(tiers))
    }
}

impl Viewer {
    /// Returns the condition that the viewer may see an entry; none if everything is visible.
    fn filter(&self, fields: &Fields) -> Option<Box<dyn EngineQuery>> {
        let open = term(fields.seen_by, &Grant::Everybody.term());
        let own: Box<dyn EngineQuery> = if self.everything {
            Box::new(AllQuery)
        } else {
            one_of(self.grants.iter().map(|grant| Term::from_field_text(fields.seen_by, &grant.term())))
        };
        let own: Box<dyn EngineQuery> = match &self.scope {
            None if self.everything => return None,
            None => own,
            Some(scope) => {
                let owned = scope.owners.iter().map(|id| Term::from_field_i64(fields.owner, *id));
                let named = scope.repos.iter().map(|id| Term::from_field_i64(fields.id, *id));
                all_of(vec![own, any_of(vec![one_of(owned), one_of(named)])])
            }
        };
        Some(any_of(vec![open, own]))
    }
}

/// Returns the query for names that hold a word; it is found at its pieces, at their places.
fn part_of_name(fields: &Fields, word: &str) -> Box<dyn EngineQuery> {
    let characters: Vec<char> = word.chars().collect();
    if characters.len() < GRAM {
        return term(fields.short_grams, word);
    }
    let last = characters.len() - GRAM;
    // Every third piece and the last cover the word.
    let mut places: Vec<usize> = (0..=last).step_by(GRAM).collect();
    if places.last() != Some(&last) {
        places.push(last);
    }
    let piece = |place: usize| {
        Term::from_field_text(fields.grams, &String::from_iter(&characters[place..place + GRAM]))
    };
    match places.as_slice() {
        [_] => Box::new(TermQuery::new(piece(0), IndexRecordOption::Basic)),
        places => Box::new(PhraseQuery::new_with_offset(
            places.iter().map(|place| (*place, piece(*place))).collect(),
        )),
    }
}

/// Returns the query for names that hold every word of what was asked for, or one that is written much like it.
fn misspelt(fields: &Fields, words: &[&str]) -> Option<Box<dyn EngineQuery>> {
    let mut long_enough = false;
    let mut all = Vec::new();
    let parts = words.iter().flat_map(|word| word.split(|c: char| !c.is_alphanumeric()));
    for word in parts.filter(|part| !part.is_empty()) {
        let mistakes = match word.chars().count() {
            ..ONE_MISTAKE_CHARS => 0,
            ONE_MISTAKE_CHARS..TWO_MISTAKES_CHARS => 1,
            _ => 2,
        };
        let mut ways = vec![part_of_name(fields, word)];
        if mistakes > 0 {
            long_enough = true;
            let term = Term::from_field_text(fields.name_words, word);
            ways.push(Box::new(FuzzyTermQuery::new(term, mistakes, true)));
        }
        all.push(any_of(ways));
    }
    long_enough.then(|| rated(all_of(all), TIERS[1]))
}

fn term(field: Field, text: &str) -> Box<dyn EngineQuery> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
}

fn all_of(queries: Vec<Box<dyn EngineQuery>>) -> Box<dyn EngineQuery> {
    Box::new(BooleanQuery::intersection(queries))
}

fn any_of(queries: Vec<Box<dyn EngineQuery>>) -> Box<dyn EngineQuery> {
    Box::new(BooleanQuery::union(queries))
}

fn one_of(terms: impl Iterator<Item = Term>) -> Box<dyn EngineQuery> {
    let terms: Vec<Term> = terms.collect();
    if terms.is_empty() { Box::new(EmptyQuery) } else { Box::new(TermSetQuery::new(terms)) }
}

fn rated(query: Box<dyn EngineQuery>, score: f32) -> Box<dyn EngineQuery> {
    Box::new(ConstScoreQuery::new(query, score))
}
