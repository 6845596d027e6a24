//! Tests of where signing in leads.

use super::local;

#[test]
fn signing_in_leads_nowhere_else() {
    let check = |next: &str, expected: &str| assert_eq!(local(Some(next)), expected, "{next:?}");
    check("/device?user_code=AB-CD", "/device?user_code=AB-CD");
    check("/a/b/tree/main/x%20y", "/a/b/tree/main/x%20y");
    for elsewhere in
        ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "evil", "", "/a b"]
    {
        check(elsewhere, "/");
    }
    assert_eq!(local(None), "/");
}
