use super::*;

const ID: &str = "0123456789abcdef01234567";

#[test]
fn titles_become_words() {
    let check = |title: &str, expected: &str| {
        let slug = CollectionSlug::new(AccountName::parse("Alice").unwrap(), title, ID.to_owned());
        assert_eq!(slug.to_string(), format!("Alice/{expected}{ID}"), "{title}");
        assert_eq!(CollectionSlug::parse(&slug.to_string()), Some(slug));
    };
    check("My cool stuff", "my-cool-stuff-");
    check("  <b>Ünï</b> -- & more!  ", "b-n-b-more-");
    check("日本語", "");
    check(&"a".repeat(200), &format!("{}-", "a".repeat(MAX_TITLE_CHARS)));
}

#[test]
fn only_ids_lead_to_collections() {
    for slug in [
        "alice",
        "alice/",
        "alice/words",
        "a--b/words-0123456789abcdef01234567",
        "alice/words-0123456789ABCDEF01234567",
    ] {
        assert_eq!(CollectionSlug::parse(slug), None, "{slug}");
    }
    assert_eq!(CollectionSlug::parse(&format!("alice/any-words-{ID}")).unwrap().id(), ID);
}
