//! Copying a repo to a new id.

use lyceum_core::RepoId;
use lyceum_db::{NewSegment, SegmentData};
use lyceum_store::BlobKey;

use super::group_under;
use crate::{Caller, Error, ErrorKind, Hub, Repo, Result, Visibility};

/// Segments read by one query.
const SEGMENT_PAGE: u32 = 64;

impl Hub {
    /// Copies a readable repo's branches, tags and large files to a new id. Large files are not moved: both name the
    /// same bytes. A copy for the same owner is in the same resource group.
    pub async fn duplicate_repo(
        &self,
        caller: &Caller,
        repo: &Repo,
        to: &RepoId,
        visibility: Option<Visibility>,
    ) -> Result<RepoId> {
        if repo.record.mirror {
            let message = "a mirror cannot be duplicated, since it need not have its large files; duplicate what it follows";
            return Err(Error::new(ErrorKind::Forbidden, message));
        }
        let group = group_under(repo, to.namespace());
        let owner = self.namespace_for(caller, repo.kind(), to.namespace(), group).await?;
        let id = RepoId::new(owner.name.clone(), to.name())?;
        let new = lyceum_db::NewRepo {
            kind: repo.kind(),
            owner_id: owner.id,
            creator_id: caller.signed_in()?.user_id,
            name: id.clone(),
            visibility: visibility.unwrap_or(repo.record.visibility),
            // Who was let in does not thereby open it to everybody else.
            gated: repo.record.gated,
            sdk: repo.record.sdk.clone(),
            resource_group_id: group,
            created_at: self.inner.clock.now(),
        };
        let (_, bytes) = self.inner.db.read().await?.repo_file_totals(repo.record.id).await?;
        self.check_owner_quota(owner.id, bytes).await?;
        self.copy_repo(repo.record.id, new).await?;
        Ok(id)
    }

    async fn copy_repo(&self, from: i64, new: lyceum_db::NewRepo) -> Result<()> {
        let references = self.inner.db.read().await?.refs(from).await?;
        let copied = |name: &str| name.starts_with("refs/heads/") || name.starts_with("refs/tags/");
        let references = references
            .into_iter()
            .filter(|row| copied(&row.name))
            .map(|row| (row.name, row.target, row.peeled))
            .collect();
        let segments = self.copy_segments(from).await?;
        self.insert_repo(new, segments, references, Some(from)).await
    }

    /// Copies the segments of a repo, oldest first; those outside of the database get files of their own, so that each
    /// repo can delete what is its own.
    async fn copy_segments(&self, repo_id: i64) -> Result<Vec<NewSegment>> {
        let mut segments = Vec::new();
        let mut after = 0;
        loop {
            let rows = self.inner.db.read().await?.segments(repo_id, after, SEGMENT_PAGE).await?;
            let Some(last) = rows.last() else {
                return Ok(segments);
            };
            after = last.seq;
            let mut db = self.inner.db.read().await?;
            for row in rows {
                let data = db.segment_data(repo_id, row.seq).await?;
                let index = db.segment_indexes_after(repo_id, row.seq - 1, 1).await?;
                let (Some(data), Some((_, idx))) = (data, index.into_iter().next()) else {
                    return Err(Error::new(
                        ErrorKind::Unavailable,
                        "the repo is being rearranged; please try again",
                    ));
                };
                let data = match data {
                    SegmentData::Inline(data) => SegmentData::Inline(data),
                    SegmentData::Blob(key) => SegmentData::Blob(self.copy_blob(&key).await?),
                };
                let (objects, bytes, created_at) = (row.objects, row.bytes, row.created_at);
                segments.push(NewSegment {
                    repo_id,
                    seq: row.seq,
                    objects,
                    bytes,
                    idx,
                    data,
                    source: "duplicate".to_owned(),
                    created_at,
                });
            }
        }
    }

    async fn copy_blob(&self, key: &str) -> Result<String> {
        let copy = BlobKey::segment(&format!("copy/{}", self.inner.entropy.id()))?;
        let content = self.inner.store.stream_blob(&BlobKey::segment(key)?, None).await?;
        self.inner.store.put_blob_stream(&copy, content, u64::MAX).await?;
        Ok(copy.as_str().to_owned())
    }
}
