//! A push, from its first line to its pack, is refused or taken; what is taken lacks nothing.
#![no_main]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use libfuzzer_sys::fuzz_target;
use lyceum_core::Oid;
use lyceum_git::wire::{ReceiveOptions, receive_pack};
use lyceum_git::{
    Error, Head, Object, ObjectHeader, Objects, PackLimits, PackSource, Packed, Push, Receiver, Reference,
    References, Remarks, Result, check_reachable,
};

/// An empty repository.
#[derive(Default)]
struct Repo {
    objects: Mutex<HashMap<Oid, Arc<Object>>>,
    spool_dir: PathBuf,
}

impl Objects for Repo {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>> {
        self.objects.lock().expect("nobody panicked").get(&oid).cloned().ok_or_else(|| Error::not_found(oid))
    }
}

impl PackSource for Repo {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader> {
        let object = self.read(oid).await?;
        Ok(ObjectHeader { kind: object.kind, size: object.data.len() as u64 })
    }

    async fn packed(&self, oid: Oid) -> Result<Packed> {
        Err(Error::not_found(oid))
    }
}

impl References for Repo {
    async fn head(&self) -> Result<Option<Head>> {
        Ok(None)
    }

    async fn references(&self, _: &[String]) -> Result<Vec<Reference>> {
        Ok(Vec::new())
    }
}

impl Receiver for Repo {
    type Rules = ();

    fn spool_dir(&self) -> &Path {
        &self.spool_dir
    }

    fn limits(&self) -> PackLimits {
        PackLimits { pack_bytes: 1 << 20, objects: 1000, inflate_bytes: 1 << 24, ..PackLimits::default() }
    }

    async fn present(&self, oids: &[Oid]) -> Result<Vec<Option<ObjectHeader>>> {
        Ok(vec![None; oids.len()])
    }

    fn rules(&self) {}

    async fn apply(&self, push: Push<()>, _: &Remarks) -> Result<Vec<Option<String>>> {
        if let Some(segment) = &push.segment {
            for entry in segment.index.iter() {
                let object = segment.read(&entry.oid)?.expect("it is in the index");
                self.objects.lock().expect("nobody panicked").insert(entry.oid, Arc::new(object));
            }
        }
        let tips: Vec<Oid> = push.updates.iter().filter_map(|update| update.new).collect();
        let report = check_reachable(self, &tips, |_, _| {}).await?;
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        Ok(vec![None; push.updates.len()])
    }
}

fuzz_target!(|data: &[u8]| {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    for stateless in [true, false] {
        let options = ReceiveOptions {
            stateless,
            advertise: false,
            version: 1,
            agent: "fuzz",
            atomic: true,
            push_options: true,
        };
        let repo = Repo { spool_dir: std::env::temp_dir(), ..Repo::default() };
        let mut answer = Vec::new();
        drop(runtime.block_on(receive_pack(&repo, &options, data, &mut answer)));
    }
});
