//! Objects, loose and in packs, here and in the repositories that this one borrows from.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lyceum_core::Oid;
use lyceum_git::{
    Error, Object, ObjectHeader, ObjectKind, Objects, PackSource, Packed, Result, delta_sizes, loose_header,
    pack_whole, read_loose,
};

use crate::DirRepo;
use crate::pack::Pack;

/// Longest chain of deltas that is followed; git makes none that are longer.
const MAX_CHAIN: usize = 4095;
/// Repositories that one borrows from, each from the next.
const MAX_BORROWED: usize = 100;
/// Bytes of objects that are kept in memory; when they are more, all are forgotten.
const MAX_KEPT_BYTES: usize = 64 * 1024 * 1024;

/// The folder without entries, which is in every repository, as git has it, even where nobody stored it.
const EMPTY_TREE: Oid = Oid([
    0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb,
    0xee, 0x49, 0x04,
]);
/// `tree 0` and a NUL, in one block that is not compressed.
const EMPTY_TREE_STORED: [u8; 18] =
    [0x78, 0x01, 1, 7, 0, 0xf8, 0xff, b't', b'r', b'e', b'e', b' ', b'0', 0, 0x0a, 0x2c, 0x02, 0x01];

/// The folders that objects lie in, the repository's own first.
pub(crate) struct ObjectFolders {
    folders: Vec<PathBuf>,
    packs: Mutex<Option<Packs>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    objects: HashMap<Oid, Arc<Object>>,
    bytes: usize,
}

/// The packs that are open.
type Packs = Arc<[Arc<Pack>]>;

/// Where an object was found.
enum Found {
    Loose(Vec<u8>),
    /// The pack, and its number there.
    Packed(Arc<Pack>, usize),
}

impl ObjectFolders {
    pub(crate) fn new(own: &Path) -> Self {
        let mut folders = vec![own.to_owned()];
        let mut next = 0;
        while next < folders.len() {
            let list = fs::read_to_string(folders[next].join("info/alternates")).unwrap_or_default();
            for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                let folder = folders[next].join(line);
                if folders.len() < MAX_BORROWED && folder.is_dir() && !folders.contains(&folder) {
                    folders.push(folder);
                }
            }
            next += 1;
        }
        Self { folders, packs: Mutex::default(), kept: Mutex::default() }
    }

    /// Returns the folder that new objects go to.
    pub(crate) fn own(&self) -> &Path {
        &self.folders[0]
    }

    pub(crate) fn contains(&self, oid: Oid) -> bool {
        self.find(oid, &mut true).is_ok_and(|found| found.is_some())
    }

    pub(crate) fn header(&self, oid: Oid) -> Result<ObjectHeader> {
        self.header_or_none(oid, &mut true)?.ok_or_else(|| Error::not_found(oid))
    }

    /// Looks up which of some objects are there, and for packs that appeared since at most once.
    pub(crate) fn headers(&self, oids: &[Oid]) -> Result<Vec<Option<ObjectHeader>>> {
        let mut again = true;
        oids.iter().map(|oid| self.header_or_none(*oid, &mut again)).collect()
    }

    fn header_or_none(&self, oid: Oid, again: &mut bool) -> Result<Option<ObjectHeader>> {
        if let Some(object) = self.kept().objects.get(&oid) {
            return Ok(Some(ObjectHeader { kind: object.kind, size: object.data.len() as u64 }));
        }
        match self.find(oid, again).map_err(broken)? {
            None => Ok(None),
            Some(Found::Loose(stored)) => loose_header(&stored).map(Some),
            Some(Found::Packed(pack, number)) => {
                let entry = pack.entry(number).map_err(broken)?;
                if let Some(kind) = entry.kind {
                    return Ok(Some(ObjectHeader { kind, size: entry.inflated_bytes }));
                }
                let packed = self.packed(oid)?;
                let sizes = delta_sizes(&packed.inflate()?);
                let (_, size) = sizes.ok_or_else(|| broken(io::Error::other("a delta has no sizes")))?;
                Ok(Some(ObjectHeader { kind: packed.kind, size }))
            }
        }
    }

    pub(crate) fn packed(&self, oid: Oid) -> Result<Packed> {
        match self.find(oid, &mut true).map_err(broken)?.ok_or_else(|| Error::not_found(oid))? {
            Found::Loose(stored) => pack_whole(&read_loose(&stored, oid)?),
            Found::Packed(pack, number) => {
                let entry = pack.entry(number).map_err(broken)?;
                let kind = match (entry.kind, entry.base) {
                    (Some(kind), _) => kind,
                    (None, base) => self.kind_of_base(base)?,
                };
                pack.packed(&entry, kind).map_err(broken)
            }
        }
    }

    pub(crate) fn read(&self, oid: Oid) -> Result<Arc<Object>> {
        let mut chain: Vec<(Oid, Packed)> = Vec::new();
        let mut object: Option<Arc<Object>> = None;
        let mut next = Some(oid);
        while let Some(oid) = next.take() {
            object = self.kept().objects.get(&oid).cloned();
            if object.is_some() {
                break;
            }
            if chain.len() > MAX_CHAIN {
                return Err(too_long());
            }
            match self.find(oid, &mut true).map_err(broken)? {
                None => return Err(Error::not_found(oid)),
                Some(Found::Loose(stored)) => object = Some(Arc::new(read_loose(&stored, oid)?)),
                Some(Found::Packed(pack, number)) => {
                    let entry = pack.entry(number).map_err(broken)?;
                    // A delta is of the kind of its base, which is known once that is read.
                    let kind = entry.kind.unwrap_or(ObjectKind::Blob);
                    let packed = pack.packed(&entry, kind).map_err(broken)?;
                    next = packed.base;
                    chain.push((oid, packed));
                }
            }
        }
        while let Some((oid, mut packed)) = chain.pop() {
            if let Some(base) = &object {
                packed.kind = base.kind;
            }
            let base = object.as_ref().map(|object| &object.data[..]);
            let resolved = Arc::new(packed.resolve(oid, base)?);
            self.keep(oid, &resolved);
            object = Some(resolved);
        }
        object.ok_or_else(|| Error::not_found(oid))
    }

    /// Returns the kind of what a chain of deltas starts with.
    fn kind_of_base(&self, mut base: Option<Oid>) -> Result<ObjectKind> {
        for _ in 0..=MAX_CHAIN {
            let Some(oid) = base else {
                break;
            };
            match self.find(oid, &mut true).map_err(broken)?.ok_or_else(|| Error::not_found(oid))? {
                Found::Loose(stored) => return Ok(loose_header(&stored)?.kind),
                Found::Packed(pack, number) => {
                    let entry = pack.entry(number).map_err(broken)?;
                    match entry.kind {
                        Some(kind) => return Ok(kind),
                        None => base = entry.base,
                    }
                }
            }
        }
        Err(too_long())
    }

    /// Finds an object: in the packs that are known, as a file, and, once while `again` is set, in packs that appeared
    /// since.
    fn find(&self, oid: Oid, again: &mut bool) -> io::Result<Option<Found>> {
        if oid == EMPTY_TREE {
            return Ok(Some(Found::Loose(EMPTY_TREE_STORED.to_vec())));
        }
        if let Some(found) = find_packed(&self.packs(false), oid) {
            return Ok(Some(found));
        }
        let name = oid.to_string();
        for folder in &self.folders {
            match fs::read(folder.join(&name[..2]).join(&name[2..])) {
                Ok(stored) => return Ok(Some(Found::Loose(stored))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        if !std::mem::take(again) {
            return Ok(None);
        }
        Ok(find_packed(&self.packs(true), oid))
    }

    /// Returns the packs; with `again`, looks for those that appeared, or took the place of others, since they were
    /// opened. What is open stays so: a pack is named after what it holds.
    fn packs(&self, again: bool) -> Packs {
        let mut packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(packs) = packs.as_ref().filter(|_| !again) {
            return packs.clone();
        }
        let before = packs.take().unwrap_or_default();
        let mut opened = Vec::new();
        for folder in &self.folders {
            let files = fs::read_dir(folder.join("pack")).into_iter().flatten().flatten();
            for file in files.filter(|file| file.path().extension().is_some_and(|end| end == "idx")) {
                let path = file.path();
                match before.iter().find(|pack| pack.path() == path) {
                    Some(pack) => opened.push(pack.clone()),
                    // A pack that is just being deleted, or is damaged, is no reason to give up on the others.
                    None => opened.extend(Pack::open(&path).map(Arc::new)),
                }
            }
        }
        let opened: Packs = opened.into();
        *packs = Some(opened.clone());
        opened
    }

    fn keep(&self, oid: Oid, object: &Arc<Object>) {
        let mut kept = self.kept();
        if kept.bytes + object.data.len() > MAX_KEPT_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += object.data.len();
        kept.objects.insert(oid, object.clone());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects for DirRepo {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>> {
        self.objects.read(oid)
    }
}

impl PackSource for DirRepo {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader> {
        self.objects.header(oid)
    }

    async fn packed(&self, oid: Oid) -> Result<Packed> {
        self.objects.packed(oid)
    }
}

fn find_packed(packs: &Packs, oid: Oid) -> Option<Found> {
    packs.iter().find_map(|pack| Some(Found::Packed(pack.clone(), pack.find(oid)?)))
}

pub(crate) fn broken(error: io::Error) -> Error {
    Error::source_error(Box::new(error))
}

fn too_long() -> Error {
    broken(io::Error::other("a chain of deltas is too long"))
}
