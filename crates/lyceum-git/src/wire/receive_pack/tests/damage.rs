//! Objects that are refused for what they are.

use super::*;

/// What git itself would refuse when it checks strictly.
#[test]
fn damaged_objects_are_refused() {
    let git = Git::new();
    let raw = |kind: &str, data: &[u8]| {
        let id = git.run(&["hash-object", "-w", "--literally", "-t", kind, "--stdin"], data);
        String::from_utf8(id).unwrap().trim().to_owned()
    };
    let blob = raw("blob", b"x");
    let bytes = |hex: &str| hex.parse::<Oid>().unwrap().0;
    let entry = |mode: &str, name: &str, oid: &str| {
        [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &bytes(oid)].concat()
    };
    let person = "A <a@b> 1 +0000";
    let commit = |tree: &str| format!("tree {tree}\nauthor {person}\ncommitter {person}\n\nm\n");
    let check = |tree: Vec<u8>, expected: &str| {
        let tree = raw("tree", &tree);
        let tip = raw("commit", commit(&tree).as_bytes());
        let data = git.run(&["pack-objects", "--stdout"], format!("{tip}\n{tree}\n{blob}\n").as_bytes());
        let told = Repo::new().update(ZERO, &tip, MAIN, &data);
        assert!(told[0].contains(expected), "{told:?}: {expected}");
        assert_eq!(told[1], "ng refs/heads/main unpacker error");
    };
    check(entry("100644", ".git", &blob), "badTree");
    check(entry("100644", ".Git", &blob), "badTree");
    check(entry("100644", "git~1", &blob), "hasDotgit");
    check(entry("100644", ".g\u{200c}it", &blob), "hasDotgit");
    check(entry("100644", ".git. . ", &blob), "hasDotgit");
    check(entry("100644", "x\\.git", &blob), "hasDotgit");
    check(entry("100644", "..", &blob), "badTree");
    check(entry("100644", "a/b", &blob), "badTree");
    check(entry("0100644", "a", &blob), "zeroPaddedFilemode");
    check(entry("100600", "a", &blob), "badTree");
    check(entry("100644", "a", ZERO), "nullSha1");
    check([entry("100644", "b", &blob), entry("100644", "a", &blob)].concat(), "out of order");
    check([entry("100644", "a", &blob), entry("100644", "a", &blob)].concat(), "out of order");
    check(entry("120000", ".gitmodules", &blob), "gitmodulesSymlink");
    check(entry("120000", "GITMOD~1", &blob), "gitmodulesSymlink");
    check(entry("40000", "a", &blob), "is a blob, but is used as a tree");
    check(b"100644 a".to_vec(), "badTree");

    let modules = |text: &str, expected: &str| {
        let file = raw("blob", text.as_bytes());
        let tree = raw("tree", &entry("100644", ".gitmodules", &file));
        let tip = raw("commit", commit(&tree).as_bytes());
        let data = git.run(&["pack-objects", "--stdout"], format!("{tip}\n{tree}\n{file}\n").as_bytes());
        let told = Repo::new().update(ZERO, &tip, MAIN, &data);
        assert!(told[0].contains(expected), "{told:?}: {expected}");
    };
    modules("[submodule \"../x\"]\n\tpath = x\n", "gitmodulesName");
    modules("[submodule \"x\"]\n\turl = -u./payload\n", "gitmodulesUrl");
    modules("[submodule \"x\"]\n\tpath = \"-x\"\n", "gitmodulesPath");
    modules("[submodule \"x\"]\n\tupdate = !sh\n", "gitmodulesUpdate");
    // However it is written.
    modules("[submodule \"x\"] url = -u./payload\n", "gitmodulesUrl");
    modules("\u{feff}[submodule \"x\"]\n\turl = -u./payload\n", "gitmodulesUrl");
    modules("[submodule \"x\"]\n\turl = \\\n-u./payload\n", "gitmodulesUrl");
    modules("[submodule \"x\"]\n\turl = \"\"-u./payload\n", "gitmodulesUrl");
    modules("[submodule.x]\n\turl = -u./payload\n", "gitmodulesUrl");
    modules("[SubModule \"x\"]\n\tURL=-u./payload ; c\n", "gitmodulesUrl");
    modules("[submodule \"\"]\n\tpath = x\n", "gitmodulesName");
    modules("[submodule \"x\"]\n\tpath = x\n\turl = https://example.org/x\n", "unpack ok");

    let tree = raw("tree", &entry("100644", "a", &blob));
    let commits = |text: &str, expected: &str| {
        let tip = raw("commit", text.as_bytes());
        let data = git.run(&["pack-objects", "--stdout"], format!("{tip}\n{tree}\n{blob}\n").as_bytes());
        let told = Repo::new().update(ZERO, &tip, MAIN, &data);
        assert!(told[0].contains(expected), "{told:?}: {expected}");
    };
    commits(&commit(&tree), "unpack ok");
    let by = |author: &str| format!("tree {tree}\nauthor {author}\ncommitter {person}\n\nm\n");
    commits(&by("<a@b> 1 +0000"), "missingNameBeforeEmail");
    commits(&by("A> <a@b> 1 +0000"), "badName");
    commits(&by("A 1 +0000"), "missingEmail");
    commits(&by("A<a@b> 1 +0000"), "missingSpaceBeforeEmail");
    commits(&by("A <a<b> 1 +0000"), "badEmail");
    commits(&by("A <a@b>1 +0000"), "missingSpaceBeforeDate");
    commits(&by("A <a@b> 01 +0000"), "zeroPaddedDate");
    commits(&by("A <a@b> x +0000"), "badDate");
    commits(&by("A <a@b> 99999999999999999999 +0000"), "badDateOverflow");
    commits(&by("A <a@b> 1 0000"), "badTimezone");
    commits(&format!("author {person}\n"), "missingTree");
    commits(&format!("tree x\nauthor {person}\n"), "badTreeSha1");
    commits(&format!("tree {tree}\nparent x\n"), "badParentSha1");
    commits(&format!("tree {tree}\ncommitter {person}\n"), "missingAuthor");
    commits(
        &format!("tree {tree}\nauthor {person}\nauthor {person}\ncommitter {person}\n"),
        "multipleAuthors",
    );
    commits(&format!("tree {tree}\nauthor {person}\n"), "missingCommitter");
    commits(&format!("tree {tree}\nauthor {person}\ncommitter {person}"), "unterminatedHeader");
    commits(&format!("tree {tree}\nauthor {person}\ncommitter \0\n"), "nulInHeader");
    commits(&format!("tree {tree}\nauthor {person}\ncommitter {person}\n\nm\0"), "nulInCommit");

    let tip = raw("commit", commit(&tree).as_bytes());
    let tags = |text: &str, expected: &str| {
        let tag = raw("tag", text.as_bytes());
        let data =
            git.run(&["pack-objects", "--stdout"], format!("{tag}\n{tip}\n{tree}\n{blob}\n").as_bytes());
        let told = Repo::new().update(ZERO, &tag, "refs/tags/v1", &data);
        assert!(told[0].contains(expected), "{told:?}: {expected}");
    };
    tags(&format!("object {tip}\ntype commit\ntag v1\ntagger {person}\n\nm\n"), "unpack ok");
    tags(&format!("type commit\nobject {tip}\ntag v1\n"), "missingObject");
    tags("object x\ntype commit\ntag v1\n", "badObjectSha1");
    tags(&format!("object {tip}\ntag v1\n"), "missingTypeEntry");
    tags(&format!("object {tip}\ntype x\ntag v1\n"), "badType");
    tags(&format!("object {tip}\ntype commit\n"), "missingTagEntry");
    tags(&format!("object {tip}\ntype commit\ntag v1\ntagger x\n"), "missingEmail");
    tags(&format!("object {tip}\ntype tree\ntag v1\n"), "is a commit, but is used as a tree");
}

/// Paths that nothing could check out are not even put together.
#[test]
fn long_paths_are_refused() {
    let mut writer = crate::SegmentWriter::new(&std::env::temp_dir());
    let blob = writer.add(ObjectKind::Blob, b"x").unwrap();
    let mut add = |name: String, mode, oid| {
        let tree = crate::Tree::new(vec![crate::TreeEntry { name, mode, oid }]);
        writer.add(ObjectKind::Tree, &tree.encode()).unwrap()
    };
    let mut tree = add("x".to_owned(), Mode::File, blob);
    for _ in 0..3 {
        tree = add("n".repeat(2000), Mode::Folder, tree);
    }
    let author = crate::testing::signature(1);
    let (committer, message) = (author.clone(), String::new());
    let commit = Commit { tree, parents: vec![], author, committer, message };
    let tip = writer.add(ObjectKind::Commit, &commit.encode()).unwrap().to_string();
    let pack = crate::testing::pack(&writer.finish().unwrap());
    let told = Repo::new().update(ZERO, &tip, MAIN, &pack);
    assert_eq!(told[0], "unpack a folder's path has more than 4096 bytes");
}

/// A file that git reads is examined when it gets its name, even if it is here already.
#[test]
fn files_get_special_names_only_if_they_may() {
    let git = Git::new();
    let commit = |from: &str, to: &str| {
        std::fs::rename(git.path().join(from), git.path().join(to)).unwrap();
        git.run(&["add", "-A"], b"");
        git.run(&["commit", "-q", "-m", to], b"");
        git.lines(&["rev-parse", "HEAD"])[0].clone()
    };
    std::fs::write(git.path().join("x"), "[submodule \"x\"]\n\turl = -u./payload\n").unwrap();
    let first = commit("x", "foo");
    let second = commit("foo", ".gitmodules");
    let mut repo = Repo::new();
    assert_eq!(repo.update(ZERO, &first, MAIN, &pack(&git, &first)), ["unpack ok", "ok refs/heads/main"]);
    let moved = pack(&git, &format!("{second}\n^{first}"));
    let told = repo.update(&first, &second, MAIN, &moved);
    assert!(told[0].contains("gitmodulesUrl"), "{told:?}");
    // Who does not have objects checked gets what is sent.
    repo.limits.fsck = false;
    assert_eq!(repo.update(&first, &second, MAIN, &moved), ["unpack ok", "ok refs/heads/main"]);
}
