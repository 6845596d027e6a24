//! What an address says of a list, and the addresses of lists that are a little different.

use lyceum_hub::{Facet, FacetCounts, ListSort};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::format;

/// Values of a facet that are shown at once; the others unfold.
const SHOWN: usize = 7;
/// Orders by their names in addresses, with the words for them.
const SORTS: &[(&str, &str, ListSort)] = &[
    ("trending", "Trending", ListSort::Trending),
    ("likes", "Likes", ListSort::Likes),
    ("downloads", "Downloads", ListSort::Downloads),
    ("modified", "Changed", ListSort::LastModified),
    ("created", "New", ListSort::CreatedAt),
];

/// What was chosen.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    kind: &'static str,
    pub(super) search: String,
    pub(super) facets: Vec<(Facet, String)>,
    pub(super) tags: Vec<String>,
    pub(super) author: Option<String>,
    pub(super) sort: Option<&'static str>,
    pub(super) after: Option<String>,
}

/// The values of a facet.
pub(super) struct Group {
    pub(super) label: &'static str,
    pub(super) values: Vec<Value>,
    pub(super) more: Vec<Value>,
}

/// A value of a facet, as a link that chooses it, or takes it back.
pub(super) struct Value {
    pub(super) text: String,
    pub(super) count: Option<String>,
    pub(super) link: String,
    pub(super) chosen: bool,
}

/// An order, as a link to it.
pub(super) struct Order {
    pub(super) text: &'static str,
    pub(super) link: String,
    pub(super) chosen: bool,
}

/// Returns the order of a name.
pub(super) fn sort(name: &str) -> Option<ListSort> {
    SORTS.iter().find(|(known, _, _)| *known == name).map(|(_, _, sort)| *sort)
}

impl Choice {
    /// Reads the query of an address. What nobody knows is passed over: it says nothing about repos.
    pub(super) fn read(kind: &'static str, asked: Vec<(String, String)>) -> Self {
        let mut choice = Self { kind, ..Self::default() };
        for (name, value) in asked {
            let value_given = !value.trim().is_empty();
            match name.as_str() {
                _ if !value_given => {}
                "search" => choice.search = value,
                "tag" => choice.tags.push(value),
                "author" => choice.author = Some(value),
                "after" => choice.after = Some(value),
                "sort" => choice.sort = SORTS.iter().map(|(name, _, _)| *name).find(|name| *name == value),
                name => {
                    if let Some(facet) = Facet::parse(name)
                        && !choice.facets.contains(&(facet, value.clone()))
                    {
                        choice.facets.push((facet, value));
                    }
                }
            }
        }
        choice
    }

    /// Reports whether less than everything was asked for.
    pub(super) fn narrow(&self) -> bool {
        !self.search.is_empty() || !self.facets.is_empty() || !self.tags.is_empty() || self.author.is_some()
    }

    /// Returns the names and values that the form keeps.
    pub(super) fn kept(&self) -> Vec<(&'static str, String)> {
        let facets = self.facets.iter().map(|(facet, value)| (facet.as_str(), value.clone()));
        let tags = self.tags.iter().map(|tag| ("tag", tag.clone()));
        let author = self.author.iter().map(|author| ("author", author.clone()));
        let sort = self.sort.iter().map(|sort| ("sort", (*sort).to_owned()));
        facets.chain(tags).chain(author).chain(sort).collect()
    }

    /// Returns the address of the first page of this list with a change.
    pub(super) fn link(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut other = Self { after: None, ..self.clone() };
        change(&mut other);
        let mut query = other.kept();
        if !other.search.is_empty() {
            query.insert(0, ("search", other.search.clone()));
        }
        query.extend(other.after.map(|after| ("after", after)));
        let mut link = format!("/{}", self.kind);
        for (index, (name, value)) in query.into_iter().enumerate() {
            link.push(if index == 0 { '?' } else { '&' });
            link.push_str(name);
            link.push('=');
            link.extend(utf8_percent_encode(&value, NON_ALPHANUMERIC));
        }
        link
    }

    /// Returns what can be chosen, what is chosen first.
    pub(super) fn groups(&self, counted: FacetCounts) -> Vec<Group> {
        let mut groups = Vec::new();
        let author = self.author.iter().map(|author| Value {
            text: author.clone(),
            count: None,
            link: self.link(|other| other.author = None),
            chosen: true,
        });
        groups.push(Group { label: "Author", values: author.collect(), more: Vec::new() });
        let tags = self.tags.iter().map(|tag| Value {
            text: tag.clone(),
            count: None,
            link: self.link(|other| other.tags.retain(|chosen| chosen != tag)),
            chosen: true,
        });
        groups.push(Group { label: "Tags", values: tags.collect(), more: Vec::new() });
        for facet in Facet::ALL {
            let counts =
                counted.iter().find(|(known, _)| known == facet).map(|(_, counts)| counts.as_slice());
            groups.push(self.group(*facet, counts.unwrap_or_default()));
        }
        groups.retain(|group| !group.values.is_empty());
        groups
    }

    fn group(&self, facet: Facet, counts: &[(String, u64)]) -> Group {
        let is = |chosen: &(Facet, String), value: &str| chosen.0 == facet && chosen.1 == value;
        let chosen = self.facets.iter().filter(|(chosen, _)| *chosen == facet).map(|(_, value)| Value {
            text: value.clone(),
            count: None,
            link: self.link(|other| other.facets.retain(|chosen| !is(chosen, value))),
            chosen: true,
        });
        let open = counts.iter().filter(|(value, _)| !self.facets.iter().any(|chosen| is(chosen, value)));
        let open = open.map(|(value, count)| Value {
            text: value.clone(),
            count: Some(format::count(*count)),
            link: self.link(|other| other.facets.push((facet, value.clone()))),
            chosen: false,
        });
        let mut values: Vec<Value> = chosen.chain(open).collect();
        // A few more are shown rather than hidden behind a word as long as they are.
        let more = if values.len() > SHOWN + 2 { values.split_off(SHOWN) } else { Vec::new() };
        Group { label: label(facet), values, more }
    }

    /// Returns the orders. Without one, a text is answered by how well it fits.
    pub(super) fn orders(&self) -> Vec<Order> {
        let best = (!self.search.is_empty()).then(|| Order {
            text: "Best match",
            link: self.link(|other| other.sort = None),
            chosen: self.sort.is_none(),
        });
        let chosen = self.sort.or(if best.is_some() { None } else { Some(SORTS[0].0) });
        let others = SORTS.iter().map(|(name, text, _)| Order {
            text,
            link: self.link(|other| other.sort = Some(name)),
            chosen: chosen == Some(name),
        });
        best.into_iter().chain(others).collect()
    }
}

/// Returns a number of parameters in at most four characters and a unit.
pub(super) fn short(parameters: u64) -> String {
    let (value, unit) = match parameters {
        ..1_000_000 => (parameters as f64 / 1e3, "K"),
        1_000_000..1_000_000_000 => (parameters as f64 / 1e6, "M"),
        _ => (parameters as f64 / 1e9, "B"),
    };
    if value < 10.0 { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") }
}

fn label(facet: Facet) -> &'static str {
    match facet {
        Facet::Task => "Task",
        Facet::Library => "Library",
        Facet::Sdk => "Runs on",
        Facet::Size => "Size",
        Facet::Modality => "Modality",
        Facet::Format => "Format",
        Facet::Language => "Language",
        Facet::Licence => "Licence",
        Facet::Access => "Access",
    }
}
