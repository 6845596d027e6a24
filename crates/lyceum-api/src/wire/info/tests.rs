use super::*;

#[test]
fn expand_takes_known_names_once_and_refuses_others() {
    let expand = |kind, asked: &[&'static str]| Properties::expand(kind, asked.iter().copied());
    assert_eq!(expand(RepoKind::Model, &[]).expect("valid"), None);
    let properties =
        expand(RepoKind::Model, &["gguf", "sha,gguf", "siblings"]).expect("valid").expect("some");
    assert_eq!(properties.names, ["gguf", "sha", "siblings"]);
    assert!(properties.siblings());
    let error = expand(RepoKind::Dataset, &["gguf"]).expect_err("a dataset has no gguf");
    let message = error.parts().message.to_owned();
    assert!(message.contains("`gguf`") && message.contains("citation, createdAt"), "{message}");
}

#[test]
fn every_property_of_an_answer_is_known_somewhere() {
    let known = [MODEL_PROPERTIES, DATASET_PROPERTIES, SPACE_PROPERTIES, KERNEL_PROPERTIES].concat();
    for name in [INFO_PROPERTIES, LIST_PROPERTIES, FULL_LIST_PROPERTIES, DATASET_LIST_PROPERTIES].concat() {
        assert!(known.contains(&name), "{name}");
    }
}

#[test]
fn lists_name_each_property_once() {
    let properties = Properties::list(RepoKind::Dataset, true, true, true);
    let mut names = properties.names.clone();
    names.dedup();
    assert_eq!(names, properties.names);
    assert!(properties.siblings());
    assert!(!Properties::list(RepoKind::Model, false, false, false).siblings());
}
