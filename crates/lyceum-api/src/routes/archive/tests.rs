use std::io::Write as _;
use std::process::{Command, Stdio};

use lyceum_core::{RepoId, RepoKind, Sha256};
use lyceum_hub::{Action, Caller};
use serde_json::json;
use sha2::Digest as _;

use super::*;
use crate::testing::{Answer, Site, XetFile, random};

#[test]
fn revision_and_format_stand_in_the_address() {
    let check = |archive: &str, revision: &str, expected: ArchiveFormat| {
        let (found, format) = parse(archive).unwrap();
        assert_eq!((found.as_str(), format), (revision, expected), "{archive}");
    };
    check("main.zip", "main", ArchiveFormat::Zip);
    check("main.tar", "main", ArchiveFormat::Tar);
    check("v1.0.tar.gz", "v1.0", ArchiveFormat::TarGzip);
    check("v1.0.tgz", "v1.0", ArchiveFormat::TarGzip);
    check("refs/heads/a/b.zip", "refs/heads/a/b", ArchiveFormat::Zip);
    for archive in ["main", "main.rar", "zip", ".zip", "mainzip"] {
        assert!(parse(archive).is_err(), "{archive}");
    }
}

/// A hub with `ada/model`, which has `config.json` and the large `sub dir/model.bin`.
struct Files {
    site: Site,
    ada: Caller,
    commit: String,
    large: XetFile,
    digest: Sha256,
}

impl Files {
    async fn new() -> Self {
        let site = Site::new().await;
        let (caller, token) = site.hub.user("ada").await;
        site.hub.repo(&caller, RepoKind::Model, "model").await;
        let content = random(1, 400_000);
        let digest = Sha256(sha2::Sha256::digest(&content).into());
        let large = XetFile::new(content, digest);
        site.upload("ada/model", &token, &large).await;
        let small = json!({ "path": "config.json", "content": "{}" });
        let lines = [json!({ "key": "file", "value": small }), large.line("sub dir/model.bin")];
        let commit = site.commit("ada/model", &token, &lines).await;
        Self { site, ada: caller, commit, large, digest }
    }

    async fn get(&self, rest: &str) -> Answer {
        self.site.get(&format!("/ada/model/archive/{rest}"), None, &[]).await
    }

    fn folder(&self) -> String {
        format!("model-{}", &self.commit[..8])
    }
}

/// Unpacks one file of an archive with `tar`.
fn unpack(archive: &[u8], options: &[&str]) -> Vec<u8> {
    let mut tar =
        Command::new("tar").args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, archive) = (tar.stdin.take().unwrap(), archive.to_vec());
    let writer = std::thread::spawn(move || stdin.write_all(&archive));
    let output = tar.wait_with_output().unwrap();
    writer.join().unwrap().ok();
    assert!(output.status.success());
    output.stdout
}

#[tokio::test]
async fn archives_hold_large_files_or_their_pointers() {
    let files = Files::new().await;
    let model = format!("{}/sub dir/model.bin", files.folder());
    for (format, options) in [("tar", ["-xO", "-f", "-"]), ("tar.gz", ["-xzO", "-f", "-"])] {
        let whole = files.get(&format!("main.{format}")).await.expect(200);
        let options = [&options[..], &[&model]].concat();
        assert!(unpack(&whole.body, &options) == files.large.content, "{format}");
        let plain = files.get(&format!("main.{format}?lfs=pointers")).await.expect(200);
        let pointer = String::from_utf8(unpack(&plain.body, &options)).unwrap();
        assert!(pointer.contains(&format!("oid sha256:{}\nsize 400000\n", files.large.sha256)), "{pointer}");
        assert_ne!(whole.header("etag"), plain.header("etag"));
    }
    let list = unpack(&files.get("main.tar").await.expect(200).body, &["-t", "-f", "-"]);
    let folder = files.folder();
    let names = [".gitattributes", "config.json", "sub dir/", "sub dir/model.bin"];
    let expected: String = [String::new()]
        .into_iter()
        .chain(names.map(str::to_owned))
        .fold(String::new(), |list, name| format!("{list}{folder}/{name}\n"));
    assert_eq!(String::from_utf8(list).unwrap(), expected);
}

#[tokio::test]
async fn an_archive_is_named_and_tagged_by_its_commit() {
    let files = Files::new().await;
    let answer = files.get("refs%2Fheads%2Fmain.zip").await.expect(200);
    assert!(answer.body.starts_with(b"PK\x03\x04") && answer.body.ends_with(files.commit.as_bytes()));
    let name = format!("{}.zip", files.folder());
    assert_eq!(
        answer.header("content-disposition"),
        format!("attachment; filename*=UTF-8''{name}; filename=\"{name}\";")
    );
    assert_eq!(answer.header("content-type"), "application/zip");
    assert_eq!(answer.header("x-repo-commit"), files.commit);
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    let etag = answer.header("etag");
    assert_eq!(etag, format!("\"{}-zip-content-1-400000\"", files.commit));
    let path = format!("/ada/model/archive/{}.zip", files.commit);
    let again = files.site.get(&path, None, &[("if-none-match", etag)]).await.expect(304);
    assert!(again.body.is_empty());
    assert_eq!(again.header("cache-control"), "private, no-cache");
    let pointers = files.site.get(&format!("{path}?lfs=pointers"), None, &[]).await.expect(200);
    assert_eq!(pointers.header("cache-control"), "private, max-age=86400, immutable");
    let head = files.site.head(&path, None, &[]).await.expect(200);
    assert_eq!((head.header("etag"), head.body.len()), (etag, 0));

    // A file that is gone is there as its pointer: that is another archive of the same commit.
    let id = RepoId::parse("ada/model").unwrap();
    let (hub, ada) = (&files.site.hub, &files.ada);
    let repo = hub.open(ada, RepoKind::Model, &id, Action::Administer).await.unwrap();
    hub.delete_lfs_files(ada, &repo, &[files.digest], false).await.unwrap();
    let other = files.site.get(&path, None, &[("if-none-match", etag)]).await.expect(200);
    assert_ne!(other.header("etag"), etag);

    assert_eq!(files.get("none.zip").await.expect(404).header("x-error-code"), "RevisionNotFound");
    files.get("main.rar").await.expect(400);
    files.get("main.zip?lfs=maybe").await.expect(400);
}

#[tokio::test]
async fn the_archive_of_a_mirror_is_not_kept() {
    let files = Files::new().await;
    files.site.hub.pretend_mirror(RepoKind::Model, &RepoId::parse("ada/model").unwrap()).await;
    let path = format!("/ada/model/archive/{}.zip", files.commit);
    let answer = files.site.get(&path, None, &[("if-none-match", "*")]).await.expect(200);
    assert_eq!((answer.header("cache-control"), answer.headers.get("etag")), ("no-store", None));
    let pointers = files.site.get(&format!("{path}?lfs=pointers"), None, &[]).await.expect(200);
    assert_eq!(pointers.header("cache-control"), "private, max-age=86400, immutable");
}
