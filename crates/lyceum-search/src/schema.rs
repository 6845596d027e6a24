//! The fields of an entry in the index.

use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};

use crate::entry::{Entry, Facet};
use crate::query::Sort;
use crate::text;

/// Counts the changes of this file and of how text is cut: an index of another number is made anew.
pub(crate) const VERSION: u32 = 1;

/// Every field.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    /// Tells an entry from all others.
    pub(crate) key: Field,
    pub(crate) id: Field,
    pub(crate) kind: Field,
    pub(crate) owner: Field,
    pub(crate) seen_by: Field,
    /// The whole name, and what follows the namespace.
    pub(crate) exact: Field,
    /// The first part of the name.
    pub(crate) namespace: Field,
    /// Runs of three characters of the names, with their places.
    pub(crate) grams: Field,
    /// Characters of the names and pairs of them.
    pub(crate) short_grams: Field,
    /// Words of the names.
    pub(crate) name_words: Field,
    /// Words of the text, the names and the tags.
    pub(crate) words: Field,
    pub(crate) tags: Field,
    pub(crate) facets: Vec<(Facet, Field)>,
    sorts: Vec<(Sort, Field)>,
}

impl Fields {
    pub(crate) fn new() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let indexing = |option| {
            TextFieldIndexing::default().set_tokenizer("raw").set_fieldnorms(false).set_index_option(option)
        };
        let term = TextOptions::default().set_indexing_options(indexing(IndexRecordOption::Basic));
        let placed =
            TextOptions::default().set_indexing_options(indexing(IndexRecordOption::WithFreqsAndPositions));
        let number = NumericOptions::default() | FAST;
        let facet = |schema: &mut tantivy::schema::SchemaBuilder, facet: &Facet| {
            (*facet, schema.add_text_field(facet.as_str(), term.clone().set_fast("raw")))
        };
        let fields = Self {
            key: schema.add_text_field("key", term.clone()),
            id: schema.add_i64_field("id", number.clone() | INDEXED),
            kind: schema.add_text_field("kind", term.clone()),
            owner: schema.add_i64_field("owner", INDEXED),
            seen_by: schema.add_text_field("seen_by", term.clone()),
            exact: schema.add_text_field("exact", term.clone()),
            namespace: schema.add_text_field("namespace", term.clone()),
            grams: schema.add_text_field("grams", placed),
            short_grams: schema.add_text_field("short_grams", term.clone()),
            name_words: schema.add_text_field("name_words", term.clone()),
            words: schema.add_text_field("words", term.clone()),
            tags: schema.add_text_field("tags", term.clone()),
            facets: Facet::ALL.iter().map(|name| facet(&mut schema, name)).collect(),
            sorts: Sort::ALL
                .iter()
                .map(|sort| (*sort, schema.add_i64_field(sort.field(), number.clone())))
                .collect(),
        };
        (schema.build(), fields)
    }

    pub(crate) fn facet(&self, facet: Facet) -> Field {
        let (_, field) =
            self.facets.iter().find(|(known, _)| *known == facet).expect("every facet has a field");
        *field
    }

    pub(crate) fn document(&self, entry: &Entry) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_text(self.key, entry.kind.key(entry.id));
        document.add_i64(self.id, entry.id);
        document.add_text(self.kind, entry.kind.word());
        document.add_i64(self.owner, entry.owner);
        for grant in &entry.seen_by {
            document.add_text(self.seen_by, grant.term());
        }
        let name = text::fold(&entry.name);
        document.add_text(self.exact, &name);
        if let Some((namespace, rest)) = name.split_once('/') {
            document.add_text(self.namespace, namespace);
            document.add_text(self.exact, rest);
        }
        // No word that is asked for has a space in it, so none matches across the two.
        let names = format!("{name} {}", text::fold(&entry.title));
        document.add_pre_tokenized_text(self.grams, text::grams(&names));
        document.add_pre_tokenized_text(self.short_grams, text::short_grams(&names));
        document.add_pre_tokenized_text(self.name_words, text::words(&names));
        let all = format!("{names} {} {}", text::fold(&entry.text), text::fold(&entry.tags.join(" ")));
        document.add_pre_tokenized_text(self.words, text::words(&all));
        for tag in &entry.tags {
            document.add_text(self.tags, tag);
        }
        for (facet, value) in &entry.facets {
            document.add_text(self.facet(*facet), value);
        }
        for (sort, field) in &self.sorts {
            document.add_i64(*field, sort.value(&entry.order));
        }
        document
    }
}
