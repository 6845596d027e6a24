//! Creating a repo with its first commit.

use std::collections::BTreeMap;

use bytes::Bytes;
use lyceum_core::limits::MAX_REGULAR_FILE_BYTES;
use lyceum_core::{Oid, RepoId, RepoKind, RepoPath};
use lyceum_git::{Commit, DEFAULT_GITATTRIBUTES, Edit, Mode, ObjectKind, SegmentWriter, edit_tree};
use lyceum_trust::card::LICENSES;

use super::{NewRepo, main_branch};
use crate::account::append_event;
use crate::commit::{edit_error, insert_segment, signature};
use crate::{Caller, Error, ErrorKind, Gated, Hub, Result, Visibility};

/// SDKs that a space may name.
const SPACE_SDKS: &[&str] = &["gradio", "streamlit", "docker", "static"];
/// Most files that come with a new repo.
const MAX_FIRST_FILES: usize = 100;
/// Where the card is.
const CARD: &str = "README.md";

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
        let files = first_files(&repo)?;
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
        let (segment, commit) = self.first_commit(caller, files).await?;
        let main = vec![(main_branch().as_str().to_owned(), commit, commit)];
        self.insert_repo(new, vec![segment], main, None).await?;
        Ok(id)
    }

    /// Inserts a repo with its segments and references, given as (name, target, commit), and with the large files of the
    /// repo that it is a copy of, for which its owner is charged.
    pub(super) async fn insert_repo(
        &self,
        new: lyceum_db::NewRepo,
        segments: Vec<lyceum_db::NewSegment>,
        refs: Vec<(String, Oid, Oid)>,
        copy_of: Option<i64>,
    ) -> Result<()> {
        self.inner
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
                    if let Some(from) = copy_of {
                        tx.copy_repo_files(from, id).await?;
                        let (_, bytes) = tx.repo_file_totals(id).await?;
                        crate::quota::charge(tx, new.owner_id, bytes.cast_signed(), 0).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await?;
        self.inner.job_added.notify_one();
        Ok(())
    }

    /// Makes a commit that has no parents, in a segment of its own.
    pub(crate) async fn first_commit(
        &self,
        caller: &Caller,
        files: BTreeMap<RepoPath, Bytes>,
    ) -> Result<(lyceum_db::NewSegment, Oid)> {
        let segment = SegmentWriter::new(self.inner.store.spool_dir());
        let (mut segment, edits) = tokio::task::spawn_blocking(move || add_files(segment, files))
            .await
            .map_err(Error::internal)?
            .map_err(Error::internal)?;
        // No repo has the id 0: there is nothing yet to read objects from.
        let tree = edit_tree(&self.objects_of(0), None, edits, &mut segment)
            .await
            .map_err(|error| edit_error(error, None))?;
        let author = signature(caller.signed_in()?, self.inner.clock.now());
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

/// The files that every history begins with.
pub(crate) fn beginning() -> BTreeMap<RepoPath, Bytes> {
    let path = RepoPath::parse(".gitattributes").expect("the name is a path");
    BTreeMap::from([(path, Bytes::from_static(DEFAULT_GITATTRIBUTES.as_bytes()))])
}

/// Returns the files of a new repo's first commit.
fn first_files(repo: &NewRepo) -> Result<BTreeMap<RepoPath, Bytes>> {
    if repo.files.len() > MAX_FIRST_FILES {
        let message = format!("a new repository may have at most {MAX_FIRST_FILES} files; commit the others");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    if let Some(license) = &repo.license
        && !LICENSES.contains(&license.as_str())
    {
        return Err(Error::new(ErrorKind::Invalid, format!("`{license}` is not a known license")));
    }
    let mut files = beginning();
    if let Some(card) = first_card(repo) {
        files.insert(RepoPath::parse(CARD)?, card.into());
    }
    for (path, content) in &repo.files {
        if content.len() as u64 > MAX_REGULAR_FILE_BYTES {
            let limit = MAX_REGULAR_FILE_BYTES >> 20;
            let message = format!("file `{path}` is over {limit} MiB: commit it as a large file");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        files.insert(path.clone(), content.clone());
    }
    Ok(files)
}

/// Writes the card that a new repo begins with, if it has anything to say.
fn first_card(repo: &NewRepo) -> Option<String> {
    let license = repo.license.as_ref().map(|license| format!("license: {license}\n")).unwrap_or_default();
    if repo.kind == RepoKind::Space {
        let (title, sdk) = (&repo.name, repo.sdk.as_deref().unwrap_or("static"));
        return Some(format!(
            "---\ntitle: \"{title}\"\nsdk: {sdk}\npinned: false\n{license}---\n\n# {title}\n"
        ));
    }
    (!license.is_empty()).then(|| format!("---\n{license}---\n"))
}

fn add_files(
    mut segment: SegmentWriter,
    files: BTreeMap<RepoPath, Bytes>,
) -> Result<(SegmentWriter, Vec<Edit>), lyceum_git::Error> {
    let mut edits = Vec::with_capacity(files.len());
    for (path, content) in files {
        let oid = segment.add(ObjectKind::Blob, &content)?;
        edits.push(Edit::Upsert { path, mode: Mode::File, oid });
    }
    Ok((segment, edits))
}
