use super::*;

fn has(list: &str, address: &str) -> bool {
    AllowList::parse(list).unwrap().has_address(address.parse().unwrap())
}

#[test]
fn networks_hold_their_addresses() {
    let list = "10.0.0.0/8, 192.168.1.7 ,fd00::/16, [::1]";
    for inside in ["10.0.0.1", "10.255.255.255", "192.168.1.7", "fd00:1::9", "::1", "::ffff:10.1.1.1"] {
        assert!(has(list, inside), "{inside}");
    }
    for outside in ["11.0.0.1", "192.168.1.8", "fd01::1", "::2", "127.0.0.1"] {
        assert!(!has(list, outside), "{outside}");
    }
    assert!(has("0.0.0.0/0", "127.0.0.1") && !has("0.0.0.0/0", "::1"));
    assert!(has("::/0", "127.0.0.1") && has("::/0", "fe80::1"));
}

#[test]
fn names_are_whole_names() {
    let list = AllowList::parse("ci.internal").unwrap();
    assert!(list.has_host("CI.Internal"));
    assert!(!list.has_host("x.ci.internal") && !list.has_host("internal"));
    assert!(!AllowList::parse("").unwrap().has_host(""));
}

#[test]
fn other_entries_are_refused() {
    for entry in ["10.0.0.0/33", "10.0.0.0/x", "ci.internal/8", "http://ci", "a b", "::1/129"] {
        let error = AllowList::parse(entry).unwrap_err();
        assert!(error.to_string().contains(entry), "{error}");
    }
}
