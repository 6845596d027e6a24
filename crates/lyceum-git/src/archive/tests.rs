use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;
use crate::testing::{Memory, block_on};
use crate::{Commit, Edit, Objects as _, list};
use lyceum_core::RepoPath;

/// A commit with all that archives can hold: long names, a link to far away, an executable file, a submodule.
fn repo() -> (Memory, Oid, Oid) {
    let memory = Memory::default();
    let long = format!("{}/{}", ["some folder"; 12].join("/"), "x".repeat(90));
    let longer = format!("{}{}", "ä".repeat(110), "/y");
    let far = "../".repeat(60);
    let files = [
        ("README.md", Mode::File, "hello\n"),
        ("run.sh", Mode::Executable, "#!/bin/sh\n"),
        ("empty", Mode::File, ""),
        ("a/link", Mode::Symlink, "../README.md"),
        ("a/far", Mode::Symlink, far.as_str()),
        ("a/b/c.txt", Mode::File, "c"),
        (long.as_str(), Mode::File, "long"),
        (longer.as_str(), Mode::File, "longer"),
    ];
    let upsert = |(path, mode, text): &(&str, Mode, &str)| Edit::Upsert {
        path: RepoPath::parse(path).unwrap(),
        mode: *mode,
        oid: memory.blob(text),
    };
    let tree = memory.edit(None, files.iter().map(upsert).collect()).unwrap();
    let commit = memory.commit(tree, &[], 1_700_000_001);
    (memory, tree, commit)
}

fn archive(memory: &Memory, tree: Oid, commit: Oid, format: ArchiveFormat) -> Vec<u8> {
    let object = block_on(memory.read(commit)).unwrap();
    let seconds = Commit::parse(&object.data).unwrap().committer.seconds;
    let mut writer = ArchiveWriter::new(format, commit, seconds, "m-1234");
    let mut archive = Vec::new();
    for listed in block_on(list(memory, tree, None, true, None, 1000)).unwrap().unwrap() {
        let content = match listed.mode {
            Mode::Folder | Mode::Submodule => Vec::new(),
            _ => block_on(memory.read(listed.oid)).unwrap().data.to_vec(),
        };
        let link = listed.mode == Mode::Symlink;
        writer
            .begin(&ArchiveEntry {
                path: &listed.path,
                mode: listed.mode,
                oid: listed.oid,
                bytes: content.len() as u64,
                incompressible: listed.path == "empty" || listed.path == "README.md",
                target: if link { &content } else { b"" },
            })
            .unwrap();
        if !link {
            for part in content.chunks(3) {
                writer.write(part).unwrap();
            }
        }
        archive.extend(writer.take());
    }
    archive.extend(writer.finish().unwrap());
    archive
}

#[test]
fn a_tar_is_what_git_makes() {
    let (memory, tree, commit) = repo();
    let git = memory.export();
    let run = ["archive", "--format=tar", "--prefix=m-1234/", &commit.to_string()];
    let expected = Command::new("git").arg("-C").arg(git.path()).args(run).output().unwrap();
    assert!(expected.status.success());
    let tar = archive(&memory, tree, commit, ArchiveFormat::Tar);
    assert!(tar == expected.stdout, "{} and {} bytes", tar.len(), expected.stdout.len());

    let packed = archive(&memory, tree, commit, ArchiveFormat::TarGzip);
    let mut gunzip =
        Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    gunzip.stdin.take().unwrap().write_all(&packed).unwrap();
    let unpacked = gunzip.wait_with_output().unwrap();
    assert!(unpacked.status.success());
    assert!(unpacked.stdout == tar, "{} and {} bytes", unpacked.stdout.len(), tar.len());
}

/// Describes all that is below a folder.
fn shown(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if metadata.is_symlink() {
            found.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
        } else if metadata.is_dir() {
            found.push(format!("{name}/"));
            shown(root, &path, found);
        } else {
            let executable = metadata.permissions().mode() & 0o100 != 0;
            let content = fs::read_to_string(&path).unwrap();
            found.push(format!("{name} {executable} {} {content:?}", metadata.mtime()));
        }
    }
    found.sort();
}

#[test]
fn a_zip_unpacks_to_the_same_as_a_tar() {
    let (memory, tree, commit) = repo();
    let folder = tempfile::tempdir().unwrap();
    let (zip, tar) = (folder.path().join("m.zip"), folder.path().join("m.tar"));
    fs::write(&zip, archive(&memory, tree, commit, ArchiveFormat::Zip)).unwrap();
    fs::write(&tar, archive(&memory, tree, commit, ArchiveFormat::Tar)).unwrap();
    let content = fs::read(&zip).unwrap();
    assert!(content.ends_with(commit.to_string().as_bytes()), "the comment is the commit's id");
    let script = "import sys, zipfile\nassert zipfile.ZipFile(sys.argv[1]).testzip() is None\n";
    let checked = Command::new("python3").args(["-c", script]).arg(&zip).status().unwrap();
    assert!(checked.success());
    let mut unpacked = Vec::new();
    for (program, arguments, archive) in [("unzip", ["-q", "-d"], &zip), ("tar", ["-x", "-C"], &tar)] {
        let into = folder.path().join(program);
        fs::create_dir(&into).unwrap();
        let mut command = Command::new(program);
        if program == "unzip" {
            command.args(["-q", "-UU"]).arg(archive).arg("-d").arg(&into);
        } else {
            command.args(arguments).arg(&into).arg("-f").arg(archive);
        }
        assert!(command.env("LC_ALL", "C.UTF-8").status().unwrap().success(), "{program}");
        let mut found = Vec::new();
        shown(&into, &into, &mut found);
        unpacked.push(found);
    }
    assert_eq!(unpacked[0], unpacked[1]);
    assert!(unpacked[0].iter().any(|file| file == "m-1234/run.sh true 1700000001 \"#!/bin/sh\\n\""));
}

fn entry(path: &str, bytes: u64, mode: Mode) -> ArchiveEntry<'_> {
    ArchiveEntry { path, mode, oid: Oid([1; 20]), bytes, incompressible: false, target: b"" }
}

#[test]
fn large_entries_and_many_of_them_take_wide_fields() {
    let mut writer = ArchiveWriter::new(ArchiveFormat::Zip, Oid([7; 20]), 1_700_000_000, "p");
    for number in 0..70_000 {
        writer.begin(&entry(&number.to_string(), 0, Mode::Folder)).unwrap();
    }
    let data = vec![0; 1 << 20];
    writer.begin(&entry("large", 4097 << 20, Mode::File)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.zip");
    let mut file = fs::File::create(&path).unwrap();
    for _ in 0..4097 {
        writer.write(&data).unwrap();
        file.write_all(&writer.take()).unwrap();
    }
    writer.begin(&entry("last", 1, Mode::File)).unwrap();
    writer.write(b"x").unwrap();
    file.write_all(&writer.finish().unwrap()).unwrap();
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nprint(len(z.infolist()), \
                  z.getinfo('p/large').file_size, z.read('p/last'))";
    let checked = Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&checked.stdout), "70003 4296015872 b'x'\n");
}

#[test]
fn a_file_has_the_length_that_was_said() {
    let entry = entry("a", 2, Mode::File);
    for format in ArchiveFormat::ALL {
        let mut writer = ArchiveWriter::new(format, Oid([7; 20]), -1, "p");
        writer.begin(&entry).unwrap();
        writer.write(b"1").unwrap();
        assert!(writer.begin(&entry).is_err());
        assert!(writer.write(b"23").is_err());
        assert!(writer.finish().is_err());
    }
}
