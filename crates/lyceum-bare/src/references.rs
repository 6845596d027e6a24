//! References: files below `refs`, the list in `packed-refs`, and `HEAD`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lyceum_core::Oid;
use lyceum_git::{Head, ObjectKind, Objects as _, Reference, References, Result, Tag};

use crate::DirRepo;
use crate::objects::broken;

/// Most references that point to one another.
const MAX_LINKS: usize = 5;
/// Deepest folder below `refs`.
const MAX_DEPTH: usize = 64;
/// Longest chain of tags that point to tags.
const MAX_TAGS: usize = 64;

/// What a reference says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// An object.
    Object(Oid),
    /// The name of another reference.
    Link(String),
}

/// What `packed-refs` says of a reference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackedRef {
    pub(crate) oid: Oid,
    peeled: Option<Oid>,
    /// Whether `peeled` is known to be all that can be said.
    fully: bool,
}

impl DirRepo {
    /// Reads `packed-refs`.
    pub(crate) fn packed_refs(&self) -> io::Result<BTreeMap<String, PackedRef>> {
        let text = match fs::read(self.common_dir.join("packed-refs")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&text);
        let (mut fully, mut refs, mut last) = (false, BTreeMap::new(), None);
        for line in text.lines() {
            if let Some(header) = line.strip_prefix("# pack-refs with:") {
                fully = header.split_whitespace().any(|word| word == "fully-peeled");
            } else if let Some(peeled) = line.strip_prefix('^') {
                if let Some(row) = last.as_ref().and_then(|name: &String| refs.get_mut(name)) {
                    *row = PackedRef { peeled: peeled.parse().ok(), fully: true, ..*row };
                }
            } else if let Some((oid, name)) = line.split_once(' ')
                && let Ok(oid) = oid.parse()
            {
                refs.insert(name.to_owned(), PackedRef { oid, peeled: None, fully });
                last = Some(name.to_owned());
            }
        }
        Ok(refs)
    }

    /// Reads the file of a reference; `None` if there is none.
    pub(crate) fn loose_ref(&self, name: &str) -> Option<Target> {
        let path = self.ref_path(name);
        // Very old repositories have a symbolic link for a `HEAD`.
        if let Ok(link) = fs::read_link(&path)
            && let Some(link) = link.to_str().filter(|link| link.starts_with("refs/"))
        {
            return Some(Target::Link(link.to_owned()));
        }
        let text = fs::read_to_string(path).ok()?;
        match text.strip_prefix("ref:").map(str::trim) {
            // Nothing outside of the repository is read in its name.
            Some(link) if !link.starts_with("refs/") || link.split('/').any(|part| part == "..") => None,
            Some(link) => Some(Target::Link(link.to_owned())),
            None => text.get(..40).and_then(|hex| hex.parse().ok()).map(Target::Object),
        }
    }

    /// Returns the file of a reference.
    pub(crate) fn ref_path(&self, name: &str) -> PathBuf {
        if name.starts_with("refs/") { self.common_dir.join(name) } else { self.git_dir.join(name) }
    }

    /// Follows a reference to the end: the last name, and the object if there is one.
    pub(crate) fn follow(
        &self,
        name: &str,
        packed: &BTreeMap<String, PackedRef>,
    ) -> Option<(String, Option<Oid>)> {
        let mut name = name.to_owned();
        for _ in 0..=MAX_LINKS {
            match self.loose_ref(&name) {
                Some(Target::Object(oid)) => return Some((name, Some(oid))),
                Some(Target::Link(next)) => name = next,
                None => {
                    let oid = packed.get(&name).map(|row| row.oid);
                    return Some((name, oid));
                }
            }
        }
        None
    }

    /// Returns what `HEAD` leads to.
    pub(crate) fn head_target(&self) -> Option<(String, Option<Oid>)> {
        self.follow("HEAD", &self.packed_refs().ok()?)
    }

    /// Lists the names of all references that have a file.
    fn loose_names(&self, prefix: &str) -> Vec<String> {
        let mut names = Vec::new();
        walk(
            &self.common_dir.join(prefix.trim_end_matches('/')),
            prefix.trim_end_matches('/'),
            0,
            &mut names,
        );
        names
    }

    async fn peel(&self, oid: Oid) -> Result<Option<Oid>> {
        let mut next = oid;
        for _ in 0..MAX_TAGS {
            if self.objects.header(next)?.kind != ObjectKind::Tag {
                return Ok((next != oid).then_some(next));
            }
            next = Tag::parse(&self.read(next).await?.data)?.target;
        }
        Ok(None)
    }
}

impl References for DirRepo {
    async fn head(&self) -> Result<Option<Head>> {
        Ok(match self.loose_ref("HEAD") {
            Some(Target::Object(oid)) => Some(Head::Detached(oid)),
            Some(Target::Link(name)) => {
                let secret = self.config.get("lsrefs.unborn") == Some("ignore");
                let unborn = secret && self.head_target().is_none_or(|(_, target)| target.is_none());
                Some(Head::Symbolic(name)).filter(|_| !unborn)
            }
            None => None,
        })
    }

    async fn references(&self, prefixes: &[String]) -> Result<Vec<Reference>> {
        let packed = self.packed_refs().map_err(broken)?;
        let wanted =
            |name: &str| prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(&**prefix));
        let mut names: Vec<String> = self.loose_names("refs");
        names.extend(packed.keys().cloned());
        names.sort_unstable();
        names.dedup();
        let mut references = Vec::new();
        for name in names.into_iter().filter(|name| wanted(name) && !self.hides(name)) {
            let Some((last, Some(target))) = self.follow(&name, &packed) else {
                continue;
            };
            let known = packed.get(&last).filter(|row| row.oid == target && row.fully);
            let peeled = match known {
                Some(row) if self.objects.contains(target) => row.peeled,
                _ => match self.peel(target).await {
                    Ok(peeled) => peeled,
                    // One that points to nothing is as good as none, for git too.
                    Err(_) if !self.objects.contains(target) => continue,
                    Err(_) => None,
                },
            };
            if self.objects.contains(target) {
                references.push(Reference { name, target, peeled });
            }
        }
        Ok(references)
    }

    async fn shallow(&self) -> Result<Vec<Oid>> {
        Ok(self.shallow_commits())
    }
}

fn walk(folder: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) {
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = file.file_name();
        let Some(name) = name.to_str().filter(|name| !name.ends_with(".lock") && !name.starts_with('.'))
        else {
            continue;
        };
        let name = format!("{prefix}/{name}");
        if !file.path().is_dir() {
            names.push(name);
        } else if depth < MAX_DEPTH {
            walk(&file.path(), &name, depth + 1, names);
        }
    }
}
