use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use hf_hub::repository::{AddSource, CommitOperation};
use hf_hub::{HFClientSync, RepoTypeModel};

/// A repo that is deleted at the end of its test, also of a failing one.
struct Repo {
    client: HFClientSync,
    owner: String,
    name: String,
}

impl Repo {
    fn create(purpose: &str) -> Self {
        let client = HFClientSync::new().unwrap();
        let owner = client.whoami().send().unwrap().username;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let repo = Self { client, owner, name: format!("rust-{purpose}-{now}") };
        let created =
            repo.client.create_repository().repo_id(&repo.id()).repo_type(RepoTypeModel).send().unwrap();
        assert!(created.url.ends_with(&repo.id()), "{}", created.url);
        repo
    }

    fn id(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

impl Drop for Repo {
    fn drop(&mut self) {
        self.client
            .delete_repository()
            .repo_id(&self.id())
            .repo_type(RepoTypeModel)
            .missing_ok(true)
            .send()
            .ok();
    }
}

/// Bytes that do not compress, without a generator to depend on.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

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
    let id = repo.id();
    assert!(repo.client.create_repository().repo_id(&id).repo_type(RepoTypeModel).send().is_err());
}
