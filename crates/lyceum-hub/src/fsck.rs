//! Checking that everything stored is whole and everything named is stored.

use futures_util::TryStreamExt as _;
use lyceum_core::{RepoKind, XetHash};
use lyceum_db::Chain;
use lyceum_git::check_reachable;

use crate::{Error, Hub, Result};

/// Rows read by one query.
const PAGE: u32 = 256;
/// Most findings that are reported; a disk that lost more needs no longer list.
const MAX_FINDINGS: usize = 10_000;

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct FsckFinding {
    /// Which object, in words.
    pub object: String,
    /// What is wrong.
    pub message: String,
}

/// What a check found.
#[derive(Debug, Clone, Default)]
pub struct FsckReport {
    /// Repos checked.
    pub repos: u64,
    /// Git objects read and hashed.
    pub objects: u64,
    /// Large files checked.
    pub files: u64,
    /// Xorbs checked.
    pub xorbs: u64,
    /// What is wrong; empty means clean.
    pub findings: Vec<FsckFinding>,
}

impl Hub {
    /// Checks every repo, file, attachment and xorb. `deep` also reads and hashes all stored bytes. `progress` gets a line of text now and then.
    pub async fn fsck(&self, deep: bool, mut progress: impl FnMut(&str) + Send) -> Result<FsckReport> {
        let mut report = FsckReport::default();
        self.check_repos(&mut report, &mut progress).await?;
        self.check_files(&mut report, &mut progress).await?;
        self.check_attachments(&mut report).await?;
        self.check_xorbs(deep, &mut report, &mut progress).await?;
        Ok(report)
    }

    /// Checks that every reference leads to a whole history, and that no audit event was changed.
    async fn check_repos(
        &self,
        report: &mut FsckReport,
        progress: &mut (impl FnMut(&str) + Send),
    ) -> Result<()> {
        let mut after = 0;
        loop {
            let repos = self.inner.db.read().await?.all_repos(after, PAGE).await?;
            let Some(last) = repos.last() else {
                return Ok(());
            };
            after = last.id;
            for repo in repos {
                let name = format!("{} `{}`", repo.kind, repo.name);
                let mut db = self.inner.db.read().await?;
                let tips: Vec<_> =
                    db.refs(repo.id).await?.into_iter().flat_map(|row| [row.target, row.peeled]).collect();
                if !matches!(db.verify_events(repo.id).await?, Chain::Intact { .. }) {
                    report.add(format!("audit events of {name}"), "the chain of events is broken");
                }
                drop(db);
                let checked = check_reachable(&self.objects_of(repo.id), &tips, |_, _| {})
                    .await
                    .map_err(Error::internal)?;
                for problem in checked.problems {
                    report.add(format!("object {} of {name}", problem.oid), problem.message);
                }
                self.check_repo_files(repo.id, &name, report).await?;
                if repo.kind == RepoKind::Bucket {
                    self.check_bucket(repo.id, &name, report).await?;
                }
                report.objects += checked.objects;
                report.repos += 1;
            }
            progress(&format!("{} repos, {} git objects", report.repos, report.objects));
        }
    }

    /// Checks that every large file of a repo is recorded with the size that the repo says.
    async fn check_repo_files(&self, repo_id: i64, name: &str, report: &mut FsckReport) -> Result<()> {
        let mut after = None;
        loop {
            let files = self.inner.db.read().await?.repo_files_page(repo_id, after.as_ref(), PAGE).await?;
            let Some(last) = files.last() else {
                return Ok(());
            };
            after = Some(last.sha256);
            for file in files {
                let size = self.inner.db.read().await?.xet_file(&file.xet_hash).await?.map(|row| row.size);
                if size != Some(file.size) {
                    report.add(
                        format!("large file {} of {name}", file.sha256),
                        format!("has {} bytes, its record {size:?}", file.size),
                    );
                }
            }
        }
    }

    /// Checks that every file of a bucket is recorded with the size that the bucket says, and that the totals are right.
    async fn check_bucket(&self, repo_id: i64, name: &str, report: &mut FsckReport) -> Result<()> {
        let mut from = String::new();
        loop {
            let files = self.inner.db.read().await?.bucket_tree_recorded(repo_id, &from, PAGE).await?;
            let Some((last, _)) = files.last() else {
                break;
            };
            // No path has a character before the space.
            from = format!("{} ", last.path);
            for (file, size) in files.into_iter().filter(|(file, size)| *size != Some(file.size)) {
                let message = format!("has {} bytes, its record {size:?}", file.size);
                report.add(format!("file `{}` of {name}", file.path), message);
            }
        }
        let mut db = self.inner.db.read().await?;
        let (before, counted, after) =
            (db.bucket(repo_id).await?, db.count_bucket(repo_id).await?, db.bucket(repo_id).await?);
        // One that changes while it is counted is right or wrong the next time.
        if before == after && before.is_none_or(|totals| (totals.files, totals.bytes) != counted) {
            report.add(name, format!("has {counted:?} files and bytes, its totals say {before:?}"));
        }
        Ok(())
    }

    /// Checks that everything shown in comments is stored, with the length that its record says, and nothing else is.
    async fn check_attachments(&self, report: &mut FsckReport) -> Result<()> {
        let mut stored = std::pin::pin!(self.inner.store.list_blobs("attachments"));
        let mut nameless = Vec::new();
        while let Some(blob) = stored.try_next().await? {
            let name = blob.key.as_str().rsplit('/').next().unwrap_or_default().to_owned();
            if self.inner.db.read().await?.attachment(&name).await?.is_none() && nameless.len() < MAX_FINDINGS
            {
                nameless.push(name);
            }
        }
        let mut after = String::new();
        loop {
            let attachments = self.inner.db.read().await?.attachments_page(&after, PAGE).await?;
            let Some(last) = attachments.last() else {
                break;
            };
            after.clone_from(&last.name);
            for attachment in attachments {
                let key = crate::attachment::key(&attachment.name)?;
                let stored = self.inner.store.blob_bytes(&key).await?;
                if stored != Some(attachment.bytes) {
                    let message = format!("has {stored:?} bytes, its record {}", attachment.bytes);
                    report.add(format!("attachment `{}`", attachment.name), message);
                }
            }
        }
        for name in nameless {
            // One that was being uploaded has its record by now.
            if self.inner.db.read().await?.attachment(&name).await?.is_none() {
                report.add(format!("attachment `{name}`"), "is stored, and no record names it");
            }
        }
        Ok(())
    }

    /// Checks that every file's terms lie inside of stored xorbs.
    async fn check_files(
        &self,
        report: &mut FsckReport,
        progress: &mut (impl FnMut(&str) + Send),
    ) -> Result<()> {
        let mut after = None;
        loop {
            let files = self.inner.db.read().await?.all_xet_files(after.as_ref(), PAGE).await?;
            let Some(last) = files.last() else {
                return Ok(());
            };
            after = Some(last.hash);
            for file in files {
                if let Err(message) = self.check_terms(&file).await? {
                    report.add(format!("file {}", file.hash), message);
                }
                report.files += 1;
            }
            progress(&format!("{} files", report.files));
        }
    }

    async fn check_terms(&self, file: &lyceum_db::XetFile) -> Result<Result<(), String>> {
        let terms = match lyceum_xet::decode_terms(&file.terms) {
            Ok(terms) => terms,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let mut chunks = Vec::new();
        for term in &terms {
            let Some(index) = self.inner.store.xorb_index(term.xorb).await? else {
                return Ok(Err(format!("xorb {} is missing", term.xorb)));
            };
            if !index.contains(&term.chunks) || index.raw_len(term.chunks.clone()) != term.raw_bytes {
                return Ok(Err(format!("a term lies outside of xorb {}", term.xorb)));
            }
            chunks.extend(index.hashes(term.chunks.clone()));
        }
        let size: u64 = terms.iter().map(|term| term.raw_bytes).sum();
        if lyceum_xet::hash::file_hash(chunks) != file.hash || size != file.size {
            return Ok(Err("its terms do not make up the file".to_owned()));
        }
        Ok(Ok(()))
    }

    /// Checks that every recorded xorb is stored; `deep` reads all of it.
    async fn check_xorbs(
        &self,
        deep: bool,
        report: &mut FsckReport,
        progress: &mut (impl FnMut(&str) + Send),
    ) -> Result<()> {
        let mut after: Option<XetHash> = None;
        loop {
            let xorbs = self.inner.db.read().await?.all_xorbs(after.as_ref(), PAGE).await?;
            let Some(last) = xorbs.last() else {
                break;
            };
            after = Some(last.hash);
            for xorb in xorbs {
                match self.inner.store.has_xorb(xorb.hash).await {
                    Ok(Some(_)) => {}
                    Ok(None) => report.add(format!("xorb {}", xorb.hash), "is missing from the store"),
                    Err(error) => report.add(format!("xorb {}", xorb.hash), error.to_string()),
                }
                report.xorbs += 1;
            }
            progress(&format!("{} xorbs", report.xorbs));
        }
        if !deep {
            return Ok(());
        }
        let mut stored = std::pin::pin!(self.inner.store.list_xorbs());
        let mut read = 0_u64;
        while let Some((xorb, bytes)) = stored.try_next().await? {
            if let Err(error) = self.inner.store.verify_xorb(xorb).await {
                report.add(format!("xorb {xorb}"), error.to_string());
            }
            read += bytes;
            progress(&format!("{} MiB read", read >> 20));
        }
        Ok(())
    }
}

impl FsckReport {
    fn add(&mut self, object: impl Into<String>, message: impl Into<String>) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(FsckFinding { object: object.into(), message: message.into() });
        }
    }
}
