use lyceum_core::RepoPath;
use lyceum_git::{Attributes, DEFAULT_GITATTRIBUTES};

use super::{PreuploadFile, UploadMode, mode};

#[track_caller]
fn check(rules: &str, path: &str, size: u64, sample: &[u8], expected: UploadMode) {
    let file = PreuploadFile { path: RepoPath::parse(path).unwrap(), size, sample: sample.to_vec() };
    assert_eq!(mode(Attributes::parse(rules.as_bytes()).lfs(path), &file), expected, "{path}");
}

#[test]
fn rules_then_content_decide() {
    use UploadMode::{Lfs, Regular};
    check(DEFAULT_GITATTRIBUTES, "model.safetensors", 10, b"text", Lfs);
    check(DEFAULT_GITATTRIBUTES, "model.safetensors", 0, b"", Regular);
    check(DEFAULT_GITATTRIBUTES, "config.json", 10, b"{}", Regular);
    check(DEFAULT_GITATTRIBUTES, "config.json", 11 << 20, b"{}", Lfs);
    check("", "image.png", 10, b"\x89PNG\0", Lfs);
    check("*.png filter=lfs", "image.png", 10, b"text", Lfs);
    check("*.png -filter", "image.png", 10, b"\xff\xff", Regular);
    check("", "cut.txt", 4, "aé".as_bytes().split_last().unwrap().1, Regular);
}
