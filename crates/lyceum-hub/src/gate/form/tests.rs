use serde_json::{Map, Value, json};

use super::{GateFieldKind, GateForm};

fn form() -> GateForm {
    GateForm::of(Some(&json!({
        "extra_gated_heading": "Acknowledge",
        "extra_gated_prompt": "You agree.",
        "extra_gated_button_content": "Agree",
        "extra_gated_fields": {
            "Company": "text",
            "Country": { "type": "country" },
            "Born": "date_picker",
            "Use": { "type": "select", "options": ["Research", 7, { "label": "Other", "value": "other" }, [1]] },
            "Place": "ip_location",
            "I agree": "checkbox",
            "Strange": 12,
        },
    })))
}

fn answers(change: Value) -> Map<String, Value> {
    let mut all = json!({
        "Company": " Acme ", "Country": "FR", "Born": "2000-01-31", "Use": "other", "I agree": "on", "Strange": "x",
    });
    for (name, value) in change.as_object().unwrap() {
        all[name] = value.clone();
    }
    all.as_object().unwrap().clone()
}

#[test]
fn a_form_is_read_out_of_a_card() {
    let form = form();
    assert_eq!((form.heading.as_deref(), form.button.as_deref()), (Some("Acknowledge"), Some("Agree")));
    let names: Vec<_> = form.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(!names.contains(&"Place"));
    let select = form.fields.iter().find(|field| field.name == "Use").unwrap();
    let pair = |label: &str, value: &str| (label.to_owned(), value.to_owned());
    let options = vec![pair("Research", "Research"), pair("7", "7"), pair("Other", "other")];
    assert_eq!(select.kind, GateFieldKind::Select(options));
    assert_eq!(GateForm::of(Some(&json!({ "extra_gated_fields": ["no", "object"] }))), GateForm::default());
    assert_eq!(GateForm::of(None), GateForm::default());
}

#[test]
fn everything_has_to_be_filled_in_and_nothing_else() {
    let checked = form().check(answers(json!({}))).unwrap();
    assert_eq!((&checked["Company"], &checked["I agree"]), (&json!("Acme"), &json!(true)));
    for (change, must) in [
        (json!({ "Company": "  " }), "`Company`"),
        (json!({ "Company": null }), "`Company` must be filled in"),
        (json!({ "Company": "x".repeat(2001) }), "`Company`"),
        (json!({ "Born": "31.1.2000" }), "`Born` must be a day"),
        (json!({ "Use": "Other" }), "`Use` must be one of its options"),
        (json!({ "I agree": "no" }), "`I agree` must be ticked"),
        (json!({ "I agree": false }), "`I agree` must be ticked"),
        (json!({ "More": "x" }), "no field `More`"),
    ] {
        let error = form().check(answers(change)).unwrap_err();
        assert!(error.message().contains(must), "{error} for {must}");
    }
}
