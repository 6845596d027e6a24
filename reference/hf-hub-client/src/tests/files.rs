use std::fs;

use futures_util::TryStreamExt as _;
use hf_hub::HFClient;
use hf_hub::repository::{AddSource, CommitOperation, RepoTreeEntry};

use super::{Repo, noise};

#[test]
fn small_and_large_files_go_up_and_come_down() {
    let repo = Repo::create("files");
    let model = repo.client.model(&repo.owner, &repo.name);
    let small = b"{\"hidden_size\": 8}\n".to_vec();
    let large = noise(6_000_000);
    let operations = vec![
        CommitOperation::add_bytes("config.json", small.clone()),
        CommitOperation::add_bytes("weights/model.safetensors", large.clone()),
    ];
    model.create_commit().operations(operations).commit_message("Add files").send().unwrap();

    let folder = tempfile::tempdir().unwrap();
    for (path, content) in [("config.json", &small), ("weights/model.safetensors", &large)] {
        let found = model.download_file().filename(path).local_dir(folder.path()).send().unwrap();
        assert!(fs::read(found).unwrap() == *content, "{path} came back different");
    }
    let range = 1_000_003..1_200_003_u64;
    let part =
        model.download_file_to_bytes().filename("weights/model.safetensors").range(range).send().unwrap();
    assert!(part == large[1_000_003..1_200_003], "the range came back different");
}

#[test]
fn a_snapshot_follows_a_branch() {
    let repo = Repo::create("snapshot");
    let model = repo.client.model(&repo.owner, &repo.name);
    model.create_branch().branch("dev").send().unwrap();
    let source = AddSource::bytes(b"hello\n".to_vec());
    model.upload_file().source(source).path_in_repo("a/b.txt").revision("dev").send().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let found = model.snapshot_download().revision("dev").local_dir(folder.path()).send().unwrap();
    assert_eq!(fs::read(found.join("a/b.txt")).unwrap(), b"hello\n");
    assert!(!model.file_exists().filename("a/b.txt").send().unwrap());
    assert_eq!(model.info().send().unwrap().id, repo.id());
}

#[test]
fn what_is_missing_is_said_to_be_missing() {
    let repo = Repo::create("missing");
    let model = repo.client.model(&repo.owner, &repo.name);
    assert!(!repo.client.model(&repo.owner, "not-there").exists().send().unwrap());
    assert!(!model.revision_exists().revision("not-there").send().unwrap());
    assert!(model.download_file().filename("not-there").send().is_err());
}

#[test]
fn files_are_added_listed_and_deleted() {
    let repo = Repo::create("changes");
    let model = repo.client.model(&repo.owner, &repo.name);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    fs::write(folder.path().join("deep/a.txt"), "a").unwrap();
    fs::write(folder.path().join("b.log"), "b").unwrap();
    fs::write(folder.path().join("large.bin"), noise(300_000)).unwrap();
    let upload = model.upload_folder().folder_path(folder.path()).path_in_repo("up");
    let ignored = vec!["*.log".to_owned()];
    let commit = upload.ignore_patterns(ignored).commit_message("Add a folder").send().unwrap();
    let oid = commit.commit_oid.unwrap();
    assert!(commit.commit_url.unwrap().ends_with(&oid));

    let entries = model.list_tree().recursive(true).expand(true).send().unwrap();
    let mut files = Vec::new();
    for entry in &entries {
        match entry {
            RepoTreeEntry::File { path, size, lfs, last_commit, .. } if path != ".gitattributes" => {
                assert_eq!(last_commit.as_ref().unwrap().title.as_deref(), Some("Add a folder"));
                files.push((path.as_str(), *size, lfs.is_some()));
            }
            _ => {}
        }
    }
    assert_eq!(files, [("up/deep/a.txt", 1, false), ("up/large.bin", 300_000, true)]);
    assert_eq!(model.list_tree().path_in_repo("up").limit(1).send().unwrap().len(), 1);

    let wanted = vec!["up/large.bin".to_owned(), "up/none".to_owned(), "up/deep".to_owned()];
    let found = model.get_paths_info().paths(wanted).send().unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    let metadata = model.get_file_metadata().filepath("up/large.bin").send().unwrap();
    assert_eq!((metadata.file_size, metadata.commit_hash), (300_000, oid));
    assert!(metadata.etag.len() == 64 && metadata.xet_hash.is_some());
    assert!(model.file_exists().filename("up/deep/a.txt").send().unwrap());

    model.delete_file().path_in_repo("up/deep/a.txt").send().unwrap();
    assert!(!model.file_exists().filename("up/deep/a.txt").send().unwrap());
    model.delete_folder().path_in_repo("up").commit_message("Delete a folder").send().unwrap();
    assert_eq!(model.list_tree().recursive(true).send().unwrap().len(), 1);
    assert_eq!(model.list_commits().send().unwrap()[0].title, "Delete a folder");
}

#[test]
fn a_change_can_be_proposed_and_bound_to_its_parent() {
    let repo = Repo::create("proposal");
    let model = repo.client.model(&repo.owner, &repo.name);
    let add = || vec![CommitOperation::add_bytes("a.txt", "a")];
    let first = model.list_commits().send().unwrap()[0].id.clone();
    let proposal = model.create_commit().operations(add()).commit_message("Propose").create_pr(true);
    proposal.send().unwrap();
    let refs = model.list_refs().include_pull_requests(true).send().unwrap();
    let pull = &refs.pull_requests[0];
    assert_eq!(pull.git_ref, "refs/pr/1");
    assert!(model.file_exists().filename("a.txt").revision(&pull.git_ref).send().unwrap());
    assert!(!model.file_exists().filename("a.txt").send().unwrap());

    let commit = |parent: &str| {
        let commit = model.create_commit().operations(add()).commit_message("Bind");
        commit.commit_description("To its parent.").parent_commit(parent).send()
    };
    commit(&first).unwrap();
    let stale = commit(&first).unwrap_err();
    assert!(stale.to_string().contains("updated"), "{stale}");
}

#[test]
fn content_comes_as_a_stream() {
    let repo = Repo::create("stream");
    let large = noise(700_000);
    let model = repo.client.model(&repo.owner, &repo.name);
    let source = AddSource::bytes(large.clone());
    model.upload_file().source(source).path_in_repo("large.bin").send().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bytes = runtime.block_on(async {
        let model = HFClient::new().unwrap().model(&repo.owner, &repo.name);
        let (size, stream) =
            model.download_file_stream().filename("large.bin").range(100_000..600_000).send().await.unwrap();
        assert_eq!(size, Some(500_000));
        stream
            .try_fold(Vec::new(), async |mut all, part| {
                all.extend_from_slice(&part);
                Ok(all)
            })
            .await
            .unwrap()
    });
    assert!(bytes == large[100_000..600_000], "the stream came back different");
}

#[test]
fn downloads_are_kept_in_the_cache() {
    let repo = Repo::create("cache");
    let model = repo.client.model(&repo.owner, &repo.name);
    let source = AddSource::bytes(b"kept".to_vec());
    model.upload_file().source(source).path_in_repo("kept.txt").send().unwrap();
    let path = model.download_file().filename("kept.txt").send().unwrap();
    assert_eq!(fs::read(path).unwrap(), b"kept");
    let again = model.download_file().filename("kept.txt").local_files_only(true).send().unwrap();
    assert_eq!(fs::read(again).unwrap(), b"kept");
    let cache = repo.client.scan_cache().send().unwrap();
    let cached = cache.repos.iter().find(|cached| cached.repo_id == repo.id()).unwrap();
    assert_eq!((cached.repo_type, cached.revisions.len(), cached.nb_files), ("model", 1, 1));
}
