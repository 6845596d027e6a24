//! Commits and tags are refused or parsed; writing what was parsed gives something that reads the same from then on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_git::{Commit, Tag};

fuzz_target!(|data: &[u8]| {
    if let Ok(commit) = Commit::parse(data) {
        let _ = (commit.summary(), commit.body());
        // Writing cleans names; what is clean stays as it is.
        let clean = Commit::parse(&commit.encode()).expect("it was just written");
        assert_eq!((clean.tree, &clean.parents), (commit.tree, &commit.parents));
        assert_eq!(Commit::parse(&clean.encode()).expect("it was just written"), clean);
    }
    if let Ok(tag) = Tag::parse(data) {
        let clean = Tag::parse(&tag.encode()).expect("it was just written");
        assert_eq!((clean.target, clean.target_kind), (tag.target, tag.target_kind));
        assert_eq!(Tag::parse(&clean.encode()).expect("it was just written"), clean);
    }
});
