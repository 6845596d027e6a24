use std::env;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use hf_hub::{HFClientBuilder, HFClientSync, RepoType, RepoTypeModel};

mod buckets;
mod exports;
mod files;
mod history;
mod people;
mod repos;

/// A repo that is deleted at the end of its test, also of a failing one.
struct Repo<T: RepoType = RepoTypeModel> {
    client: HFClientSync,
    kind: T,
    owner: String,
    name: String,
}

impl Repo {
    fn create(purpose: &str) -> Self {
        Self::of(RepoTypeModel, purpose)
    }
}

impl<T: RepoType> Repo<T> {
    fn of(kind: T, purpose: &str) -> Self {
        let client = HFClientSync::new().unwrap();
        let owner = client.whoami().send().unwrap().username;
        let repo = Self { client, kind, owner, name: fresh(purpose) };
        let create = repo.client.create_repository();
        let created = create.repo_id(&repo.id()).repo_type(kind).space_sdk("static").send().unwrap();
        assert!(created.url.ends_with(&repo.id()), "{}", created.url);
        repo
    }

    fn id(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

impl<T: RepoType> Drop for Repo<T> {
    fn drop(&mut self) {
        let delete = self.client.delete_repository();
        delete.repo_id(&self.id()).repo_type(self.kind).missing_ok(true).send().ok();
    }
}

/// Returns a name that nothing has yet.
fn fresh(purpose: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("rust-{purpose}-{now}")
}

/// Returns a client of the other user.
fn other() -> HFClientSync {
    let token = env::var("LYCEUM_OTHER_TOKEN").unwrap();
    HFClientBuilder::new().token(token).build_sync().unwrap()
}

/// Asks the hub for what the client has no function for.
fn post(path: &str) {
    let (endpoint, token) = (env::var("HF_ENDPOINT").unwrap(), env::var("HF_TOKEN").unwrap());
    let host = endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
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
