use super::*;

#[test]
fn reads_the_kind() {
    for (path, expected) in [
        ("/api/models/a/b", RepoKind::Model),
        ("/api/datasets/a/b/tree/main", RepoKind::Dataset),
        ("/datasets/a/b/resolve/main/x", RepoKind::Dataset),
        ("/spaces/a/b/resolve/main/x", RepoKind::Space),
        ("/api/kernels/a/b", RepoKind::Kernel),
        ("/a/b/resolve/main/datasets", RepoKind::Model),
        ("/dataset/b/resolve/main/x", RepoKind::Model),
    ] {
        assert_eq!(kind_of(path), expected, "{path}");
    }
}

#[test]
fn rewrites_the_address_of_a_moved_repo() {
    let to = RepoId::parse("new/name").expect("valid id");
    for (uri, expected) in [
        ("/api/models/a/b", "/api/models/new/name"),
        (
            "/api/datasets/a/b/tree/main/x%2Fy?recursive=true",
            "/api/datasets/new/name/tree/main/x%2Fy?recursive=true",
        ),
        ("/a/b/resolve/main/a/b", "/new/name/resolve/main/a/b"),
        ("/datasets/a/b/resolve/refs%2Fpr%2F1/x", "/datasets/new/name/resolve/refs%2Fpr%2F1/x"),
        ("/a/b.git/info/lfs/objects/batch", "/new/name.git/info/lfs/objects/batch"),
    ] {
        let uri: Uri = uri.parse().expect("valid address");
        let address =
            RepoAddress { kind: kind_of(uri.path()), id: RepoId::parse("a/b").expect("valid id"), uri };
        assert_eq!(address.location(&to), expected);
    }
}
