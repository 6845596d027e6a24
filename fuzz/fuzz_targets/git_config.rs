//! Settings in git's form are read without harm; each has a name with a section and a key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_git::parse_config;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut bytes = 0;
    parse_config(&text, |name, value| {
        let (_, key) = name.rsplit_once('.').expect("the section is before the key");
        assert!(!key.is_empty());
        bytes += key.len() + value.map_or(0, |value| value.len());
    });
    assert!(bytes <= text.len());
});
