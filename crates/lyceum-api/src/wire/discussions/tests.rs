use super::html;

#[test]
fn text_cannot_become_markup() {
    for (text, expected) in [
        ("", "<p></p>"),
        ("hello", "<p>hello</p>"),
        ("a\nb\r\n\r\nc", "<p>a<br>\nb</p>\n<p>c</p>"),
        (
            "<script>alert(\"1\")</script> & 'x'",
            "<p>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;</p>",
        ),
    ] {
        assert_eq!(html(text), expected);
    }
}
