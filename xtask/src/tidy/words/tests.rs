use super::check_line;

fn check(line: &str, problems: usize) {
    assert_eq!(check_line(line).len(), problems, "{line}: {:?}", check_line(line));
}

#[test]
fn machine_paths_and_registries_are_found() {
    check("see /home/ada/notes.md", 1);
    check("\"resolved\": \"https://registry.example/a/-/a-1.tgz\"", 1);
    check("pip install --index-url https://index.example/simple", 1);
    check("crates/lyceum/home/thing.rs", 0);
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
