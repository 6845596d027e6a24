use serde_json::json;

use super::*;

fn create(body: Value) -> ApiResult<NewRepo> {
    serde_json::from_value::<CreateWire>(body)
        .map_err(|error| ApiError::invalid(error.to_string()))?
        .try_into()
}

#[test]
fn reads_what_old_and_new_clients_create() {
    let plain = create(json!({"name": "b", "organization": null})).expect("valid");
    assert_eq!((plain.kind, plain.namespace, plain.visibility), (RepoKind::Model, None, None));
    let new = create(json!({"name": "b", "organization": "a", "type": "dataset", "visibility": "private"}));
    let new = new.expect("valid");
    assert_eq!(new.kind, RepoKind::Dataset);
    assert_eq!(new.namespace.expect("named").as_str(), "a");
    assert_eq!(new.visibility, Some(Visibility::Private));
    let old =
        create(json!({"name": "a/b", "private": false, "type": "space", "sdk": "gradio"})).expect("valid");
    assert_eq!((old.name.as_str(), old.visibility), ("b", Some(Visibility::Public)));
    assert_eq!(old.namespace.expect("named").as_str(), "a");
    for wrong in [
        json!({}),
        json!({"name": 1}),
        json!({"name": "b", "type": "bucket"}),
        json!({"name": "b", "visibility": "secret"}),
        json!({"name": "b", "organization": "../x"}),
    ] {
        assert!(create(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn reads_settings() {
    let change = |body: Value| {
        serde_json::from_value::<SettingsWire>(body)
            .map_err(|error| ApiError::invalid(error.to_string()))
            .and_then(RepoChange::try_from)
    };
    assert_eq!(change(json!({"gated": "auto"})).expect("valid").gated, Some(Gated::Auto));
    assert_eq!(change(json!({"gated": false})).expect("valid").gated, Some(Gated::No));
    assert_eq!(change(json!({"private": true})).expect("valid").visibility, Some(Visibility::Private));
    assert!(change(json!({"gated": true})).is_err());
    assert!(change(json!({"gated": "maybe"})).is_err());
}
