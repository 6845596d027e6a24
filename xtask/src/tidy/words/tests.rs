use super::check_line;

fn check(line: &str, problems: usize) {
    assert_eq!(check_line(line).len(), problems, "{line}: {:?}", check_line(line));
}

#[test]
fn machine_paths_and_registries_are_found() {
    check("see /work/shared/design.md", 1);
    check("\"resolved\": \"https://registry.npmjs.org/a/-/a-1.tgz\"", 1);
    check("https://host.example/artifactory/api", 1);
    check("crates/lyceum/work/thing.rs", 0);
    check("root/src/lib.rs", 0);
}

#[test]
fn tasks_need_a_number() {
    check("// TODO: later", 1);
    check("// TODO(#12): later", 0);
    check("// TODO(#x): later", 1);
    check("// FIXME", 1);
    check("hf_HubCITokenXXXXXXXX", 0);
}
