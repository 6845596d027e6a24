use super::*;

fn query(text: &str) -> ApiResult<ListQuery> {
    parse(RepoKind::Model, &Params::parse(text.as_bytes())?, false)
}

#[test]
fn reads_filters() {
    let read =
        query("filter=pytorch,en&filter=license:mit&library=gguf&search=big+model&author=a&gated=false")
            .expect("valid");
    assert_eq!(read.tags, ["pytorch", "en", "license:mit", "gguf"]);
    assert_eq!(read.search, ["big", "model"]);
    assert_eq!((read.author.as_deref(), read.gated), (Some("a"), Some(false)));
    assert_eq!((read.sort, read.ascending, read.limit), (ListSort::Trending, false, DEFAULT_PAGE_ENTRIES));
}

#[test]
fn reads_order_and_limit() {
    let read = query("sort=lastModified&direction=-1&limit=5&cursor=x").expect("valid");
    assert_eq!((read.sort, read.ascending, read.limit), (ListSort::LastModified, false, 5));
    assert_eq!(read.after.as_deref(), Some("x"));
    assert!(query("direction=1").expect("valid").ascending);
    assert_eq!(query("limit=0").expect("valid").limit, 1);
    assert_eq!(query("limit=1000000").expect("valid").limit, MAX_PAGE_ENTRIES);
}

#[test]
fn refuses_what_it_cannot_answer() {
    for text in ["sort=name", "limit=x", "gated=perhaps", "num_parameters=min:1B", "apps=ollama"] {
        assert!(query(text).is_err(), "{text}");
    }
    assert!(query(&"filter=a&".repeat(MAX_FILTERS + 1)).is_err());
    assert!(query(&format!("search={}", "a+".repeat(MAX_SEARCH_WORDS + 1))).is_err());
}
