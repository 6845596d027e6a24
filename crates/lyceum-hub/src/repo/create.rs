//! Creating a repo with its first commit.

use lyceum_core::{Oid, RepoId, RepoKind, RepoPath};
use lyceum_git::{Commit, DEFAULT_GITATTRIBUTES, Edit, Mode, ObjectKind, SegmentWriter, edit_tree};

use super::{NewRepo, main_branch};
use crate::account::append_event;
use crate::commit::{edit_error, insert_segment, signature};
use crate::{Caller, Error, ErrorKind, Gated, Hub, Result, Visibility};

/// SDKs that a space may name.
const SPACE_SDKS: &[&str] = &["gradio", "streamlit", "docker", "static"];

impl Hub {
    /// Creates a repo with its first commit; `AlreadyExists` if the id is taken.
    pub async fn create_repo(&self, caller: &Caller, repo: NewRepo) -> Result<RepoId> {
        self.create_repo_in(caller, repo, None).await
    }

    /// Creates a repo in a resource group of its organisation: who has a role there may, whatever his role in the
    /// organisation.
    pub async fn create_repo_in(&self, caller: &Caller, repo: NewRepo, group: Option<i64>) -> Result<RepoId> {
        let identity = caller.signed_in()?;
        if repo.kind == RepoKind::Bucket {
            return Err(Error::new(ErrorKind::Invalid, "a bucket is not created as a repository"));
        }
        let namespace = repo.namespace.as_ref().unwrap_or(&identity.name);
        let owner = self.namespace_for(caller, repo.kind, namespace, group).await?;
        let id = RepoId::new(owner.name.clone(), &repo.name)?;
        if repo.visibility == Some(Visibility::Protected) && repo.kind != RepoKind::Space {
            return Err(Error::new(ErrorKind::Invalid, "only a space can be protected"));
        }
        if let Some(sdk) = &repo.sdk
            && !SPACE_SDKS.contains(&sdk.as_str())
        {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the SDK of a space must be one of {}", SPACE_SDKS.join(", ")),
            ));
        }
        let private = if owner.private_by_default { Visibility::Private } else { Visibility::Public };
        let new = lyceum_db::NewRepo {
            kind: repo.kind,
            owner_id: owner.id,
            creator_id: identity.user_id,
            name: id.clone(),
            visibility: repo.visibility.unwrap_or(private),
            gated: Gated::No,
            sdk: repo.sdk.clone(),
            resource_group_id: group,
            created_at: self.inner.clock.now(),
        };
        let (segment, commit) = self.first_commit(caller, &new).await?;
        self.insert_repo(new, vec![segment], vec![(main_branch().as_str().to_owned(), commit, commit)])
            .await?;
        Ok(id)
    }

    /// Inserts a repo with its segments and references, given as (name, target, commit).
    pub(super) async fn insert_repo(
        &self,
        new: lyceum_db::NewRepo,
        segments: Vec<lyceum_db::NewSegment>,
        refs: Vec<(String, Oid, Oid)>,
    ) -> Result<i64> {
        let id = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let now = new.created_at;
                    let taken = || Error::new(ErrorKind::AlreadyExists, format!("You already created this {} repo", new.kind));
                    let id = tx.insert_repo(&new).await?.ok_or_else(taken)?;
                    for segment in &segments {
                        insert_segment(tx, id, segment).await?;
                    }
                    for (name, target, commit) in refs {
                        tx.cas_ref(id, &name, None, Some((target, commit)), now).await?;
                    }
                    crate::derive::enqueue(tx, id, now).await?;
                    let detail = serde_json::json!({ "kind": new.kind.singular(), "id": new.name.to_string(), "visibility": new.visibility.as_str() });
                    append_event(tx, Some(id), Some(new.creator_id), "create-repo", &detail, now).await?;
                    Ok::<_, Error>(id)
                })
            })
            .await?;
        self.inner.job_added.notify_one();
        Ok(id)
    }

    async fn first_commit(
        &self,
        caller: &Caller,
        new: &lyceum_db::NewRepo,
    ) -> Result<(lyceum_db::NewSegment, Oid)> {
        let mut segment = SegmentWriter::new(self.inner.store.spool_dir());
        let mut edits = vec![(".gitattributes", DEFAULT_GITATTRIBUTES.to_owned())];
        if new.kind == RepoKind::Space {
            edits.push(("README.md", space_card(new)));
        }
        let upserts = edits
            .into_iter()
            .map(|(path, content)| {
                let oid = segment.add(ObjectKind::Blob, content.as_bytes()).map_err(Error::internal)?;
                Ok(Edit::Upsert { path: RepoPath::parse(path)?, mode: Mode::File, oid })
            })
            .collect::<Result<Vec<_>>>()?;
        // No repo has the id 0: there is nothing yet to read objects from.
        let tree = edit_tree(&self.objects_of(0), None, upserts, &mut segment)
            .await
            .map_err(|error| edit_error(error, None))?;
        let author = signature(caller.signed_in()?, new.created_at);
        let commit = Commit {
            tree,
            parents: Vec::new(),
            committer: author.clone(),
            author,
            message: "initial commit".to_owned(),
        };
        let commit = segment.add(ObjectKind::Commit, &commit.encode()).map_err(Error::internal)?;
        Ok((self.keep_segment(0, segment, "create").await?, commit))
    }
}

fn space_card(new: &lyceum_db::NewRepo) -> String {
    let (title, sdk) = (new.name.name(), new.sdk.as_deref().unwrap_or("static"));
    format!("---\ntitle: \"{title}\"\nsdk: {sdk}\npinned: false\n---\n\n# {title}\n")
}
