//! A tree is refused or parsed; what is parsed is sorted, and survives being written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_git::Tree;

fuzz_target!(|data: &[u8]| {
    let Ok(tree) = Tree::parse(data) else {
        return;
    };
    assert!(tree.entries().len() <= data.len() / 27);
    let encoded = tree.encode();
    assert_eq!(Tree::parse(&encoded).expect("it was just written"), tree);
    assert_eq!(Tree::new(tree.entries().to_vec()), tree);
    for entry in tree.entries() {
        assert_eq!(tree.find(&entry.name).expect("it is there").name, entry.name);
    }
});
