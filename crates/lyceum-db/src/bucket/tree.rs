//! Listing the files of a bucket, which may be millions, by page.

use super::{BucketFile, bucket_file_columns};
use crate::error::Result;
use crate::queries::{Queries, Sql};

impl Queries {
    /// Returns the files of a bucket in order of path, from the first that is not before `from` up to `end`.
    pub async fn bucket_tree(
        &mut self,
        repo_id: i64,
        from: &str,
        end: Option<&str>,
        limit: u32,
    ) -> Result<Vec<BucketFile>> {
        let (sql, arguments) = tree("", repo_id, from, end, limit).finish();
        self.all(sql, arguments).await
    }

    /// Returns what [`bucket_tree`](Self::bucket_tree) does, each with the size that is recorded for its contents.
    pub async fn bucket_tree_recorded(
        &mut self,
        repo_id: i64,
        from: &str,
        limit: u32,
    ) -> Result<Vec<(BucketFile, Option<u64>)>> {
        let size = ", (SELECT x.size FROM xet_file x WHERE x.hash = b.xet_hash)";
        let (sql, arguments) = tree(size, repo_id, from, None, limit).finish();
        self.all(sql, arguments).await
    }

    /// Returns the first file of each entry of one level: files whose path has no `/` after its first `parent_chars`
    /// characters, and for each folder there the first file below it.
    ///
    /// Each entry is one step in the index, however many files a folder has.
    pub async fn bucket_level(
        &mut self,
        repo_id: i64,
        parent_chars: u32,
        from: &str,
        end: Option<&str>,
        limit: u32,
    ) -> Result<Vec<BucketFile>> {
        let position = self.dialect().position();
        let rest = |sql: &mut Sql| {
            sql.push("substr(walk.path, CAST(").bind(parent_chars + 1).push(" AS INTEGER))");
        };
        let mut sql = Sql::new("WITH RECURSIVE walk (path, place) AS (SELECT (");
        first(&mut sql, repo_id, end);
        sql.bind(from).push(" ORDER BY b.path LIMIT 1), 1 UNION ALL SELECT (");
        first(&mut sql, repo_id, end);
        // `0` follows `/`, and no path has a character before the space: so begins the next entry of the level.
        sql.push("CASE WHEN ").push(position).push("(");
        rest(&mut sql);
        sql.push(", '/') > 0 THEN substr(walk.path, 1, CAST(").bind(parent_chars).push(" AS INTEGER) + ");
        sql.push(position).push("(");
        rest(&mut sql);
        sql.push(
            ", '/') - 1) || '0' ELSE walk.path || ' ' END ORDER BY b.path LIMIT 1), walk.place + 1 FROM walk",
        );
        sql.push(" WHERE walk.path IS NOT NULL AND walk.place < ").bind(limit);
        sql.push(concat!(
            ") SELECT ",
            bucket_file_columns!(),
            " FROM walk JOIN bucket_file b ON b.path = walk.path AND b.bucket_id = "
        ));
        sql.bind(repo_id).push(" ORDER BY walk.place");
        let (sql, arguments) = sql.finish();
        self.all(sql, arguments).await
    }
}

fn tree(more: &'static str, repo_id: i64, from: &str, end: Option<&str>, limit: u32) -> Sql {
    let mut sql = Sql::new(concat!("SELECT ", bucket_file_columns!()));
    sql.push(more).push(" FROM bucket_file b WHERE b.bucket_id = ").bind(repo_id);
    sql.push(" AND b.path >= ").bind(from);
    if let Some(end) = end {
        sql.push(" AND b.path < ").bind(end);
    }
    sql.push(" ORDER BY b.path LIMIT ").bind(limit);
    sql
}

/// Begins the search for a path; the caller goes on with where it starts.
fn first(sql: &mut Sql, repo_id: i64, end: Option<&str>) {
    sql.push("SELECT b.path FROM bucket_file b WHERE b.bucket_id = ").bind(repo_id);
    if let Some(end) = end {
        sql.push(" AND b.path < ").bind(end);
    }
    sql.push(" AND b.path >= ");
}
