"""huggingface_hub called from Python: what every library built on it does."""

import io
import os

import pytest
from conftest import ENDPOINT, USER, hashes, random_bytes, sha256
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.utils import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError


def add(path, content):
    return CommitOperationAdd(path_in_repo=path, path_or_fileobj=content)


def test_create_is_idempotent_only_when_asked(api, repo):
    with pytest.raises(HfHubHTTPError) as refused:
        api.create_repo(repo)
    assert refused.value.response.status_code == 409
    assert str(api.create_repo(repo, exist_ok=True)).endswith(repo)


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_every_kind_holds_files(api, repo_id, kind, tmp_path):
    options = {"space_sdk": "static"} if kind == "space" else {}
    api.create_repo(repo_id, repo_type=kind, **options)
    try:
        api.upload_file(path_or_fileobj=b"hello\n", path_in_repo="a/b.txt", repo_id=repo_id, repo_type=kind)
        path = hf_hub_download(repo_id, "a/b.txt", repo_type=kind, cache_dir=tmp_path)
        assert open(path, "rb").read() == b"hello\n"
    finally:
        api.delete_repo(repo_id, repo_type=kind)


def test_one_commit_adds_copies_and_deletes(api, repo, tmp_path):
    large = random_bytes(2_000_000, repo)
    api.create_commit(
        repo,
        [add("old/a.txt", b"a"), add("old/b.txt", b"b"), add("gone.txt", b"gone"), add("weights.bin", large)],
        commit_message="first",
    )
    commit = api.create_commit(
        repo,
        [
            add("new.txt", b"new"),
            CommitOperationCopy("weights.bin", "copy/weights.bin"),
            CommitOperationDelete("gone.txt"),
            CommitOperationDelete("old/"),
        ],
        commit_message="second",
        commit_description="with a body",
    )
    assert sorted(api.list_repo_files(repo)) == [".gitattributes", "copy/weights.bin", "new.txt", "weights.bin"]
    assert sha256(hf_hub_download(repo, "copy/weights.bin", cache_dir=tmp_path)) == sha256(large)
    history = api.list_repo_commits(repo)
    assert [entry.title for entry in history][:2] == ["second", "first"]
    assert history[0].commit_id == commit.oid
    assert history[0].message == "with a body"


def test_a_stale_parent_is_refused_and_nothing_is_written(api, repo):
    head = api.repo_info(repo).sha
    api.create_commit(repo, [add("a.txt", b"a")], commit_message="a", parent_commit=head)
    with pytest.raises(HfHubHTTPError) as refused:
        api.create_commit(repo, [add("b.txt", b"b")], commit_message="b", parent_commit=head)
    assert refused.value.response.status_code == 412
    assert not api.file_exists(repo, "b.txt")


def test_an_unchanged_file_makes_no_commit(api, repo):
    content = random_bytes(1_500_000, repo)
    for _ in range(2):
        api.create_commit(repo, [add("same.bin", content), add("same.txt", b"same")], commit_message="same")
    assert len(api.list_repo_commits(repo)) == 2, "the first commit of the repo and one of ours"


def test_branches_tags_and_old_revisions(api, repo, tmp_path):
    first = api.create_commit(repo, [add("v.txt", b"1")], commit_message="one").oid
    api.create_tag(repo, tag="v1", tag_message="the first")
    api.create_branch(repo, branch="dev")
    api.create_commit(repo, [add("v.txt", b"2")], commit_message="two", revision="dev")
    api.create_commit(repo, [add("v.txt", b"3")], commit_message="three")

    def at(revision):
        return open(hf_hub_download(repo, "v.txt", revision=revision, cache_dir=tmp_path), "rb").read()

    assert [at("main"), at("dev"), at("v1"), at(first), at(first[:7])] == [b"3", b"2", b"1", b"1", b"1"]
    refs = api.list_repo_refs(repo)
    assert [(tag.name, tag.target_commit) for tag in refs.tags] == [("v1", first)]
    api.delete_branch(repo, branch="dev")
    api.delete_tag(repo, tag="v1")
    with pytest.raises(RevisionNotFoundError):
        api.repo_info(repo, revision="dev")


def test_tree_pages_and_paths(api, repo):
    operations = [add(f"data/{number:04}.txt", f"{number}\n".encode()) for number in range(1200)]
    api.create_commit(repo, operations, commit_message="more than one page")
    entries = list(api.list_repo_tree(repo, recursive=True))
    files = [entry.path for entry in entries if not hasattr(entry, "tree_id")]
    assert len(files) == 1201
    assert files == sorted(files)
    found = api.get_paths_info(repo, ["data/0007.txt", "data", "missing"], expand=True)
    assert {entry.path for entry in found} == {"data/0007.txt", "data"}
    assert all(entry.last_commit.title == "more than one page" for entry in found)


def test_errors_have_their_types(api, repo):
    with pytest.raises(RepositoryNotFoundError):
        api.repo_info(f"{USER}/not-there")
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(repo, "README.md", revision="not-there")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(repo, "not-there.txt")


def test_private_repos_hide(api, repo_id):
    api.create_repo(repo_id, private=True)
    try:
        stranger = HfApi(endpoint=ENDPOINT, token=False)
        with pytest.raises(RepositoryNotFoundError):
            stranger.repo_info(repo_id)
        assert repo_id not in {model.id for model in stranger.list_models(author=USER)}
        assert repo_id in {model.id for model in api.list_models(author=USER)}
    finally:
        api.delete_repo(repo_id)


def test_a_read_token_cannot_write(api, repo):
    reader = HfApi(endpoint=ENDPOINT, token=os.environ["LYCEUM_READ_TOKEN"])
    assert reader.repo_info(repo).sha
    with pytest.raises(HfHubHTTPError) as refused:
        reader.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo)
    assert refused.value.response.status_code == 403


def test_snapshot_of_a_folder_tree(api, repo, tmp_path):
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "empty.txt").write_bytes(b"")
    (source / "übermaß 1.txt").write_text("named in German\n")
    (source / "deep" / "er" / "weights.bin").write_bytes(random_bytes(5_000_000, repo))
    (source / "deep" / "text.txt").write_text("deep\n")
    api.upload_folder(repo_id=repo, folder_path=source)
    found = hashes(snapshot_download(repo, local_dir=tmp_path / "down"))
    found.pop(".gitattributes")
    assert found == hashes(source)


def test_file_objects_go_up(api, repo, tmp_path):
    content = random_bytes(3_000_000, repo)
    api.upload_file(path_or_fileobj=io.BytesIO(content), path_in_repo="stream.bin", repo_id=repo)
    assert sha256(hf_hub_download(repo, "stream.bin", cache_dir=tmp_path)) == sha256(content)


def test_file_system_reads_ranges(api, repo):
    content = random_bytes(9_000_000, repo)
    api.upload_file(path_or_fileobj=content, path_in_repo="data/weights.bin", repo_id=repo)
    files = HfFileSystem(endpoint=ENDPOINT, token=api.token)
    assert files.ls(f"{repo}/data", detail=False) == [f"{repo}/data/weights.bin"]
    with files.open(f"{repo}/data/weights.bin", "rb", block_size=1 << 16) as opened:
        opened.seek(5_000_001)
        assert opened.read(100_000) == content[5_000_001:5_100_001]
        opened.seek(-10, 2)
        assert opened.read() == content[-10:]


def test_super_squash_keeps_the_files(api, repo):
    for number in range(3):
        api.create_commit(repo, [add(f"{number}.txt", b"x")], commit_message=f"commit {number}")
    api.super_squash_history(repo)
    assert len(api.list_repo_commits(repo)) == 1
    assert {"0.txt", "1.txt", "2.txt"} <= set(api.list_repo_files(repo))


def test_a_pull_request_branch_takes_a_commit(api, repo):
    commit = api.create_commit(repo, [add("pr.txt", b"x")], commit_message="proposal", create_pr=True)
    assert commit.pr_revision == "refs/pr/1"
    assert api.file_exists(repo, "pr.txt", revision="refs/pr/1")
    assert not api.file_exists(repo, "pr.txt")
