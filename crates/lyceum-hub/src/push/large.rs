//! Large files that a push names: they must have been uploaded, and be what they claim.

use std::collections::HashMap;
use std::sync::Arc;

use lyceum_core::limits::MAX_BATCH_FILES;
use lyceum_core::{Oid, Sha256};
use lyceum_db::RepoFile;
use lyceum_git::limits::MAX_POINTER_BYTES;
use lyceum_git::{Mode, Object, ObjectHeader, Objects, Pointer, Push, Segment, diff, read_commit};

use super::PushTarget;
use super::rules::PushRules;
use crate::objects::RepoObjects;
use crate::reference::default_branch;
use crate::{Error, ErrorKind, Result};

/// Most files in which a branch may differ after a push from what it was.
const MAX_CHANGES: usize = 1_000_000;

/// The objects of a repo together with those that come.
pub(super) struct Coming<'a> {
    pub(super) segment: Option<&'a Segment>,
    pub(super) objects: RepoObjects,
}

impl Objects for Coming<'_> {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>, lyceum_git::Error> {
        match self.segment.map(|segment| segment.read(&oid)).transpose()?.flatten() {
            Some(object) => Ok(Arc::new(object)),
            None => self.objects.read(oid).await,
        }
    }
}

impl PushTarget {
    /// Looks up the large files that come, refuses those that are not here, and verifies what somebody else than who
    /// pushes only claimed; returns them with their paths.
    pub(super) async fn settle_pushed(&self, rules: &mut PushRules) -> Result<Vec<(Sha256, String)>> {
        let pointers = std::mem::take(&mut rules.pointers);
        let mut named = Vec::with_capacity(pointers.len());
        for batch in pointers.chunks(MAX_BATCH_FILES) {
            let wanted: Vec<Sha256> = batch.iter().map(|(pointer, _)| pointer.oid).collect();
            let stored = self.stored(&wanted).await?;
            for (pointer, path) in batch {
                let shown = path.escape_debug();
                match stored.get(&pointer.oid) {
                    None => rules.add(format!(
                        "`{shown}` stands for a large file that was not uploaded (sha256 {}): run `git lfs push --all`",
                        pointer.oid
                    )),
                    Some(file) if file.size != pointer.size => {
                        rules.add(format!("`{shown}` stands for a large file of {} bytes, not {}", file.size, pointer.size));
                    }
                    Some(_) => named.push((pointer.oid, path.clone())),
                }
            }
            self.verify(stored.values()).await?;
        }
        Ok(named)
    }

    /// Verifies what branches get that was in the repo before, such as the files of a pull request that is merged; returns
    /// those that were on no branch yet, with their paths.
    pub(super) async fn settle_known(&self, push: &Push<PushRules>) -> Result<Vec<(Sha256, String)>> {
        let mut proposed = Vec::new();
        let coming = Coming { segment: push.segment.as_ref(), objects: self.objects.clone() };
        let main = default_branch(&self.repo.record);
        let main = self.hub.inner.db.read().await?.ref_get(self.repo.record.id, &main).await?;
        for (update, tip) in push.updates.iter().zip(&push.tips) {
            let Some(tip) = tip.filter(|_| update.name.starts_with("refs/heads/")) else {
                continue;
            };
            let before = update.old.or(main.as_ref().map(|main| main.peeled));
            let before = match before {
                Some(oid) => match read_commit(&coming, oid).await {
                    Ok(commit) => Some(commit.tree),
                    // The client thinks that the branch was elsewhere: it will not move.
                    Err(error) if error.kind() == lyceum_git::ErrorKind::NotFound => continue,
                    Err(error) => return Err(Error::internal(error)),
                },
                None => None,
            };
            let after = read_commit(&coming, tip.peeled).await.map_err(Error::internal)?.tree;
            let changes = diff(&coming, before, Some(after), MAX_CHANGES + 1).await.map_err(too_many)?;
            if changes.len() > MAX_CHANGES {
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    format!("the push changes more than {MAX_CHANGES} files of a branch at once"),
                ));
            }
            let known = changes.into_iter().filter_map(|change| match change.new {
                Some((Mode::File | Mode::Executable, oid)) => Some((oid, change.path)),
                _ => None,
            });
            // What is new was looked at when it came.
            let new = |oid: &Oid| coming.segment.is_some_and(|segment| segment.index.find(oid).is_some());
            let known: Vec<(Oid, String)> = known.filter(|(oid, _)| !new(oid)).collect();
            for batch in known.chunks(MAX_BATCH_FILES) {
                let mut pointers = Vec::new();
                let ids: Vec<Oid> = batch.iter().map(|(oid, _)| *oid).collect();
                let headers = self.objects.present(&ids).await?;
                let small = |header: &Option<ObjectHeader>| {
                    header.is_some_and(|header| header.size <= MAX_POINTER_BYTES as u64)
                };
                for ((oid, path), _) in batch.iter().zip(&headers).filter(|(_, header)| small(header)) {
                    let object = self.objects.read(*oid).await.map_err(Error::internal)?;
                    pointers.extend(Pointer::parse(&object.data).map(|pointer| (pointer.oid, path)));
                }
                let wanted: Vec<Sha256> = pointers.iter().map(|(sha256, _)| *sha256).collect();
                let stored = self.stored(&wanted).await?;
                self.verify(stored.values()).await?;
                let fresh = |sha256: &Sha256| {
                    stored.get(sha256).is_some_and(|file| !file.ref_name.starts_with("refs/heads/"))
                };
                let fresh = pointers.into_iter().filter(|(sha256, _)| fresh(sha256));
                proposed.extend(fresh.map(|(sha256, path)| (sha256, path.clone())));
            }
        }
        Ok(proposed)
    }

    async fn stored(&self, wanted: &[Sha256]) -> Result<HashMap<Sha256, RepoFile>> {
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let stored = self.hub.inner.db.read().await?.repo_files(self.repo.record.id, wanted).await?;
        Ok(stored.into_iter().map(|file| (file.sha256, file)).collect())
    }

    async fn verify(&self, files: impl Iterator<Item = &RepoFile>) -> Result<()> {
        for file in files.filter(|file| !file.verified && file.pusher_id != self.pusher.user_id) {
            self.hub.verify_claim(file).await?;
        }
        Ok(())
    }
}

fn too_many(error: lyceum_git::Error) -> Error {
    match error.kind() {
        lyceum_git::ErrorKind::TooLarge => {
            Error::new(ErrorKind::TooLarge, format!("the push changes too much of a branch at once: {error}"))
        }
        _ => Error::internal(error),
    }
}
