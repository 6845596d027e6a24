use crate::Config;
use crate::tests::{Git, environment};

#[test]
fn settings_are_read_as_git_reads_them() {
    let git = Git::new();
    let text = "[core]\n\tbare = no ; really\n[transfer]\n\thideRefs = refs/a\n\thiderefs = \"!refs/a/b # kept\"\n\
                [receive] denyDeletes\n[one \"Two \\\"x\\\"\"]\n  key = a\\tb\\\n  c   \n  empty =\n[number]\n\ton = 2\n\tk = 3k\n\tg = 2G\n\tx = 1kk\n\tlarge = 99999999999999g\n";
    std::fs::write(git.path().join(".git/config"), text).unwrap();
    let config = Config::read(&git.path().join(".git"), &environment());
    assert_eq!(config.flag("core.bare"), Some(false));
    assert_eq!(config.all("transfer.hiderefs").collect::<Vec<_>>(), ["refs/a", "!refs/a/b # kept"]);
    assert_eq!(config.get("transfer.hiderefs"), Some("!refs/a/b # kept"));
    assert_eq!(config.flag("receive.denydeletes"), Some(true));
    assert_eq!(config.flag("number.on"), Some(true));
    assert_eq!(config.get("one.Two \"x\".empty"), Some(""));
    assert_eq!(config.get("one.two"), None);
    let sizes = ["on", "k", "g", "x", "large", "none"].map(|key| config.size(&format!("number.{key}")));
    assert_eq!(sizes, [Some(2), Some(3 << 10), Some(2 << 30), None, None, None]);
    // Real git is asked about what is easy to get wrong.
    let value = git.run(&["config", "one.Two \"x\".key"]);
    assert_eq!(config.get("one.Two \"x\".key"), Some(value.as_str()));
}
