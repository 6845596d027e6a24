//! The index against a plain reading of the same entries.

use lyceum_core::RepoKind;
use proptest::prelude::*;

use crate::text::fold;
use crate::{Entry, Facet, Grant, Index, Kind, Look, Order, Position, Query, Scope, Sort, Viewer};

const MODEL: Kind = Kind::Repo(RepoKind::Model);

fn entry(id: i64, name: &str) -> Entry {
    Entry {
        kind: MODEL,
        id,
        name: name.to_owned(),
        title: String::new(),
        text: String::new(),
        owner: 1,
        seen_by: vec![Grant::Everybody],
        tags: Vec::new(),
        facets: Vec::new(),
        order: Order { trending: id, ..Order::default() },
    }
}

fn index(entries: &[Entry]) -> Index {
    let index = Index::open(None).unwrap();
    index.put(entries).unwrap();
    index.commit("").unwrap();
    index
}

fn words(text: &str) -> Query {
    Query { words: text.split_whitespace().map(str::to_owned).collect(), ..Query::new(MODEL) }
}

fn anywhere(text: &str) -> Query {
    Query { look: Look::Everywhere, ranked: true, ..words(text) }
}

/// Returns the hits of all pages; every page tells the same total.
fn pages(index: &Index, query: &Query) -> Vec<i64> {
    let mut query = query.clone();
    let total = index.search(&query).unwrap().total;
    let mut ids = Vec::new();
    loop {
        let hits = index.search(&query).unwrap();
        assert_eq!(hits.total, total);
        ids.extend(&hits.ids);
        match hits.next {
            // As a client sends it back.
            Some(next) => query.after = Some(next.to_string().parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(ids.len() as u64, total);
    ids
}

#[test]
fn any_part_of_a_name_is_found() {
    let index = index(&[entry(1, "google/bert-base"), entry(2, "acme/DistilBERT_v2"), entry(3, "acme/gpt2")]);
    let check = |text: &str, expected: &[i64]| assert_eq!(pages(&index, &words(text)), expected, "{text}");
    check("bert", &[2, 1]);
    check("BERT-b", &[1]);
    check("ilbe", &[2]);
    check("e/be", &[1]);
    check("acme/gpt2", &[3]);
    check("2", &[3, 2]);
    check("gp", &[3]);
    check("acme bert", &[2]);
    check("acme bert gpt", &[]);
    check("_", &[2]);
    check("", &[3, 2, 1]);
}

#[test]
fn mistakes_are_forgiven_only_if_nothing_fits() {
    let index = index(&[entry(1, "a/mistral"), entry(2, "a/mixtral"), entry(3, "a/distilbert-base")]);
    let check = |text: &str, expected: &[i64], loose: bool| {
        let hits = index.search(&words(text)).unwrap();
        assert_eq!((hits.ids.as_slice(), hits.loose), (expected, loose), "{text}");
    };
    check("mistral", &[1], false);
    check("mistrla", &[1], true);
    check("mitral", &[2, 1], true);
    check("distlbrt", &[3], true);
    check("base distlbrt", &[3], true);
    check("zzz", &[], false);
    check("mxyzral", &[], false);
    let paged = Query { limit: 1, ..words("mitral") };
    assert_eq!(pages(&index, &paged), [2, 1], "the second page forgives as well");
}

#[test]
fn texts_are_found_in_any_script() {
    let card = |id, text: &str| Entry { text: text.to_owned(), ..entry(id, &format!("a/m{id}")) };
    let index = index(&[
        card(1, "Ein Modell für Übersetzung."),
        card(2, "日本語の文章を要約するモデルです。"),
        card(3, "Модель для перевода текста"),
        card(4, "โมเดลภาษาไทย"),
        card(5, "한국어 모델입니다"),
        card(6, "نموذج للغة العربية"),
        card(7, "cafe\u{301} and Cafe"),
    ]);
    let check = |text: &str, expected: &[i64]| assert_eq!(pages(&index, &anywhere(text)), expected, "{text}");
    check("übersetzung", &[1]);
    check("UBERSETZUNG", &[1]);
    check("要約", &[2]);
    check("モデル", &[2]);
    check("文", &[2]);
    check("перевода", &[3]);
    check("ภาษา", &[4]);
    check("모델", &[5]);
    check("العربية", &[6]);
    check("café", &[7]);
    check("überset", &[]);
    assert!(pages(&index, &words("übersetzung")).is_empty(), "names alone do not say it");
}

#[test]
fn better_fits_come_first_when_asked_for() {
    let said = Entry { text: "better than bert".to_owned(), ..entry(9, "b/other") };
    let tagged = Entry { tags: vec!["bert".to_owned()], ..entry(8, "b/tagged") };
    let index = index(&[entry(1, "a/bert"), entry(5, "a/bert-large"), said, tagged, entry(7, "a/gpt")]);
    assert_eq!(pages(&index, &anywhere("bert")), [1, 5, 9, 8]);
    assert_eq!(pages(&index, &Query { limit: 1, ..anywhere("bert") }), [1, 5, 9, 8]);
    assert_eq!(pages(&index, &Query { ranked: false, ..anywhere("bert") }), [9, 8, 5, 1]);
    assert_eq!(pages(&index, &words("bert")), [5, 1]);
    assert_eq!(pages(&index, &anywhere("than bert")), [9]);
}

#[test]
fn counts_are_those_of_what_is_seen() {
    let with = |id, facets: &[(Facet, &str)], grant| Entry {
        facets: facets.iter().map(|(facet, value)| (*facet, (*value).to_owned())).collect(),
        seen_by: vec![grant],
        ..entry(id, &format!("a/m{id}"))
    };
    let (task, language) = (Facet::Task, Facet::Language);
    let index = index(&[
        with(1, &[(task, "ner"), (language, "en"), (language, "de")], Grant::Everybody),
        with(2, &[(task, "ner"), (language, "en")], Grant::Owner(7)),
        with(3, &[(task, "asr")], Grant::Everybody),
    ]);
    let counted = |query: Query| {
        let hits = index.search(&Query { counts: true, ..query }).unwrap();
        let filled = hits.facets.iter().filter(|(_, values)| !values.is_empty());
        let text = filled.map(|(facet, values)| format!("{} {values:?}", facet.as_str()));
        (hits.total, text.collect::<Vec<_>>().join("; "))
    };
    let stranger = Query::new(MODEL);
    assert_eq!(
        counted(stranger.clone()),
        (2, r#"task [("asr", 1), ("ner", 1)]; language [("de", 1), ("en", 1)]"#.to_owned())
    );
    let viewer = Viewer { grants: vec![Grant::Owner(7)], ..Viewer::default() };
    let owner = Query { viewer, ..stranger.clone() };
    assert_eq!(
        counted(owner.clone()),
        (3, r#"task [("ner", 2), ("asr", 1)]; language [("en", 2), ("de", 1)]"#.to_owned())
    );
    let narrowed = |query| Query { facets: vec![(language, "en".to_owned())], ..query };
    assert_eq!(counted(narrowed(owner)).0, 2);
    assert_eq!(
        counted(narrowed(stranger)),
        (1, r#"task [("ner", 1)]; language [("de", 1), ("en", 1)]"#.to_owned())
    );
}

#[test]
fn an_index_outlives_its_process_and_what_breaks_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Index::open(Some(folder.path())).unwrap();
    let first = open();
    assert_eq!(first.cursor().unwrap(), None);
    first.put(&[entry(1, "a/b")]).unwrap();
    first.commit("42").unwrap();
    first.put(&[entry(2, "a/b2")]).unwrap();
    let beside = open();
    assert_eq!(beside.cursor().unwrap(), None, "a second process has an index of its own");
    drop((first, beside));
    let again = open();
    assert_eq!(again.cursor().unwrap().as_deref(), Some("42"));
    assert_eq!(pages(&again, &words("a/b")), [1], "what was not committed is not there");
    drop(again);
    let mut broken = 0;
    let mut folders = vec![folder.path().join("0")];
    while let Some(path) = folders.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "idx" || kind == "term") {
                std::fs::write(path, b"nonsense").unwrap();
                broken += 1;
            }
        }
    }
    assert!(broken > 0);
    let mended = open();
    assert_eq!(mended.cursor().unwrap(), None);
    mended.put(&[entry(3, "a/b3")]).unwrap();
    mended.commit("1").unwrap();
    assert_eq!(pages(&mended, &words("a/b")), [3]);
}

#[test]
fn positions_come_back_as_they_were_sent() {
    for text in ["5.7", "-5.7", "0.1.2", "9223372036854775807.3.1~", "1.2.0~"] {
        assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
    }
    for text in ["", "x", "1", "1.", "1.2.", "1.2.300", "1.2.3.4", "~"] {
        assert!(text.parse::<Position>().is_err(), "{text}");
    }
}

fn name() -> impl Strategy<Value = String> {
    "[abA]{1,3}/[aAb_1é文]{1,8}"
}

fn grants() -> impl Strategy<Value = Vec<Grant>> {
    let one = prop_oneof![
        Just(Grant::Everybody),
        (1..4_i64).prop_map(Grant::Owner),
        (1..4_i64).prop_map(Grant::Administrators),
        (1..4_i64).prop_map(Grant::Group),
    ];
    proptest::collection::vec(one, 1..3)
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let one = (1..30_i64, name(), grants(), 0..3_i64, 1..4_i64);
    proptest::collection::vec(one, 0..25).prop_map(|all| {
        let make = |(id, name, seen_by, downloads, owner): (i64, String, Vec<Grant>, i64, i64)| Entry {
            seen_by,
            owner,
            order: Order { downloads, ..Order::default() },
            ..entry(id, &name)
        };
        all.into_iter().map(make).collect()
    })
}

fn query() -> impl Strategy<Value = Query> {
    let scope = (proptest::collection::vec(1..4_i64, 0..2), proptest::collection::vec(1..30_i64, 0..4))
        .prop_map(|(owners, repos)| Scope { owners, repos });
    let viewer = (any::<bool>(), grants(), proptest::option::of(scope))
        .prop_map(|(everything, grants, scope)| Viewer { everything, grants, scope });
    let words = proptest::collection::vec("[abA/_1é文]{1,7}", 0..3);
    (viewer, words, any::<bool>(), any::<bool>(), 1..6_usize).prop_map(
        |(viewer, words, ascending, ranked, limit)| Query {
            viewer,
            words,
            ascending,
            ranked,
            limit,
            sort: Sort::Downloads,
            ..Query::new(MODEL)
        },
    )
}

fn sees(viewer: &Viewer, entry: &Entry) -> bool {
    let held = viewer.everything || entry.seen_by.iter().any(|grant| viewer.grants.contains(grant));
    let within = |scope: &Scope| scope.owners.contains(&entry.owner) || scope.repos.contains(&entry.id);
    entry.seen_by.contains(&Grant::Everybody) || held && viewer.scope.as_ref().is_none_or(within)
}

/// Reads the entries one by one.
fn plainly(entries: &[Entry], query: &Query) -> Vec<i64> {
    let words: Vec<String> = query.words.iter().map(|word| fold(word)).collect();
    let named = |entry: &&Entry| words.iter().all(|word| fold(&entry.name).contains(word));
    let mut found: Vec<_> = entries.iter().filter(|entry| sees(&query.viewer, entry)).filter(named).collect();
    let exact = |entry: &Entry| {
        let name = fold(&entry.name);
        let asked = words.join(" ");
        query.ranked && !words.is_empty() && (name == asked || name.split_once('/').unwrap().1 == asked)
    };
    found.sort_by_key(|entry| {
        let (value, id) = (entry.order.downloads, entry.id);
        (!exact(entry), if query.ascending { (value, id) } else { (-value, -id) })
    });
    found.into_iter().map(|entry| entry.id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_a_plain_reading_finds(
        mut old in entries(),
        mut new in entries(),
        gone in proptest::collection::vec(1..30_i64, 0..4),
        queries in proptest::collection::vec(query(), 1..12),
    ) {
        for entries in [&mut old, &mut new] {
            entries.sort_by_key(|entry| entry.id);
            entries.dedup_by_key(|entry| entry.id);
        }
        let index = index(&old);
        index.put(&new).unwrap();
        for id in &gone {
            index.remove(MODEL, *id);
        }
        index.commit("").unwrap();
        let mut left = new.clone();
        left.extend(old.into_iter().filter(|entry| !new.iter().any(|other| other.id == entry.id)));
        left.retain(|entry| !gone.contains(&entry.id));
        for query in &queries {
            let strict = index.search(query).unwrap();
            if strict.loose {
                prop_assert!(plainly(&left, query).is_empty());
            } else {
                prop_assert_eq!(pages(&index, query), plainly(&left, query), "{:?}", query);
            }
        }
    }

    #[test]
    fn no_text_breaks_it(text in any::<String>(), asked in proptest::collection::vec(any::<String>(), 0..3)) {
        let index = index(&[Entry { text: text.clone(), title: text.clone(), ..entry(1, &text) }]);
        let query = Query { words: asked, ..anywhere("") };
        index.search(&query).unwrap();
    }
}
