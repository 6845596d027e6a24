//! Tests of marked code.

use proptest::prelude::*;

use super::{Language, lines};

fn check(language: &str, code: &str, expected: &[&str]) {
    assert_eq!(lines(code, Language::named(language)), expected, "{code}");
}

#[test]
fn code_is_marked() {
    check(
        "python",
        "def f(x=1):  # <b>\n    return \"a\\\"b\"\n",
        &[
            "<span class=\"hl-k\">def</span> <span class=\"hl-f\">f</span>(x=<span class=\"hl-n\">1</span>):  \
             <span class=\"hl-c\"># &lt;b&gt;</span>",
            "    <span class=\"hl-k\">return</span> <span class=\"hl-s\">&quot;a\\&quot;b&quot;</span>",
        ],
    );
    check(
        "py",
        "'''a\n\nb''' + 'open\nx",
        &[
            "<span class=\"hl-s\">'''a</span>",
            "",
            "<span class=\"hl-s\">b'''</span> + <span class=\"hl-s\">'open</span>",
            "x",
        ],
    );
    check(
        "json",
        "{\"a\" : \"b\", \"c\": null}",
        &["{<span class=\"hl-f\">&quot;a&quot;</span> : <span class=\"hl-s\">&quot;b&quot;</span>, \
           <span class=\"hl-f\">&quot;c&quot;</span>: <span class=\"hl-k\">null</span>}"],
    );
    check("yaml", "- key: a#b", &["- <span class=\"hl-f\">key</span>: a#b"]);
    check("c", "/* a\nb */ x", &["<span class=\"hl-c\">/* a</span>", "<span class=\"hl-c\">b */</span> x"]);
    check("none", "<a>\r\n&\n", &["&lt;a&gt;", "&amp;"]);
    check("py", "", &[]);
    check("py", "\n\n", &["", ""]);
    check("py", &format!("'{}'", "x".repeat(5000)), &[&format!("'{}'", "x".repeat(5000))]);
}

#[test]
fn files_have_languages() {
    assert!(Language::of_file("a.b/train.PY").is_some());
    assert!(Language::of_file("Dockerfile").is_some());
    assert!(Language::of_file("weights.bin").is_none() && Language::of_file("").is_none());
}

/// Takes the marks away again.
fn plain(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<') {
        text.push_str(piece.strip_prefix("span class=\"hl-").map_or_else(
            || piece.strip_prefix("/span>").unwrap_or(piece),
            |rest| rest.split_once('>').expect("a tag ends").1,
        ));
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

proptest! {
    #[test]
    fn nothing_is_lost_or_let_through(
        code in "([a-z0-9 \"'`#/*<>&:=é-]|\"\"\"|'''|\\\\|\n|<script>|<!--|-->|def |//){0,60}",
        language in prop::sample::select(vec!["py", "json", "yaml", "toml", "sh", "rs", "js", "c", "sql", "html", "x"]),
    ) {
        let lines = lines(&code, Language::named(language));
        for line in &lines {
            prop_assert_eq!(line.matches("<span").count(), line.matches("</span>").count());
            prop_assert!(crate::strict::read(line).is_ok(), "{}", line);
        }
        let mut shown = lines.iter().map(|line| plain(line)).collect::<Vec<_>>().join("\n");
        if code.ends_with('\n') {
            shown.push('\n');
        }
        prop_assert_eq!(shown, code);
    }
}
