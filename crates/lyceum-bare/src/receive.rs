//! Taking pushes into a plain repository, by the rules that its settings give.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use lyceum_core::Oid;
use lyceum_git::{
    ObjectHeader, ObjectKind, PackLimits, Push, Receiver, RefUpdate, Remarks, Result, Segment, SegmentData,
    Tip, merge_base, pack_index,
};

use crate::DirRepo;
use crate::objects::broken;

/// A client on the same machine may think for long; one over HTTP is watched by the server in front.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

impl Receiver for DirRepo {
    type Rules = ();

    fn spool_dir(&self) -> &Path {
        self.objects.own()
    }

    fn limits(&self) -> PackLimits {
        let fsck =
            self.config.flag("receive.fsckobjects").or_else(|| self.config.flag("transfer.fsckobjects"));
        let most = self.config.size("receive.maxinputsize").filter(|size| *size > 0);
        let limits = PackLimits { fsck: fsck.unwrap_or(false), idle: PATIENCE, ..PackLimits::default() };
        PackLimits { pack_bytes: most.unwrap_or(limits.pack_bytes), ..limits }
    }

    async fn present(&self, oids: &[Oid]) -> Result<Vec<Option<ObjectHeader>>> {
        self.objects.headers(oids)
    }

    fn rules(&self) {}

    async fn apply(&self, push: Push<()>, remarks: &Remarks) -> Result<Vec<Option<String>>> {
        let mut refused = Vec::with_capacity(push.updates.len());
        for (update, tip) in push.updates.iter().zip(&push.tips) {
            refused.push(self.refusal(update, tip.as_ref(), remarks));
        }
        let followed = self.check_aliases(&push.updates, &mut refused, remarks)?;
        if refused.iter().all(Option::is_some) {
            return Ok(refused);
        }
        if let Some(segment) = push.segment {
            self.store(segment).map_err(broken)?;
        }
        if self.config.flag("receive.denynonfastforwards") == Some(true) {
            for (update, refused) in push.updates.iter().zip(&mut refused) {
                if refused.is_none() && !self.fast_forward(update).await? {
                    remarks.tell(format!(
                        "error: denying non-fast-forward {} (you should pull first)",
                        update.name
                    ));
                    *refused = Some("non-fast-forward".to_owned());
                }
            }
        }
        if push.atomic {
            self.apply_all(&push.updates, &followed, &mut refused, remarks);
        } else {
            for ((update, refused), followed) in push.updates.iter().zip(&mut refused).zip(&followed) {
                if refused.is_none() && !followed {
                    *refused = self.apply_one(update).err();
                }
            }
        }
        Ok(refused)
    }
}

impl DirRepo {
    /// Finds the updates of references that only lead to another one which is updated too: they follow by themselves.
    /// If the two are not to become the same, both are refused.
    fn check_aliases(
        &self,
        updates: &[RefUpdate],
        refused: &mut [Option<String>],
        remarks: &Remarks,
    ) -> Result<Vec<bool>> {
        let packed = self.packed_refs().map_err(broken)?;
        let mut followed = vec![false; updates.len()];
        for (index, update) in updates.iter().enumerate() {
            let last = self.follow(&update.name, &packed).map(|(last, _)| last);
            let Some(last) = last.filter(|last| *last != update.name) else {
                continue;
            };
            let Some(other) = updates.iter().position(|other| other.name == last) else {
                continue;
            };
            let target = &updates[other];
            if (update.old, update.new) == (target.old, target.new) {
                followed[index] = true;
                continue;
            }
            remarks.tell(format!(
                "error: refusing inconsistent update between symref '{}' and its target '{last}'",
                update.name
            ));
            for both in [index, other] {
                refused[both] = Some("inconsistent aliased update".to_owned());
            }
        }
        Ok(followed)
    }

    /// Makes all updates or none.
    fn apply_all(
        &self,
        updates: &[RefUpdate],
        followed: &[bool],
        refused: &mut [Option<String>],
        remarks: &Remarks,
    ) {
        let mut changes = Vec::with_capacity(updates.len());
        let mut others = "atomic push failure";
        if refused.iter().all(Option::is_none) {
            for ((update, refused), _) in
                updates.iter().zip(&mut *refused).zip(followed).filter(|(_, followed)| !**followed)
            {
                match self.prepare(&update.name, update.old, update.new) {
                    Ok(change) => changes.push(change),
                    Err(why) => {
                        remarks.tell(format!("error: {}: {why}", update.name));
                        others = "atomic transaction failed";
                        *refused = Some(others.to_owned());
                    }
                }
            }
        }
        if refused.iter().any(Option::is_some) {
            refused.iter_mut().for_each(|refused| {
                refused.get_or_insert_with(|| others.to_owned());
            });
            return;
        }
        let made = refused.iter_mut().zip(followed).filter(|(_, followed)| !**followed);
        for (change, (refused, _)) in changes.into_iter().zip(made) {
            if self.commit(change, &self.log_identity(), "push").is_err() {
                *refused = Some("failed to update ref".to_owned());
            }
        }
    }

    fn apply_one(&self, update: &RefUpdate) -> Result<(), String> {
        if update.old.is_none() && update.new.is_none() {
            // There is nothing to delete, which is no reason to complain.
            return Ok(());
        }
        let change = self.prepare(&update.name, update.old, update.new)?;
        self.commit(change, &self.log_identity(), "push").map_err(|_| "failed to update ref".to_owned())
    }

    /// Returns why the settings forbid an update, in git's words.
    fn refusal(&self, update: &RefUpdate, tip: Option<&Tip>, remarks: &Remarks) -> Option<String> {
        let name = &update.name;
        if self.hides(name) {
            let what = if update.new.is_none() { "deleting" } else { "updating" };
            return Some(format!("deny {what} a hidden ref"));
        }
        let branch = name.starts_with("refs/heads/");
        if branch && tip.is_some_and(|tip| tip.kind != ObjectKind::Commit) {
            remarks.tell(format!(
                "error: cannot update ref '{name}': trying to write non-commit object to branch '{name}'"
            ));
            return Some("failed to update ref".to_owned());
        }
        let current = self.head_target().is_some_and(|(head, _)| head == *name);
        let denied = |key: &str| match self.config.get(key).map(str::to_ascii_lowercase).as_deref() {
            Some("ignore" | "warn") => false,
            Some("refuse" | "updateinstead") | None => true,
            Some(_) => self.config.flag(key).unwrap_or(true),
        };
        if update.new.is_some() {
            let warned = self.config.get("receive.denycurrentbranch").is_some_and(|value| value == "warn");
            if self.checked_out(name) && warned {
                remarks.tell("warning: updating the current branch");
            }
            if self.checked_out(name) && denied("receive.denycurrentbranch") {
                remarks.tell(format!("error: refusing to update checked out branch: {name}"));
                return Some("branch is currently checked out".to_owned());
            }
            return None;
        }
        if self.config.flag("receive.denydeletes") == Some(true) && branch {
            remarks.tell(format!("error: denying ref deletion for {name}"));
            return Some("deletion prohibited".to_owned());
        }
        if current && update.old.is_some() && denied("receive.denydeletecurrent") {
            remarks.tell(format!("error: refusing to delete the current branch: {name}"));
            return Some("deletion of the current branch prohibited".to_owned());
        }
        None
    }

    /// Reports whether somebody works on a branch, here or in a linked work tree.
    fn checked_out(&self, name: &str) -> bool {
        let here = |head: &Path| {
            fs::read_to_string(head).is_ok_and(|head| head.strip_prefix("ref:").map(str::trim) == Some(name))
        };
        let linked = fs::read_dir(self.common_dir.join("worktrees")).into_iter().flatten().flatten();
        (!self.bare() && here(&self.common_dir.join("HEAD")))
            || linked.into_iter().any(|tree| here(&tree.path().join("HEAD")))
    }

    async fn fast_forward(&self, update: &RefUpdate) -> Result<bool> {
        let (Some(old), Some(new)) = (update.old, update.new) else {
            return Ok(true);
        };
        if !update.name.starts_with("refs/heads/") {
            return Ok(true);
        }
        Ok(merge_base(self, old, new).await? == Some(old))
    }

    /// Returns who stands in the logs.
    fn log_identity(&self) -> String {
        let (name, email) = &self.environment.committer;
        let or = |given: &Option<String>, key: &str| {
            let value = given.as_deref().or_else(|| self.config.get(key)).unwrap_or("lyceum");
            value.replace(['\n', '<', '>'], "")
        };
        format!("{} <{}>", or(name, "user.name"), or(email, "user.email"))
    }

    /// Puts a segment beside the other packs; the index comes last, because it is what others look for.
    fn store(&self, segment: Segment) -> io::Result<()> {
        let (index, checksum) = pack_index(&segment).map_err(io::Error::other)?;
        let folder = self.objects.own().join("pack");
        fs::create_dir_all(&folder)?;
        let name = folder.join(format!("pack-{checksum}.pack"));
        let mut unfinished = tempfile::Builder::new();
        // The name by which git deletes what was left behind.
        unfinished.prefix("tmp_pack_");
        let pack = match segment.data {
            SegmentData::Spooled { file, .. } => file,
            SegmentData::Inline(data) => {
                let mut file = unfinished.tempfile_in(&folder)?;
                file.write_all(&data)?;
                file
            }
        };
        let mut file = unfinished.tempfile_in(&folder)?;
        file.write_all(&index)?;
        for (file, name) in [(pack, name.clone()), (file, name.with_extension("idx"))] {
            file.as_file().set_permissions(Permissions::from_mode(0o444))?;
            file.as_file().sync_all()?;
            file.persist(name).map_err(|error| error.error)?;
        }
        Ok(())
    }
}
