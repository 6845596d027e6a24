use super::*;

#[test]
fn if_none_match_compares_weakly() {
    let check = |sent: &str, expected: bool| {
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, sent.parse().unwrap())]);
        assert_eq!(not_modified(&headers, "\"abc\""), expected, "{sent}");
    };
    check("\"abc\"", true);
    check("W/\"abc\"", true);
    check("\"x\", \"abc\"", true);
    check("*", true);
    check("\"abcd\"", false);
    check("abc", false);
    assert!(!not_modified(&HeaderMap::new(), "\"abc\""));
}

#[test]
fn names_become_dispositions() {
    let check = |name: &str, attachment: bool, expected: &str| {
        assert_eq!(media::disposition(name, attachment), expected, "{name}");
    };
    check("config.json", false, "inline; filename*=UTF-8''config.json; filename=\"config.json\";");
    check("a b.bin", true, "attachment; filename*=UTF-8''a%20b.bin; filename=\"a b.bin\";");
    check("q\"\\\n.txt", false, "inline; filename*=UTF-8''q%22%5C%0A.txt; filename=\"q___.txt\";");
    check("é.txt", false, "inline; filename*=UTF-8''%C3%A9.txt; filename=\"_.txt\";");
}

#[test]
fn media_types_go_by_name() {
    let check = |name: &str, large: bool, expected: &str| {
        assert_eq!(media::content_type(name, large), expected, "{name}");
    };
    check("config.json", false, "application/json");
    check("README.md", false, "text/plain; charset=utf-8");
    check("index.html", false, "text/plain; charset=utf-8");
    check("page.html", true, "application/octet-stream");
    check("model.safetensors", true, "application/octet-stream");
    check("PICTURE.PNG", true, "image/png");
    check("noending", false, "text/plain; charset=utf-8");
}
