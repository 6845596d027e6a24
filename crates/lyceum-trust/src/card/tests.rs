use lyceum_core::RepoKind;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{LICENSES, Metadata, arxiv, parse, split, tags, validate};

fn card(yaml: &str) -> Metadata {
    parse(&format!("---\n{yaml}\n---\n# Title\n")).unwrap().unwrap()
}

fn refused(yaml: &str, message: &str) {
    let error = parse(&format!("---\n{yaml}\n---\n")).unwrap_err().to_string();
    assert!(error.contains(message), "`{error}` does not say `{message}`");
}

#[test]
fn front_matter_is_split_off() {
    let check =
        |readme: &str, expected: Option<(&str, &str)>| assert_eq!(split(readme), expected, "{readme:?}");
    check("---\na: 1\n---\nbody", Some(("a: 1\n", "body")));
    check("---\r\na: 1\r\n---\r\nbody", Some(("a: 1\r\n", "body")));
    check("\n  ---\na: 1\n--- \t\n", Some(("a: 1\n", "")));
    check("---\n---\n", Some(("", "")));
    check("---\na: 1\n---", Some(("a: 1\n", "")));
    check("---\na: 1\n----\n---\nx", Some(("a: 1\n----\n", "x")));
    check("\u{feff}---\na: 1\n---\n", Some(("a: 1\n", "")));
    for none in ["", "---", "---\n", "---\na: 1\n", "# Title\n---\na: 1\n---\n", "--- a\n---\n"] {
        check(none, None);
    }
}

#[test]
fn yaml_becomes_json() {
    let check = |yaml: &str, expected: Value| assert_eq!(Value::Object(card(yaml)), expected, "{yaml}");
    check("", json!({}));
    check("# nothing", json!({}));
    check("a: [1, -2, 1.5, 1e3, 0x10, 0o17, +7]", json!({"a": [1, -2, 1.5, 1000.0, 16, 15, 7]}));
    check(
        "a: [yes, no, on, true, False, null, ~, ]",
        json!({"a": ["yes", "no", "on", true, false, null, null]}),
    );
    check(
        "a: ['1', \"true\", 1.2.3, 1_000, 2021-01-02, .5, -.inf, .nan]",
        json!({
            "a": ["1", "true", "1.2.3", "1_000", "2021-01-02", 0.5, null, null]
        }),
    );
    check(
        "a: 18446744073709551615\nb: 18446744073709551616",
        json!({"a": u64::MAX, "b": 18_446_744_073_709_551_616.0}),
    );
    check("a: !!str 1\nb: ! 2\nc: !!int 3", json!({"a": "1", "b": "2", "c": 3}));
    check("1: a\ntrue: b\nnull: c", json!({"1": "a", "true": "b", "null": "c"}));
    check("a: |\n  x\n  y\nb: >\n  x\n  y", json!({"a": "x\ny\n", "b": "x y\n"}));
    check(
        "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2",
        json!({"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}),
    );
    check("'<<': {b: 1}", json!({"<<": {"b": 1}}));
    check(
        "a: &x {b: 1, c: 1}\nd:\n  c: 2\n  <<: [*x]",
        json!({"a": {"b": 1, "c": 1}, "d": {"c": 2, "b": 1}}),
    );
}

#[test]
fn errors_name_the_line_of_the_readme() {
    let line = |readme: &str| parse(readme).unwrap_err().line;
    assert_eq!(line("---\na: 1\nb: [1\n---\n"), 4);
    assert_eq!(line("\n\n---\na: 1\na: 2\n---\n"), 5);
    assert_eq!(line("---\njust text\n---\n"), 2);
    refused("- a\n- b", "must be a mapping");
    refused("[]", "must be a mapping");
    refused("a: 1\na: 2", "`a` stands twice");
    refused("a: !!python/object/apply:os.system [ls]", "unknown tag");
    refused("a: !!int x", "not of the type");
    refused("{a: b}: c", "a key must be text");
    refused("a: *b", "");
    refused("a: &a [*a]", "");
}

#[test]
fn cards_that_grow_without_end_are_refused() {
    // Ten aliases of ten aliases of …: 10^9 values from a few hundred bytes.
    let mut bomb = "a0: &a0 lol".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb = format!("{bomb}\na{level}: &a{level} [{aliases}]");
    }
    refused(&bomb, "too many values");
    // Deep by way of aliases, though each line is shallow.
    let mut chain = "a0: &a0 [x]".to_owned();
    for level in 1..100 {
        chain = format!("{chain}\na{level}: &a{level} [*a{}]", level - 1);
    }
    refused(&chain, "deep");
    // Long texts multiply too.
    let long = format!("a: &a {}\nb: [{}]", "x".repeat(100_000), vec!["*a"; 100].join(", "));
    refused(&long, "too many values");
    refused(&format!("a: {}", "[".repeat(10_000)), "");
    refused(&format!("a: {}{}", "{a: ".repeat(100), "}".repeat(100)), "deep");
    refused(&"a".repeat(2 * 1024 * 1024), "longer than");
    let nested_anchors: String = (0..60).map(|at| format!("&x{at} [")).collect();
    refused(&format!("a: {nested_anchors}{}{}", "1,".repeat(20_000), "]".repeat(60)), "too many values");
}

#[test]
fn tags_are_those_that_clients_filter_by() {
    let check = |kind, yaml: &str, expected: &[&str]| assert_eq!(tags(kind, &card(yaml)), expected, "{yaml}");
    check(
        RepoKind::Model,
        "language: [en, fr]\nlicense: mit\nlibrary_name: pytorch-lightning\ntags:\n- pytorch\n- image-classification\n\
         datasets: beans\nmetrics: [acc]\npipeline_tag: image-classification\nmodel-index: []",
        &[
            "pytorch-lightning",
            "image-classification",
            "pytorch",
            "en",
            "fr",
            "dataset:beans",
            "license:mit",
            "model-index",
            "region:us",
        ],
    );
    check(RepoKind::Model, "base_model: a/b", &["base_model:a/b", "base_model:finetune:a/b", "region:us"]);
    let relations = [
        ("library_name: peft", "adapter"),
        ("tags: [GGUF]", "quantized"),
        ("tags: [mergekit]", "merge"),
        ("tags: [lora]\nbase_model_relation: merge", "merge"),
    ];
    for (extra, relation) in relations {
        let tags = tags(RepoKind::Model, &card(&format!("base_model: [a/b]\n{extra}")));
        assert!(tags.contains(&format!("base_model:{relation}:a/b")), "{extra}: {tags:?}");
    }
    check(
        RepoKind::Dataset,
        "task_categories: [question-answering]\nlanguage: {default: [en], other: [de]}\nlicense: [mit, other]\n\
         size_categories: 1K<n<10K\ntags: medical\nregion: eu",
        &[
            "task_categories:question-answering",
            "language:en",
            "language:de",
            "license:mit",
            "license:other",
            "size_categories:1K<n<10K",
            "region:eu",
            "medical",
        ],
    );
    check(RepoKind::Space, "sdk: gradio\ntags: [x]", &["gradio", "x", "region:us"]);
    check(RepoKind::Model, "tags: [true, null, '', 1.5, {a: b}, \"x\\ny\"]", &["1.5", "b", "region:us"]);
    let many = (0..5000).map(|at| format!("- t{at}\n")).collect::<String>();
    assert_eq!(tags(RepoKind::Model, &card(&format!("tags:\n{many}"))).len(), 1000);
}

#[test]
fn papers_are_found_by_their_links() {
    let readme = "[a](https://arxiv.org/abs/2103.00020v2) https://arxiv.org/pdf/1706.03762.pdf \
                  https://huggingface.co/papers/2103.00020 arxiv.org/abs/x arxiv.org/abs/2103 arxiv.org/abs/123é.1";
    assert_eq!(arxiv(readme), ["arxiv:2103.00020", "arxiv:1706.03762"]);
}

/// The problems of a card, one line each.
fn problems(kind: RepoKind, yaml: &str) -> Vec<String> {
    validate(kind, &card(yaml)).iter().map(ToString::to_string).collect()
}

#[test]
fn wrong_values_are_named() {
    let check = |kind, yaml: &str, expected: &str| {
        let problems = problems(kind, yaml);
        assert_eq!(problems.len(), 1, "{yaml}: {problems:?}");
        assert!(problems[0].starts_with(expected), "{yaml}: {problems:?}");
    };
    // `RepoCard.validate` of huggingface_hub looks for this text.
    check(RepoKind::Model, "license: asdf", r#"- Error: "license" must be one of [apache-2.0, mit, "#);
    check(RepoKind::Model, "license: [mit, x]", r#"- Error: "license[1]" must be one of"#);
    check(RepoKind::Dataset, "license: 3", r#"- Error: "license" must be one of"#);
    check(RepoKind::Model, "tags: {a: b}", r#"- Error: "tags" must be a string or an array"#);
    check(RepoKind::Model, "tags: [a, [b]]", r#"- Error: "tags[1]" must be a string"#);
    check(RepoKind::Model, "pipeline_tag: juggling", r#"- Warning: "pipeline_tag" must be one of"#);
    check(RepoKind::Model, "base_model: 'a b'", r#"- Warning: "base_model" with value "a b" is not valid"#);
    check(RepoKind::Model, "base_model_relation: cousin", r#"- Error: "base_model_relation" must be one of"#);
    check(RepoKind::Model, "library_name: [a]", r#"- Error: "library_name" must be a string"#);
    check(RepoKind::Model, "license: other\nlicense_name: My License", r#"- Warning: "license_name" should"#);
    check(RepoKind::Model, "model-index: {name: x}", r#"- Error: "model-index" must be an array"#);
    check(RepoKind::Model, "model-index: [{name: x}]", r#"- Error: "model-index[0].results" is required"#);
    check(
        RepoKind::Dataset,
        "configs: [{data_files: x}]",
        r#"- Error: "configs[0].config_name" is required"#,
    );
    check(RepoKind::Space, "sdk: shiny", r#"- Error: "sdk" must be one of [gradio, docker, static"#);
    check(RepoKind::Space, "colorFrom: mauve", r#"- Error: "colorFrom" must be one of [red"#);
    let long = format!("short_description: {}", "é".repeat(61));
    check(RepoKind::Space, &long, r#"- Error: "short_description" length must be less than or equal to 60"#);
    let many = format!("model-index:\n{}", "- {}\n".repeat(1000));
    assert_eq!(problems(RepoKind::Model, &many).len(), 50);
}

#[test]
fn ordinary_cards_have_no_problems() {
    let ordinary = "language: en\nlicense: mit\nlibrary_name: pytorch\ntags: text-classification\ndatasets: glue\nmetrics: acc";
    for kind in RepoKind::ALL {
        assert_eq!(problems(kind, ordinary), [""; 0], "{kind}");
        assert_eq!(problems(kind, ""), [""; 0]);
    }
    let results = "model-index:\n- name: x\n  results:\n  - task: {type: text-classification}\n    dataset: {type: d, name: D}\n\
                   \x20   metrics: [{type: accuracy, value: 0.9}]";
    assert_eq!(problems(RepoKind::Model, results), [""; 0]);
    assert_eq!(
        problems(RepoKind::Space, "title: x\nemoji: 🚀\nsdk: gradio\ncolorFrom: red\ncolorTo: gray"),
        [""; 0]
    );
    let mut unique = LICENSES.to_vec();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), LICENSES.len());
}

proptest! {
    /// Any JSON is YAML, and means the same.
    #[test]
    fn json_reads_as_itself(
        texts in prop::collection::btree_map("[ -~]{0,12}", "[ -~é日]{0,12}", 0..6),
        numbers in prop::collection::vec(any::<i64>(), 0..5),
    ) {
        let expected = json!({"texts": texts, "numbers": numbers, "nested": [{"a": [null, true]}]});
        prop_assert_eq!(Value::Object(card(&expected.to_string())), expected);
    }

    #[test]
    fn cards_never_panic(yaml in "([a-c&*!|>\\-:,\\[\\]{}'\"#%@<~ \n]|0x|1e|<<: ){0,60}", text: String) {
        for readme in [format!("---\n{yaml}\n---\n"), format!("---\n{text}\n---\n"), text] {
            if let Ok(Some(card)) = parse(&readme) {
                for kind in RepoKind::ALL {
                    tags(kind, &card);
                    validate(kind, &card);
                }
            }
            arxiv(&readme);
        }
    }
}
