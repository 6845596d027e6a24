//! Changing references as git does: under lock files, with a line in their logs.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use lyceum_core::Oid;

use crate::DirRepo;
use crate::references::{PackedRef, Target};

/// A reference that is locked, ready to be changed.
pub(crate) struct Change {
    /// The name that its user gave.
    name: String,
    /// What that leads to.
    last: String,
    old: Option<Oid>,
    new: Option<Oid>,
    lock: Lock,
}

/// A lock file, which goes away with this value unless it takes the place of what it locks.
struct Lock {
    path: PathBuf,
    file: Option<File>,
}

impl DirRepo {
    /// Locks a reference that must be `old` still; says in git's words why that is not possible.
    pub(crate) fn prepare(&self, name: &str, old: Option<Oid>, new: Option<Oid>) -> Result<Change, String> {
        let fail = |_| "failed to update ref".to_owned();
        let packed = self.packed_refs().map_err(fail)?;
        let (last, _) = self.follow(name, &packed).ok_or_else(|| "failed to update ref".to_owned())?;
        let path = self.ref_path(&last);
        if new.is_some() && self.conflicts(&last, &packed) {
            return Err("failed to update ref".to_owned());
        }
        let lock = Lock::take(&path).map_err(fail)?;
        // What counts is what it is now that nobody else can change it.
        let now = match self.loose_ref(&last) {
            Some(Target::Object(oid)) => Some(oid),
            Some(Target::Link(_)) => return Err("failed to update ref".to_owned()),
            None => self.packed_refs().map_err(fail)?.get(&last).map(|row| row.oid),
        };
        if now != old {
            return Err("failed to update ref".to_owned());
        }
        let mut change = Change { name: name.to_owned(), last, old, new, lock };
        if let (Some(new), Some(file)) = (new, &mut change.lock.file) {
            writeln!(file, "{new}").map_err(fail)?;
        }
        Ok(change)
    }

    /// Makes a change.
    pub(crate) fn commit(&self, change: Change, who: &str, why: &str) -> io::Result<()> {
        let Change { name, last, old, new, lock } = change;
        let path = self.ref_path(&last);
        if let Some(new) = new {
            self.log(&last, old, new, who, why)?;
            if let Some((head, _)) = self.head_target()
                && head == last
                && name != "HEAD"
            {
                self.log("HEAD", old, new, who, why)?;
            }
            if path.is_dir() {
                // Folders that lost their last reference may be in the way.
                remove_empty(&path);
            }
            return lock.replace(&path);
        }
        self.forget_packed(&last)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::remove_file(self.log_path(&last)).ok();
        drop(lock);
        // Both stop at the first folder that something else is in.
        for (root, file) in
            [(self.common_dir.clone(), path), (self.common_dir.join("logs"), self.log_path(&last))]
        {
            let mut folder = file.parent();
            while let Some(empty) = folder.filter(|folder| depth_below(folder, &root) > 2) {
                if fs::remove_dir(empty).is_err() {
                    break;
                }
                folder = empty.parent();
            }
        }
        Ok(())
    }

    /// Reports whether a reference cannot be, because another one is where it would need a folder, or the reverse.
    fn conflicts(&self, name: &str, packed: &BTreeMap<String, PackedRef>) -> bool {
        let parents = name.match_indices('/').map(|(at, _)| &name[..at]);
        let below = format!("{name}/");
        parents
            .filter(|parent| *parent != "refs")
            .any(|parent| packed.contains_key(parent) || self.ref_path(parent).is_file())
            || packed.range(below.clone()..).next().is_some_and(|(other, _)| other.starts_with(&below))
            || has_file(&self.ref_path(name))
    }

    /// Takes a reference out of `packed-refs`.
    fn forget_packed(&self, name: &str) -> io::Result<()> {
        if !self.packed_refs()?.contains_key(name) {
            return Ok(());
        }
        let path = self.common_dir.join("packed-refs");
        let mut lock = Lock::take(&path)?;
        let text = fs::read(&path)?;
        let mut kept = Vec::with_capacity(text.len());
        let mut gone = false;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let stripped = line.strip_suffix(b"\n").unwrap_or(line);
            gone = if line.starts_with(b"^") {
                gone
            } else {
                stripped.get(40..).is_some_and(|rest| rest.strip_prefix(b" ") == Some(name.as_bytes()))
            };
            if !gone {
                kept.extend_from_slice(line);
            }
        }
        if let Some(file) = &mut lock.file {
            file.write_all(&kept)?;
        }
        lock.replace(&path)
    }

    /// Appends to the log of a reference, if it has one or is to have one.
    fn log(&self, name: &str, old: Option<Oid>, new: Oid, who: &str, why: &str) -> io::Result<()> {
        let path = self.log_path(name);
        let wanted = match self.config.get("core.logallrefupdates").map(str::to_ascii_lowercase).as_deref() {
            Some("always") => true,
            Some(_) => self.config.flag("core.logallrefupdates") == Some(true) && usually_logged(name),
            None => !self.bare() && usually_logged(name),
        };
        if !wanted && !path.is_file() {
            return Ok(());
        }
        if path.is_dir() {
            remove_empty(&path);
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let now = self.environment.clock.now().seconds();
        let old = old.unwrap_or(Oid::ZERO);
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(format!("{old} {new} {who} {now} +0000\t{why}\n").as_bytes())
    }

    fn log_path(&self, name: &str) -> PathBuf {
        let root = if name.starts_with("refs/") { &self.common_dir } else { &self.git_dir };
        root.join("logs").join(name)
    }
}

impl Lock {
    fn take(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Self { path, file: Some(file) })
    }

    /// Puts what was written in the place of what is locked.
    fn replace(mut self, path: &Path) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        fs::rename(&self.path, path)?;
        // There is nothing to clean up any more.
        self.path = PathBuf::new();
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            fs::remove_file(&self.path).ok();
        }
    }
}

fn usually_logged(name: &str) -> bool {
    name == "HEAD"
        || ["refs/heads/", "refs/remotes/", "refs/notes/"].iter().any(|start| name.starts_with(start))
}

/// Removes folders that hold nothing but folders.
fn remove_empty(folder: &Path) {
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        if file.path().is_dir() {
            remove_empty(&file.path());
        }
    }
    fs::remove_dir(folder).ok();
}

/// Reports whether any file is below a folder.
fn has_file(folder: &Path) -> bool {
    fs::read_dir(folder).into_iter().flatten().flatten().any(|file| {
        let path = file.path();
        if path.is_dir() { has_file(&path) } else { true }
    })
}

fn depth_below(folder: &Path, root: &Path) -> usize {
    folder.strip_prefix(root).map_or(0, |rest| rest.components().count())
}
