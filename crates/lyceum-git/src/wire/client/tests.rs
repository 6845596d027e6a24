use super::*;

fn oid(digit: char) -> Oid {
    digit.to_string().repeat(40).parse().unwrap()
}

fn packets(lines: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        match *line {
            b"" => bytes.extend_from_slice(b"0000"),
            b"-" => bytes.extend_from_slice(b"0001"),
            line => append_packet(&mut bytes, line),
        }
    }
    bytes
}

#[tokio::test]
async fn only_version_2_and_sha1_are_spoken() {
    let check = async |lines: &[&[u8]], expected: &str| {
        let read = read_capabilities(&packets(lines)[..]).await;
        let said = read.map_or_else(|error| error.to_string(), |()| "yes".to_owned());
        assert!(said.contains(expected), "{said}");
    };
    check(&[b"version 2\n", b"agent=x\n", b"object-format=sha1\n", b""], "yes").await;
    check(&[b"# service=git-upload-pack\n", b"", b"version 2\n", b"fetch=shallow\n", b""], "yes").await;
    check(&[b"version 2\n", b"object-format=sha256\n", b""], "not with SHA-1").await;
    check(&[b"# service=git-upload-pack\n", b"", b"1111 HEAD\0side-band\n", b""], "version 2").await;
    check(&[b"ERR no such repository\n"], "no such repository").await;
    check(&[b"version 2\n"], "hung up").await;
}

#[tokio::test]
async fn references_are_read() {
    let (a, b) = (oid('a'), oid('b'));
    let head = format!("{a} HEAD symref-target:refs/heads/main\n");
    let tag = format!("{b} refs/tags/v1 peeled:{a}\n");
    let lines = packets(&[head.as_bytes(), format!("{a} refs/heads/main\n").as_bytes(), tag.as_bytes(), b""]);
    let found = read_references(&lines[..]).await.unwrap();
    assert_eq!(found.head.as_deref(), Some("refs/heads/main"));
    let reference = |name: &str, target, peeled| Reference { name: name.to_owned(), target, peeled };
    let expected = [reference("refs/heads/main", a, None), reference("refs/tags/v1", b, Some(a))];
    assert_eq!(found.references, expected);
    for broken in ["zz refs/heads/main\n", "unborn\n"] {
        assert!(read_references(&packets(&[broken.as_bytes(), b""])[..]).await.is_err(), "{broken}");
    }
    let empty = packets(&[b"unborn HEAD symref-target:refs/heads/main\n", b""]);
    assert_eq!(read_references(&empty[..]).await.unwrap().references, []);
}

#[tokio::test]
async fn packs_are_taken_out_of_their_bands() {
    let answer = packets(&[b"packfile\n", b"\x01PA", b"\x02counting", b"\x01CK", b""]);
    let mut pack = PackAnswer::start(&answer[..]).await.unwrap();
    let mut found = Vec::new();
    while let Some(data) = pack.next().await.unwrap() {
        found.extend_from_slice(data);
    }
    assert_eq!(found, b"PACK");
    let failed = packets(&[b"packfile\n", b"\x03out of memory\n", b""]);
    let error = PackAnswer::start(&failed[..]).await.unwrap().next().await.unwrap_err();
    assert_eq!(error.to_string(), "the server says: out of memory");
    assert!(PackAnswer::start(&packets(&[b"ERR not our ref\n"])[..]).await.is_err());
    assert!(PackAnswer::start(&packets(&[b"acknowledgments\n", b""])[..]).await.is_err());
}

#[test]
fn requests_say_all_at_once() {
    let request = fetch_request(&[oid('a')], &[oid('b')]);
    let text = String::from_utf8(request).unwrap();
    let expected = format!("0032want {}\n0032have {}\n0009done\n0000", oid('a'), oid('b'));
    assert!(text.starts_with("0012command=fetch\n") && text.ends_with(&expected), "{text}");
}
