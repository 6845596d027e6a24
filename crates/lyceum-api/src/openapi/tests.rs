use std::collections::BTreeSet;

use super::{PARAMETERS, described, openapi};

#[test]
fn every_route_is_described_and_nothing_else() {
    let described = described().unwrap();
    let listed: Vec<String> =
        described.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let unique: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(unique.len(), listed.len(), "a route is described twice");
    let routes: BTreeSet<String> = crate::route_table().into_iter().collect();
    let listed: BTreeSet<String> = listed.into_iter().collect();
    let missing: Vec<_> = routes.difference(&listed).collect();
    let left: Vec<_> = listed.difference(&routes).collect();
    assert!(
        missing.is_empty() && left.is_empty(),
        "describe in routes/described.txt {missing:?}, and not {left:?}"
    );
    for route in &described {
        assert!(!route.group.is_empty() && route.summary.len() > 10, "{route:?}");
        assert!(!route.summary.ends_with('.'), "{route:?}");
        for part in route.path.split('/').filter(|part| part.starts_with('{')) {
            let name = part.trim_matches(['{', '}', '*']);
            assert!(PARAMETERS.iter().any(|(known, ..)| *known == name), "nobody knows what `{name}` is");
        }
    }
}

#[test]
fn the_document_is_whole() {
    let document = openapi("1.2.3");
    assert_eq!((&document["openapi"], &document["info"]["version"]), (&"3.1.0".into(), &"1.2.3".into()));
    let paths = document["paths"].as_object().unwrap();
    let mut ids = BTreeSet::new();
    for (path, operations) in paths {
        assert!(!path.contains('*'), "{path}");
        for (method, operation) in operations.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
            let named = operation["parameters"].as_array().unwrap();
            let named = named.iter().filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(named, path.matches('{').count(), "{method} {path}");
        }
    }
    let resolve = &paths["/{kind}/{namespace}/{name}/resolve/{revision}/{path}"]["get"];
    assert_eq!(resolve["parameters"][0]["schema"]["enum"][0], "datasets");
    assert!(paths.contains_key("/{namespace}/{name}/resolve/{revision}/{path}"));
    let create = &paths["/api/repos/create"]["post"];
    assert_eq!(create["security"][0]["token"], serde_json::json!([]));
    let body = &create["requestBody"]["content"]["application/json"];
    assert_eq!(body["schema"]["properties"]["private"]["type"], "boolean");
}
