//! From a sound push to references that moved.

use lyceum_core::RefName;
use lyceum_git::{ObjectKind, Push, RefUpdate, Remarks, Tip};

use super::rules::PushRules;
use super::{PushTarget, pushable};
use crate::commit::{Landed, Landing, RefMove};
use crate::discussion::{PullChange, PullCommit, may_take_commits, title_of};
use crate::reference::default_branch;
use crate::{Action, Error, Result};

/// An update that may be made, and where its answer goes.
struct Step {
    index: usize,
    reference: RefMove,
}

impl PushTarget {
    /// Returns for each update why it may not be made by who pushes, or by anybody: because of its name, or of what it
    /// leads to.
    pub(super) async fn try_refusals(
        &self,
        updates: &[RefUpdate],
        tips: Option<&[Option<Tip>]>,
        remarks: &Remarks,
    ) -> Result<Vec<Option<String>>> {
        let mut refused: Vec<Option<String>> = Vec::with_capacity(updates.len());
        for (index, update) in updates.iter().enumerate() {
            refused.push(match tips {
                None => self.refusal(update, remarks).await?,
                Some(tips) => tips[index].and_then(|tip| refusal_of(&update.name, tip, remarks)),
            });
        }
        Ok(refused)
    }

    /// Makes the updates that the rules allow; returns for each why it was refused.
    pub(super) async fn try_apply(
        &self,
        mut push: Push<PushRules>,
        remarks: &Remarks,
    ) -> Result<Vec<Option<String>>> {
        // A pull request may have been closed while the pack came.
        let mut refused = self.try_refusals(&push.updates, None, remarks).await?;
        let stop = |refused: &mut Vec<Option<String>>, words: &str| {
            for refused in refused {
                refused.get_or_insert_with(|| words.to_owned());
            }
        };
        if push.atomic && refused.iter().any(Option::is_some) {
            stop(&mut refused, "atomic push failure");
        }
        if refused.iter().all(Option::is_some) {
            return Ok(refused);
        }
        let mut large = self.settle_pushed(&mut push.rules).await?;
        let problems = push.rules.refusal();
        if !problems.is_empty() {
            problems.into_iter().for_each(|line| remarks.tell(line));
            stop(&mut refused, "pre-receive hook declined");
            return Ok(refused);
        }
        large.extend(self.settle_known(&push).await?);
        let steps = self.steps(&mut push, &refused).await?;
        if steps.is_empty() {
            return Ok(refused);
        }
        let mut segments = Vec::new();
        if let Some(segment) = push.segment {
            let (repo_id, user_id) = (self.repo.record.id, self.pusher.user_id);
            self.hub.check_quota(repo_id, user_id, segment.data.bytes()).await?;
            segments.push(self.hub.keep_finished_segment(repo_id, segment, "push").await?);
        }
        let (places, moves): (Vec<usize>, Vec<RefMove>) =
            steps.into_iter().map(|step| (step.index, step.reference)).unzip();
        let names: Vec<RefName> = moves.iter().map(|step| step.reference.clone()).collect();
        let landing = Landing {
            repo_id: self.repo.record.id,
            actor_id: self.pusher.user_id,
            moves,
            atomic: push.atomic,
            segments,
            action: "push",
            large,
        };
        let landed = self.hub.land_all(landing).await?;
        for ((index, name), landed) in places.into_iter().zip(names).zip(landed) {
            refused[index] = match landed {
                Landed::Yes(_) => None,
                Landed::Moved => {
                    remarks.tell(format!("error: `{name}` is not what you last saw: fetch, and push again"));
                    Some("failed to update ref".to_owned())
                }
                Landed::Blocked(other) => {
                    remarks.tell(format!("error: `{name}` cannot be created because `{other}` exists"));
                    Some("failed to update ref".to_owned())
                }
                Landed::Undone => Some("atomic push failure".to_owned()),
            };
        }
        Ok(refused)
    }

    async fn refusal(&self, update: &RefUpdate, remarks: &Remarks) -> Result<Option<String>> {
        let refuse = |words: &str, why: String| Ok(Some(refused(words, &why, remarks)));
        let name = match RefName::parse(&update.name) {
            Ok(name) if pushable(&name) => name,
            Ok(_) | Err(_) => {
                let why = format!(
                    "`{}` cannot be pushed: only branches, tags and pull requests that are open can",
                    update.name
                );
                return refuse("prohibited by the hub", why);
            }
        };
        let writer = self.repo.action >= Action::Write;
        if let Some(number) = name.pull_request_number() {
            let found = self.hub.inner.db.read().await?.discussion(self.repo.record.id, number).await?;
            let Some(discussion) = found.filter(|found| found.is_pull) else {
                return refuse("prohibited by the hub", format!("there is no pull request {number}"));
            };
            if !writer && discussion.author_id != Some(self.pusher.user_id) {
                return refuse("permission denied", format!("pull request {number} is not yours"));
            }
            if update.new.is_none() {
                let why = format!("`{name}` stays: close the pull request instead of deleting it");
                return refuse("deletion prohibited", why);
            }
            if let Err(error) = may_take_commits(&discussion) {
                return refuse("prohibited by the hub", error.to_string());
            }
        } else if !writer {
            let (kind, id) = (self.repo.kind(), self.repo.id());
            return refuse("permission denied", format!("you have no write access to {kind} `{id}`"));
        }
        if update.new.is_none() && name.as_str() == default_branch(&self.repo.record) {
            return refuse("deletion prohibited", format!("Cannot delete {name}"));
        }
        Ok(None)
    }

    /// Says what is to move. An update that changes nothing is left out.
    async fn steps(&self, push: &mut Push<PushRules>, refused: &[Option<String>]) -> Result<Vec<Step>> {
        let commits = push.rules.take_commits();
        let single = push.updates.len() == 1;
        let mut steps = Vec::with_capacity(push.updates.len());
        for (index, (update, tip)) in push.updates.iter().zip(&push.tips).enumerate() {
            if refused[index].is_some() || (update.old.is_none() && update.new.is_none()) {
                continue;
            }
            let reference = RefName::parse(&update.name)?;
            let mut pull_request = PullChange::Nothing;
            if let (Some(_), Some(tip)) = (reference.pull_request_number(), tip) {
                // Of several references it is not known which commits belong to which.
                let noted = match single && !commits.is_empty() {
                    true => commits.clone(),
                    false => vec![(tip.peeled, self.subject(push, tip).await?)],
                };
                let noted = noted.into_iter().map(|(oid, subject)| PullCommit {
                    event_id: self.hub.inner.entropy.id(),
                    subject,
                    oid,
                });
                pull_request = PullChange::Commits(noted.collect());
            }
            let target = update.new.zip(*tip).map(|(target, tip)| (target, tip.peeled));
            let reference = RefMove { reference, expected: update.old, target, pull_request };
            steps.push(Step { index, reference });
        }
        Ok(steps)
    }

    async fn subject(&self, push: &Push<PushRules>, tip: &Tip) -> Result<String> {
        let coming = super::large::Coming { segment: push.segment.as_ref(), objects: self.objects.clone() };
        let commit = lyceum_git::read_commit(&coming, tip.peeled).await.map_err(Error::internal)?;
        Ok(title_of(commit.summary()))
    }
}

/// Returns why a reference may not lead to what it is to lead to.
fn refusal_of(name: &str, tip: Tip, remarks: &Remarks) -> Option<String> {
    if tip.peeled_kind != ObjectKind::Commit {
        return Some(refused("prohibited by the hub", &format!("`{name}` must lead to a commit"), remarks));
    }
    if tip.kind != ObjectKind::Commit && !name.starts_with("refs/tags/") {
        return Some(refused(
            "failed to update ref",
            &format!("`{name}` must be a commit, not a tag"),
            remarks,
        ));
    }
    None
}

/// Tells the user why, and returns the words for the report.
fn refused(words: &str, why: &str, remarks: &Remarks) -> String {
    remarks.tell(format!("error: {why}"));
    words.to_owned()
}
