//! Archives of a commit's files, written as a stream: tar, tar with gzip, and zip.
//!
//! The writer keeps nothing but what is not yet taken from it, and for zip the table that stands at its end. Entries
//! look as `git archive` writes them: the commit's time on all, its id in the tar's global header or the zip's comment.

mod deflate;
mod tar;
mod zip;

use bytes::Bytes;
use lyceum_core::Oid;

use crate::{Error, Mode, Result};
use deflate::Deflate;

/// The form of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// POSIX tar.
    Tar,
    /// The same, compressed with gzip.
    TarGzip,
    /// Zip, with the 64-bit extensions where they are needed.
    Zip,
}

impl ArchiveFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::TarGzip, Self::Tar, Self::Zip];

    /// Returns the ending of file names.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::TarGzip => "tar.gz",
            Self::Zip => "zip",
        }
    }
}

/// One file, link or folder to be archived.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveEntry<'a> {
    /// Path from the root of the commit.
    pub path: &'a str,
    /// What it is; a submodule becomes an empty folder.
    pub mode: Mode,
    /// Its id, by which a tar names what has no short name.
    pub oid: Oid,
    /// Length of a file in bytes.
    pub bytes: u64,
    /// Whether trying to compress it is a waste of time.
    pub incompressible: bool,
    /// Target of a symbolic link.
    pub target: &'a [u8],
}

/// Writes one archive.
pub struct ArchiveWriter {
    /// The folder that everything is in, with a final slash.
    prefix: String,
    commit: Oid,
    seconds: i64,
    form: Form,
    out: Vec<u8>,
    /// Bytes of the current file that are still to come.
    missing: u64,
}

enum Form {
    Tar(Box<tar::Tar>),
    Zip(Box<zip::Zip>),
}

impl ArchiveWriter {
    /// Begins the archive of a commit that was made at `seconds` since the epoch; everything goes into the folder
    /// `prefix`.
    pub fn new(format: ArchiveFormat, commit: Oid, seconds: i64, prefix: &str) -> Self {
        // Neither format can tell of a time before the epoch.
        let seconds = seconds.max(0);
        let mut out = Vec::new();
        let form = match format {
            ArchiveFormat::Tar => Form::Tar(Box::new(tar::Tar::new(commit, seconds, None, &mut out))),
            ArchiveFormat::TarGzip => {
                let gzip = Some(Deflate::gzip(&mut out));
                Form::Tar(Box::new(tar::Tar::new(commit, seconds, gzip, &mut out)))
            }
            ArchiveFormat::Zip => Form::Zip(Box::new(zip::Zip::new())),
        };
        let mut writer = Self { prefix: format!("{prefix}/"), commit, seconds, form, out, missing: 0 };
        let root = ArchiveEntry {
            path: "",
            mode: Mode::Folder,
            oid: commit,
            bytes: 0,
            incompressible: false,
            target: b"",
        };
        writer.begin_unchecked(&root);
        writer
    }

    /// Begins an entry; if it is a file, its content follows.
    pub fn begin(&mut self, entry: &ArchiveEntry<'_>) -> Result<()> {
        self.end()?;
        self.begin_unchecked(entry);
        match &self.form {
            Form::Zip(zip) => zip.check(),
            Form::Tar(_) => Ok(()),
        }
    }

    /// Adds content to the file that was begun last.
    pub fn write(&mut self, data: &[u8]) -> Result<()> {
        let Some(missing) = self.missing.checked_sub(data.len() as u64) else {
            return Err(Error::malformed("archive", "a file is longer than was said"));
        };
        self.missing = missing;
        match &mut self.form {
            Form::Tar(tar) => tar.write(data, &mut self.out),
            Form::Zip(zip) => zip.write(data, &mut self.out),
        }
        Ok(())
    }

    /// Ends the archive; what is still to be taken is returned.
    pub fn finish(mut self) -> Result<Bytes> {
        self.end()?;
        match &mut self.form {
            Form::Tar(tar) => tar.finish(&mut self.out),
            Form::Zip(zip) => zip.finish(self.commit, &mut self.out),
        }
        Ok(self.take())
    }

    /// Returns how many bytes can be taken.
    pub fn ready_bytes(&self) -> usize {
        self.out.len()
    }

    /// Takes what was written since the last call.
    pub fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.out))
    }

    fn begin_unchecked(&mut self, entry: &ArchiveEntry<'_>) {
        let folder = matches!(entry.mode, Mode::Folder | Mode::Submodule);
        let file = matches!(entry.mode, Mode::File | Mode::Executable);
        let end = if folder && !entry.path.is_empty() { "/" } else { "" };
        let path = format!("{}{}{end}", self.prefix, entry.path);
        self.missing = if file { entry.bytes } else { 0 };
        match &mut self.form {
            Form::Tar(tar) => tar.begin(&path, entry, self.seconds, &mut self.out),
            Form::Zip(zip) => zip.begin(path, entry, self.seconds, &mut self.out),
        }
    }

    /// Ends the current entry.
    fn end(&mut self) -> Result<()> {
        if self.missing > 0 {
            return Err(Error::malformed("archive", "a file is shorter than was said"));
        }
        match &mut self.form {
            Form::Tar(tar) => tar.pad(tar::BLOCK_BYTES, &mut self.out),
            Form::Zip(zip) => zip.end(&mut self.out),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
