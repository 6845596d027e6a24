//! Whatever Markdown or code says, only harmless HTML comes of it, every element closed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_markup::{Place, code, render, strict};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for name in ["py", "json", "sh", "c", "html"] {
        for line in code::lines(&text, code::Language::named(name)) {
            strict::read(&line).unwrap_or_else(|problem| panic!("{problem}\nin {line}"));
        }
    }
    let place = Place { pages: "/a/b/blob/main".to_owned(), files: "/a/b/resolve/main".to_owned() };
    if let Some(html) = render(&text, &place) {
        strict::read(&html).unwrap_or_else(|problem| panic!("{problem}\nin {html}"));
    }
});
