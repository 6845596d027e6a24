use std::fs;

use futures_util::TryStreamExt as _;
use hf_hub::buckets::sync::BucketSyncDirection;
use hf_hub::buckets::{
    BucketAddFile, BucketCopyFile, BucketCopySourceType, BucketDownload, BucketTreeEntry, BucketUpload,
};
use hf_hub::repository::AddSource;
use hf_hub::{HFBucketSync, HFClient, HFClientSync};

use super::{Repo, fresh, noise, other};

/// A bucket that is deleted at the end of its test.
struct Bucket {
    client: HFClientSync,
    owner: String,
    name: String,
}

impl Bucket {
    fn create(purpose: &str) -> Self {
        let client = HFClientSync::new().unwrap();
        let owner = client.whoami().send().unwrap().username;
        let bucket = Self { client, owner, name: fresh(purpose) };
        let create = bucket.client.create_bucket().namespace(&bucket.owner).name(&bucket.name);
        assert!(create.private(true).send().unwrap().url.ends_with(&bucket.id()));
        bucket
    }

    fn id(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    fn handle(&self) -> HFBucketSync {
        self.client.bucket(&self.owner, &self.name)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.client.delete_bucket().bucket_id(&self.id()).missing_ok(true).send().ok();
    }
}

fn paths(bucket: &HFBucketSync) -> Vec<String> {
    let entries = bucket.list_tree().recursive(true).send().unwrap();
    let mut paths: Vec<_> = entries
        .into_iter()
        .filter_map(|entry| match entry {
            BucketTreeEntry::File { path, .. } => Some(path),
            BucketTreeEntry::Directory { .. } => None,
        })
        .collect();
    paths.sort();
    paths
}

#[test]
fn a_bucket_is_made_moved_and_deleted() {
    let bucket = Bucket::create("life");
    let (client, id) = (&bucket.client, bucket.id());
    let again = || client.create_bucket().namespace(&bucket.owner).name(&bucket.name);
    assert!(again().send().is_err());
    assert!(again().exist_ok(true).send().unwrap().url.ends_with(&id));
    let info = bucket.handle().info().send().unwrap();
    assert_eq!((info.id.as_str(), info.private, info.size, info.total_files), (id.as_str(), true, 0, 0));
    let listed = |owner: &HFClientSync| {
        let buckets = owner.list_buckets().namespace(bucket.owner.clone()).send().unwrap();
        buckets.iter().any(|found| found.id == id)
    };
    assert!(listed(client) && !listed(&other()));

    let moved = format!("{}/{}", bucket.owner, fresh("moved"));
    client.move_bucket().from_id(&id).to_id(&moved).send().unwrap();
    assert!(!listed(client));
    client.delete_bucket().bucket_id(&moved).send().unwrap();
    assert!(client.delete_bucket().bucket_id(&moved).send().is_err());
}

#[test]
fn files_go_up_and_come_down() {
    let bucket = Bucket::create("files");
    let handle = bucket.handle();
    let large = noise(900_000);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("large.bin"), &large).unwrap();
    let upload = BucketUpload::new(folder.path().join("large.bin"), "a/large.bin");
    handle.upload_files().files(vec![upload]).send().unwrap();
    let sources = vec![("a/small.txt".to_owned(), AddSource::bytes(b"small".to_vec()))];
    handle.upload_source_files().files(sources).send().unwrap();
    assert_eq!(paths(&handle), ["a/large.bin", "a/small.txt"]);
    let info = handle.info().send().unwrap();
    assert_eq!((info.size, info.total_files), (900_005, 2));

    let metadata = handle.get_file_metadata().remote_path("a/large.bin").send().unwrap();
    assert_eq!((metadata.size, metadata.xet_hash.len()), (900_000, 64));
    let wanted = vec!["a/large.bin".to_owned(), "none".to_owned()];
    let found = handle.get_paths_info().paths(wanted).send().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let back = BucketDownload::new("a/large.bin", folder.path().join("back.bin"));
    handle.download_files().files(vec![back]).send().unwrap();
    assert!(fs::read(folder.path().join("back.bin")).unwrap() == large, "the file came back different");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let streamed = runtime.block_on(async {
        let handle = HFClient::new().unwrap().bucket(&bucket.owner, &bucket.name);
        let (size, stream) = handle.download_file_stream().remote_path("a/large.bin").send().await.unwrap();
        assert_eq!(size, Some(900_000));
        stream
            .try_fold(Vec::new(), async |mut all, part| {
                all.extend_from_slice(&part);
                Ok(all)
            })
            .await
            .unwrap()
    });
    assert!(streamed == large, "the stream came back different");

    handle.delete_files().paths(vec!["a/small.txt".to_owned()]).send().unwrap();
    assert_eq!(paths(&handle), ["a/large.bin"]);
}

#[test]
fn a_batch_adds_copies_and_deletes() {
    let bucket = Bucket::create("batch");
    let handle = bucket.handle();
    let source = Repo::create("batch-source");
    let content = AddSource::bytes(noise(200_000));
    let model = source.client.model(&source.owner, &source.name);
    model.upload_file().source(content).path_in_repo("w.bin").send().unwrap();
    let hash = model.get_file_metadata().filepath("w.bin").send().unwrap().xet_hash.unwrap();
    let copy = BucketCopyFile {
        path: "copy.bin".to_owned(),
        xet_hash: hash.clone(),
        source_repo_type: BucketCopySourceType::Model,
        source_repo_id: source.id(),
        size: None,
        mtime: None,
        content_type: None,
    };
    handle.batch_operations().copy(vec![copy]).send().unwrap();
    let add = BucketAddFile {
        path: "again.bin".to_owned(),
        xet_hash: hash,
        size: 200_000,
        mtime: Some(1_700_000_000_000),
        content_type: None,
    };
    let change = handle.batch_operations().add_files(vec![add]);
    change.delete(vec!["copy.bin".to_owned()]).send().unwrap();
    assert_eq!(paths(&handle), ["again.bin"]);
}

#[test]
fn folders_are_kept_the_same() {
    let bucket = Bucket::create("sync");
    let handle = bucket.handle();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    fs::write(folder.path().join("deep/a.txt"), "a").unwrap();
    fs::write(folder.path().join("b.txt"), "b").unwrap();
    let up = || handle.sync().local_path(folder.path()).direction(BucketSyncDirection::Upload).prefix("p");
    assert_eq!(up().send().unwrap().uploads(), 2);
    assert_eq!(paths(&handle), ["p/b.txt", "p/deep/a.txt"]);
    fs::remove_file(folder.path().join("b.txt")).unwrap();
    // The client sends no times of files, so that it can tell only by their sizes that they are the same.
    let plan = up().delete(true).ignore_times(true).send().unwrap();
    assert_eq!((plan.uploads(), plan.deletes()), (0, 1));

    let back = tempfile::tempdir().unwrap();
    let down = handle.sync().local_path(back.path()).direction(BucketSyncDirection::Download).prefix("p");
    assert_eq!(down.send().unwrap().downloads(), 1);
    assert_eq!(fs::read(back.path().join("deep/a.txt")).unwrap(), b"a");
}
