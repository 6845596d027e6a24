//! Any bytes are rules, and any path can be asked about; the first line is the path.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_git::{Attributes, Ignore};

fuzz_target!(|data: &[u8]| {
    let (path, rules) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (&b"a/b.bin"[..], data),
    };
    let path = String::from_utf8_lossy(path);
    let attributes = Attributes::parse(rules);
    let ignore = Ignore::parse(rules);
    attributes.lfs(&path);
    let ignored = ignore.ignored(&path, true);
    // What is in an ignored folder is ignored.
    assert!(!ignored || ignore.ignored(&format!("{path}/x"), false));

    // The last word counts.
    let lfs = Attributes::parse(b"* filter=lfs");
    assert_eq!(lfs.lfs(&path), Some(true));
});
