//! Which claims may be asked for, and when they fit.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{check_claims, fits};

fn claims(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn claims_tell_one_program_from_others() {
    for good in [
        &[("sub", "repo:octo/m:ref:refs/heads/main")][..],
        &[("sub", "repo:octo/m:*")],
        &[("sub", "repo:octo/*"), ("ref", "refs/heads/main")],
        &[("repository", "octo/m"), ("workflow", "release")],
        &[("project_path", "group/m")],
    ] {
        check_claims(&claims(good)).unwrap_or_else(|error| panic!("{good:?}: {error}"));
    }
    for (bad, expected) in [
        (&[][..], "tell one program"),
        (&[("ref", "refs/heads/main")], "tell one program"),
        (&[("sub", "*")], "only `sub`"),
        (&[("sub", "repo:*")], "only `sub`"),
        (&[("sub", "repo::*")], "only `sub`"),
        (&[("sub", "repo:octo*")], "only `sub`"),
        (&[("sub", "repo:*/m")], "only `sub`"),
        (&[("repository", "octo/*")], "only `sub`"),
        (&[("sub", "a"), ("aud", "x")], "checked in each token"),
        (&[("sub", "")], "1 to 512"),
        (&[("sub", "a\nb")], "1 to 512"),
    ] {
        let error = check_claims(&claims(bad)).expect_err(expected).to_string();
        assert!(error.contains(expected), "{bad:?}: {error}");
    }
    let many: BTreeMap<_, _> = (0..17).map(|number| (format!("c{number}"), "x".to_owned())).collect();
    assert!(check_claims(&many).is_err());
}

#[test]
fn claims_fit_exactly() {
    let check = |wanted: &[(&str, &str)], said: Value, expected: bool| {
        let said = said.as_object().unwrap().clone().into();
        assert_eq!(fits(&claims(wanted), &said), expected, "{wanted:?} {said:?}");
    };
    let said = json!({ "sub": "repo:octo/m:ref:x", "repository": "octo/m", "id": 7, "protected": true, "list": ["a"] });
    check(&[("sub", "repo:octo/m:ref:x"), ("repository", "octo/m")], said.clone(), true);
    check(&[("sub", "repo:octo/m:*")], said.clone(), true);
    check(&[("sub", "repo:octo/")], said.clone(), false);
    check(&[("sub", "repo:octo/m2:*")], said.clone(), false);
    check(&[("repository", "Octo/m")], said.clone(), false);
    check(&[("repository", "octo/*")], said.clone(), false);
    check(&[("id", "7"), ("protected", "true")], said.clone(), true);
    check(&[("missing", "x")], said.clone(), false);
    check(&[("list", "a")], said, false);
}
