use super::*;

#[test]
fn builds_addresses() {
    let base = BaseUrl("https://hub:1".to_owned());
    let id = RepoId::parse("a/b").expect("valid id");
    assert_eq!(repo(&base, RepoKind::Model, &id), "https://hub:1/a/b");
    assert_eq!(repo(&base, RepoKind::Kernel, &id), "https://hub:1/kernels/a/b");
    assert_eq!(discussion(&base, RepoKind::Dataset, &id, 3), "https://hub:1/datasets/a/b/discussions/3");
    assert_eq!(segment("refs/pr/1 é"), "refs%2Fpr%2F1%20%C3%A9");
}

#[test]
fn next_page_repeats_every_parameter() {
    let uri: Uri =
        "/api/models/a/b/tree/refs%2Fpr%2F1?recursive=true&x=1&x=2".parse().expect("valid address");
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes()).expect("valid query");
    let [(_, link)] = next_page(&BaseUrl("http://h".to_owned()), &uri, &params, "cursor", "a/b>");
    assert_eq!(
        link,
        "<http://h/api/models/a/b/tree/refs%2Fpr%2F1?recursive=true&x=1&x=2&cursor=a%2Fb%3E>; rel=\"next\""
    );
}
