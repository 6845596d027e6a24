//! A loose object, and a pack with its index as they lie in a plain repository, are read or refused.
//!
//! The first byte chooses. If it is even, the rest is a loose object, once as it is and once deflated here. If it is odd,
//! two bytes say how many objects the index has, whose header, table and end are made here; then come its ids, checks
//! and offsets, and the pack.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use futures_executor::block_on;
use libfuzzer_sys::fuzz_target;
use lyceum_bare::{DirRepo, Environment};
use lyceum_core::{Clock, Oid};
use lyceum_git::{
    Object, ObjectKind, Objects as _, PackSource as _, loose_header, object_id, pack_whole, read_loose,
};

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("lyceum-fuzz-{}", std::process::id()));
    for part in ["refs", "objects/pack"] {
        fs::create_dir_all(folder.join(part)).expect("the folder can be made");
    }
    fs::write(folder.join("HEAD"), "ref: refs/heads/main\n").expect("the folder can be written to");
    folder
});

fn loose(data: &[u8]) {
    for stored in [data.to_vec(), deflated(data)] {
        drop(loose_header(&stored));
        drop(read_loose(&stored, Oid::ZERO));
    }
    let stored = deflated(&[format!("blob {}\0", data.len()).as_bytes(), data].concat());
    let object = read_loose(&stored, object_id(ObjectKind::Blob, data)).expect("it is sound");
    assert_eq!(object.data, data);
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let object = Object { kind: ObjectKind::Blob, data: data.to_vec().into() };
    pack_whole(&object).expect("it is small").deflated.to_vec()
}

fn packed(data: &[u8]) {
    let Some((count, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let count = usize::from(u16::from_le_bytes(*count)) % 64;
    let Some((rows, pack)) = rest.split_at_checked(count * 28) else {
        return;
    };
    let (ids, others) = rows.split_at(count * Oid::BYTES);
    let mut ids: Vec<&[u8]> = ids.chunks(Oid::BYTES).collect();
    ids.sort_unstable();
    let mut index = vec![0xff, b't', b'O', b'c', 0, 0, 0, 2];
    for first in 0..=u8::MAX {
        let below = ids.iter().filter(|id| id[0] <= first).count();
        index.extend_from_slice(&u32::try_from(below).expect("there are few").to_be_bytes());
    }
    ids.iter().for_each(|id| index.extend_from_slice(id));
    index.extend_from_slice(others);
    index.extend_from_slice(&[0; 40]);
    let name = FOLDER.join("objects/pack/pack-1.idx");
    fs::write(&name, index).expect("the folder can be written to");
    fs::write(name.with_extension("pack"), pack).expect("the folder can be written to");

    let environment = Environment {
        global_config: None,
        settings: Vec::new(),
        committer: (None, None),
        clock: Clock::system(),
    };
    let repo = DirRepo::open(&FOLDER, true, &environment).expect("it is there");
    for id in ids {
        let oid = Oid::from_slice(id).expect("it has the length of an id");
        drop(block_on(repo.header(oid)));
        drop(block_on(repo.packed(oid)));
        if let Ok(object) = block_on(repo.read(oid)) {
            assert_eq!(object_id(object.kind, &object.data), oid);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    match data.split_first() {
        Some((how, data)) if how % 2 == 0 => loose(data),
        Some((_, data)) => packed(data),
        None => {}
    }
});
