//! Multipart uploads of the Git LFS protocol that are under way.

use lyceum_core::{Sha256, Timestamp};

use crate::error::Result;
use crate::queries::Queries;
use crate::value::{Columns, Record, bind};

pub(crate) mod lock;

/// A multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// An unguessable name.
    pub id: String,
    /// Where the file goes.
    pub repo_id: i64,
    /// Who uploads it.
    pub user_id: i64,
    /// What the file must hash to.
    pub sha256: Sha256,
    /// Its bytes.
    pub size: u64,
    /// Bytes of each part but the last.
    pub chunk_bytes: u64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it is given up.
    pub expires_at: Timestamp,
}

/// A part that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPart {
    /// Its place, from 1.
    pub number: u32,
    /// What the client shows to prove that it sent it.
    pub etag: String,
    /// Its bytes.
    pub size: u64,
}

macro_rules! upload_columns {
    () => {
        "id, repo_id, user_id, sha256, size, chunk_bytes, created_at, expires_at"
    };
}

impl Record for Upload {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            repo_id: columns.get()?,
            user_id: columns.get()?,
            sha256: columns.get()?,
            size: columns.get()?,
            chunk_bytes: columns.get()?,
            created_at: columns.get()?,
            expires_at: columns.get()?,
        })
    }
}

impl Record for UploadPart {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { number: columns.get()?, etag: columns.get()?, size: columns.get()? })
    }
}

impl Queries {
    /// Begins an upload; false if the id is in use.
    pub async fn insert_upload(&mut self, upload: &Upload) -> Result<bool> {
        let sql = concat!(
            "INSERT INTO lfs_upload (",
            upload_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING"
        );
        let arguments = bind![
            upload.id,
            upload.repo_id,
            upload.user_id,
            upload.sha256,
            upload.size,
            upload.chunk_bytes,
            upload.created_at,
            upload.expires_at,
        ];
        Ok(self.execute(sql, arguments).await? == 1)
    }

    /// Returns an upload.
    pub async fn upload(&mut self, id: &str) -> Result<Option<Upload>> {
        self.optional(concat!("SELECT ", upload_columns!(), " FROM lfs_upload WHERE id = $1"), bind![id])
            .await
    }

    /// Returns the latest upload of a user's for a file that has not ended before `at`, with the given size of parts.
    pub async fn upload_of(
        &mut self,
        repo_id: i64,
        user_id: i64,
        sha256: &Sha256,
        chunk_bytes: u64,
        at: Timestamp,
    ) -> Result<Option<Upload>> {
        let sql = concat!(
            "SELECT ",
            upload_columns!(),
            " FROM lfs_upload WHERE user_id = $1 AND repo_id = $2 AND sha256 = $3 AND chunk_bytes = $4 \
             AND expires_at > $5 ORDER BY created_at DESC, id LIMIT 1"
        );
        self.optional(sql, bind![user_id, repo_id, *sha256, chunk_bytes, at]).await
    }

    /// Records a part, in place of one of the same number.
    pub async fn put_part(&mut self, upload_id: &str, part: &UploadPart) -> Result<()> {
        self.execute(
            "INSERT INTO lfs_part (upload_id, number, etag, size) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (upload_id, number) DO UPDATE SET etag = excluded.etag, size = excluded.size",
            bind![upload_id, part.number, part.etag, part.size],
        )
        .await?;
        Ok(())
    }

    /// Returns the parts of an upload in order.
    pub async fn parts(&mut self, upload_id: &str) -> Result<Vec<UploadPart>> {
        let sql = "SELECT number, etag, size FROM lfs_part WHERE upload_id = $1 ORDER BY number";
        self.all(sql, bind![upload_id]).await
    }

    /// Deletes an upload and its parts; false if there is none.
    pub async fn delete_upload(&mut self, id: &str) -> Result<bool> {
        Ok(self.execute("DELETE FROM lfs_upload WHERE id = $1", bind![id]).await? == 1)
    }

    /// Returns uploads that ended before `at`.
    pub async fn expired_uploads(&mut self, at: Timestamp, limit: u32) -> Result<Vec<Upload>> {
        self.all(
            concat!(
                "SELECT ",
                upload_columns!(),
                " FROM lfs_upload WHERE expires_at < $1 ORDER BY expires_at LIMIT $2"
            ),
            bind![at, limit],
        )
        .await
    }
}
