//! Files of any names become an archive, in each format; a zip says how many there are, a tar has whole blocks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_core::Oid;
use lyceum_git::{ArchiveEntry, ArchiveFormat, ArchiveWriter, Mode};

const MODES: [Mode; 5] = [Mode::File, Mode::Executable, Mode::Symlink, Mode::Folder, Mode::Submodule];

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let (prefix, seconds) = (lines.next().unwrap_or_default(), data.len() as i64 - 100);
    let entries: Vec<&str> = lines.filter(|line| line.len() > 1 && line.is_char_boundary(1)).collect();
    for format in ArchiveFormat::ALL {
        let mut archive = ArchiveWriter::new(format, Oid::ZERO, seconds, prefix);
        let mut out = Vec::new();
        for entry in &entries {
            let (what, rest) = entry.split_at(1);
            let what = usize::from(what.as_bytes()[0]);
            let (path, content) = rest.split_once('=').unwrap_or((rest, ""));
            let mode = MODES[what % MODES.len()];
            let bytes = if matches!(mode, Mode::File | Mode::Executable) { content.len() as u64 } else { 0 };
            let incompressible = what & 64 != 0;
            let target = if mode == Mode::Symlink { content.as_bytes() } else { b"" };
            let entry = ArchiveEntry { path, mode, oid: Oid::ZERO, bytes, incompressible, target };
            archive.begin(&entry).expect("what was said before came");
            if bytes > 0 {
                for piece in content.as_bytes().chunks(7) {
                    archive.write(piece).expect("it is as long as was said");
                }
            }
            out.extend_from_slice(&archive.take());
        }
        out.extend_from_slice(&archive.finish().expect("what was said came"));
        match format {
            ArchiveFormat::Tar => assert_eq!(out.len() % 512, 0),
            ArchiveFormat::TarGzip => assert!(out.starts_with(&[0x1f, 0x8b])),
            ArchiveFormat::Zip => assert!(out.windows(4).any(|bytes| bytes == b"PK\x05\x06")),
        }
    }
});
