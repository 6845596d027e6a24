//! Requests that are refused, in git's words.

use super::*;
use crate::testing::block_on;

/// Sends a request as over HTTP and returns the answer as text; a failure is what the last line says.
fn ask(memory: &Memory, options: &UploadPackOptions, request: &[u8]) -> String {
    let mut output = Vec::new();
    let options = UploadPackOptions { stateless: true, ..options.clone() };
    let served = block_on(upload_pack(memory, &options, &NoPackCache, request, &mut output));
    let mut answer = output.escape_ascii().to_string();
    if let Err(error) = served {
        answer = format!("{answer}|{error}");
    }
    answer
}

/// Frames lines; `-` is a flush and `+` a delimiter.
fn lines(lines: &[&str]) -> Vec<u8> {
    let mut request = Vec::new();
    for line in lines {
        match *line {
            "-" => request.extend_from_slice(b"0000"),
            "+" => request.extend_from_slice(b"0001"),
            line => crate::wire::append_packet(&mut request, format!("{line}\n").as_bytes()),
        }
    }
    request
}

const MISSING: &str = "1234567812345678123456781234567812345678";

#[test]
fn version_2_refuses() {
    let memory = Memory::default();
    let blob = memory.blob("x");
    let v2 = UploadPackOptions { version: Version::V2, ..generous() };
    for (request, expected) in [
        (&["command=push", "-"][..], "invalid command 'push'"),
        (&["color=red", "-"], "unknown capability 'color=red'"),
        (&["agent=git/1", "-"], "no command requested"),
        (
            &["command=fetch", "object-format=sha256", "-"],
            "mismatched object format: server sha1; client sha256",
        ),
        (
            &["command=fetch", "command=ls-refs", "-"],
            "command 'ls-refs' requested after already requesting command 'fetch'",
        ),
        (&["command=ls-refs", "+", "shout", "-"], "unexpected line: 'shout'"),
        (&["command=ls-refs", "+", "peel", "+"], "expected flush after ls-refs arguments"),
        (&["command=ls-refs", "+", "peel"], "the remote end hung up unexpectedly"),
        (&["command=fetch", "+", "want x", "-"], "protocol error, expected to get oid, not 'x'"),
        (&["command=fetch", "+", "have 12", "-"], "protocol error, expected to get oid, not '12'"),
        (&["command=fetch", "+", "want-ref refs/heads/x", "-"], "unknown ref refs/heads/x"),
        (&["command=fetch", "+", "deepen 0", "-"], "Invalid deepen: deepen 0"),
        (&["command=fetch", "+", "deepen -1", "-"], "Invalid deepen: deepen -1"),
        (&["command=fetch", "+", "deepen-since x", "-"], "Invalid deepen-since: deepen-since x"),
        (&["command=fetch", "+", "deepen-not x", "-"], "ambiguous deepen-not: deepen-not x"),
        (&["command=fetch", "+", "shallow x", "-"], "invalid shallow line: shallow x"),
        (&["command=fetch", "+", "sideband-all", "-"], "unexpected line: 'sideband-all'"),
        (&["command=fetch", "+", "packfile-uris https", "-"], "unexpected line: 'packfile-uris https'"),
        (&["command=fetch", "+", "filter sparse:oid=x", "-"], "filter 'sparse:oid' not supported"),
        (
            &["command=fetch", "+", "filter tree:1", "filter tree:2", "-"],
            "multiple filter-specs cannot be combined",
        ),
        (&["command=object-info", "+", "color", "-"], "object-info: unexpected line: 'color'"),
    ] {
        let answer = ask(&memory, &v2, &lines(request));
        let (wire, told) = answer.split_once('|').unwrap_or_else(|| panic!("{request:?}: {answer}"));
        assert!(told.ends_with(expected), "{request:?}: {told}");
        // The client is told the same.
        assert!(wire.contains("ERR ") && wire.contains(&expected.escape_default().to_string()), "{wire}");
    }
    let want = format!("want {MISSING}");
    let answer = ask(&memory, &v2, &lines(&["command=fetch", "+", &want, "done", "-"]));
    assert!(answer.contains(&format!("ERR upload-pack: not our ref {MISSING}")), "{answer}");
    // Without a filter and references by name, their lines are unknown.
    let plain = UploadPackOptions { version: Version::V2, ..UploadPackOptions::default() };
    for line in ["filter blob:none", "want-ref refs/heads/main"] {
        let answer = ask(&memory, &plain, &lines(&["command=fetch", "+", line, "-"]));
        assert!(answer.contains("unexpected line"), "{answer}");
    }
    let oid = format!("oid {blob}");
    let answer = ask(&memory, &v2, &lines(&["command=object-info", "+", "size", &oid, "-"]));
    assert!(
        answer.contains(&format!("size\\n0030{blob} 1")) || answer.contains(&format!("{blob} 1\\n")),
        "{answer}"
    );
}

#[test]
fn version_0_refuses() {
    let memory = Memory::default();
    let root = memory.commit(memory.tree(&[("a", "a")]), &[], 1);
    let tip = memory.commit(memory.tree(&[("a", "b")]), &[root], 2);
    let secret = memory.commit(memory.tree(&[("a", "c")]), &[root], 3);
    memory.set_reference("refs/heads/main", tip);
    memory.set_reference("refs/secret/x", secret);
    let hidden = vec!["refs/secret".to_owned()];
    let strict = UploadPackOptions { hidden, ..UploadPackOptions::default() };
    let wants = |oid: &dyn std::fmt::Display| lines(&[&format!("want {oid} no-progress"), "-", "done"]);

    // As references may have moved since they were listed, what they lead to is given over HTTP.
    for oid in [tip, root] {
        assert!(ask(&memory, &strict, &wants(&oid)).starts_with("0008NAK\\nPACK"));
    }
    for oid in [secret.to_string(), MISSING.to_owned()] {
        let answer = ask(&memory, &strict, &wants(&oid));
        assert!(answer.contains(&format!("ERR upload-pack: not our ref {oid}")), "{answer}");
    }
    let tips = UploadPackOptions { tips: true, ..strict.clone() };
    assert!(ask(&memory, &tips, &wants(&secret)).starts_with("0008NAK\\nPACK"));
    let any = UploadPackOptions { any: true, ..strict.clone() };
    assert!(ask(&memory, &any, &wants(&secret)).starts_with("0008NAK\\nPACK"));

    for (request, expected) in [
        (lines(&["want x", "-"]), "expected to get object ID, not 'want x'"),
        (lines(&["filter blob:none", "-"]), "filtering capability not negotiated"),
        (lines(&[&format!("want {tip}"), "-", "hello"]), "expected SHA1 list, got 'hello'"),
        (lines(&[&format!("want {tip}"), "-", "have x"]), "expected SHA1 object, got 'x'"),
        (lines(&[&format!("want {tip}")]), "the remote end hung up unexpectedly"),
        (
            lines(&[&format!("want {tip}"), "deepen 1", "deepen-since 1", "-"]),
            "deepen and deepen-since (or deepen-not) cannot be used together",
        ),
        (
            lines(&[&format!("want {tip}"), "deepen-since 99999999999", "-"]),
            "no commits selected for shallow requests",
        ),
        (b"zzzz".to_vec(), "protocol error: bad line length character: zzzz"),
    ] {
        let answer = ask(&memory, &strict, &request);
        assert!(answer.ends_with(expected), "{answer}");
    }
}

#[test]
fn damage_is_told_without_detail() {
    let memory = Memory::default();
    let tree = memory.tree(&[("a", "a"), ("b", "b")]);
    let tip = memory.commit(tree, &[], 1);
    memory.set_reference("refs/heads/main", tip);
    memory.remove(tree);
    let want = format!("want {tip} side-band-64k");
    let answer = ask(&memory, &generous(), &lines(&[&want, "-", "done"]));
    assert!(
        answer.contains("\\x03aborting due to possible repository corruption on the remote side."),
        "{answer}"
    );
}

/// Names may come by the thousand, from anybody.
#[test]
fn references_are_listed_once_however_many_are_named() {
    let memory = Memory::default();
    let old = memory.commit(memory.tree(&[("a", "1")]), &[], 1);
    let mut requests = vec!["command=fetch".to_owned(), "+".to_owned()];
    for number in 0..200 {
        memory.set_reference(&format!("refs/heads/old-{number}"), old);
        let new = memory.commit(memory.tree(&[("a", "2")]), &[old], 2 + number);
        memory.set_reference(&format!("refs/heads/new-{number}"), new);
        requests.push(format!("want-ref refs/heads/new-{number}"));
        // Once more is no more.
        requests.extend([format!("deepen-not old-{number}"), format!("deepen-not old-{number}")]);
    }
    requests.extend(["done".to_owned(), "-".to_owned()]);
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    let v2 = UploadPackOptions { version: Version::V2, ..generous() };
    let answer = ask(&memory, &v2, &lines(&requests));
    assert!(answer.contains("refs/heads/new-199") && answer.contains("PACK"), "{answer}");
    let listings = memory.take_listings();
    assert!(listings <= 3, "{listings} lists");
    let unknown =
        ask(&memory, &v2, &lines(&["command=fetch", "+", "want-ref refs/heads/old-1", "deepen-not x", "-"]));
    assert!(unknown.ends_with("ambiguous deepen-not: deepen-not x"), "{unknown}");

    let mut many = vec!["command=fetch".to_owned(), "+".to_owned()];
    many.extend((0..1001).map(|number| format!("deepen-not {number}")));
    many.push("-".to_owned());
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let answer = ask(&memory, &v2, &lines(&many));
    assert!(answer.ends_with("more than 1000 references are to be left out"), "{answer}");
}
