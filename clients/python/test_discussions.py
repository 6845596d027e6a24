"""Discussions and pull requests between two people, one of whom may only read."""

import os
import struct
import urllib.error
import urllib.request
import zlib

import pytest
from conftest import ENDPOINT, USER, random_bytes, sha256
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download
from huggingface_hub.utils import HfHubHTTPError

OTHER = "bob"


@pytest.fixture
def other():
    """Somebody who has no rights on the user's repos beyond those of everybody."""
    return HfApi(endpoint=ENDPOINT, token=os.environ["LYCEUM_OTHER_TOKEN"])


def add(path, content):
    return CommitOperationAdd(path_in_repo=path, path_or_fileobj=content)


def refused(status, call, *arguments, **options):
    with pytest.raises(HfHubHTTPError) as error:
        call(*arguments, **options)
    assert error.value.response.status_code == status, str(error.value)
    return str(error.value)


def test_a_conversation(api, other, repo):
    made = other.create_discussion(repo, title="A question", description="How does it *work*?")
    assert (made.num, made.status, made.author, made.is_pull_request) == (1, "open", OTHER, False)
    said = api.comment_discussion(repo, 1, "Like this")
    edited = api.edit_discussion_comment(repo, 1, said.id, "Like **that**")
    assert (edited.id, edited.edited, edited.content) == (said.id, True, "Like **that**")
    assert (edited.number_of_edits, edited.edit_history[0]["raw"]) == (1, "Like this")
    assert edited.last_edited_by == USER and "<p>" in edited.rendered
    refused(403, other.edit_discussion_comment, repo, 1, said.id, "Nonsense")
    spam = other.comment_discussion(repo, 1, "Buy <script>alert(1)</script>")
    with pytest.warns(UserWarning):
        hidden = api.hide_discussion_comment(repo, 1, spam.id)
    assert hidden.hidden and "Buy" not in str(hidden)
    renamed = other.rename_discussion(repo, 1, "An answered question")
    assert (renamed.old_title, renamed.new_title) == ("A question", "An answered question")
    closed = api.change_discussion_status(repo, 1, "closed", comment="Enough")
    assert closed.new_status == "closed"
    details = api.get_discussion_details(repo, 1)
    assert [event.type for event in details.events] == [
        "comment",
        "comment",
        "comment",
        "title-change",
        "comment",
        "status-change",
    ]
    assert "Buy" not in str(details)
    api.change_discussion_status(repo, 1, "open")
    assert [found.title for found in api.get_repo_discussions(repo)] == ["An answered question"]


def test_a_pull_request_of_several_commits_is_merged(api, other, repo, tmp_path):
    api.create_commit(repo, [add("a.txt", b"one\n"), add("b.txt", b"b\n")], commit_message="start")
    pull = other.create_pull_request(repo, title="Improve it", description="Please")
    assert (pull.status, pull.git_reference) == ("draft", "refs/pr/1")
    large = random_bytes(1_500_000, repo)
    other.create_commit(repo, [add("a.txt", b"two\n")], commit_message="first", revision="refs/pr/1")
    other.create_commit(
        repo,
        [add("weights.bin", large), CommitOperationDelete("b.txt")],
        commit_message="second",
        revision="refs/pr/1",
    )
    refused(403, other.create_commit, repo, [add("x", b"x")], commit_message="no")
    api.create_commit(repo, [add("c.txt", b"meanwhile\n")], commit_message="meanwhile")
    details = api.get_discussion_details(repo, 1)
    assert details.target_branch == "refs/heads/main" and details.conflicting_files == []
    assert [event.summary for event in details.events if event.type == "commit"] == ["first", "second"]
    for part in ["-one\n+two\n", "deleted file mode 100644", "b/weights.bin", sha256(large)]:
        assert part in details.diff
    assert "meanwhile" not in details.diff
    refused(409, api.merge_pull_request, repo, 1)
    other.change_discussion_status(repo, 1, "open")
    refused(403, other.merge_pull_request, repo, 1)
    api.merge_pull_request(repo, 1, comment="Thank you")
    merged = api.get_discussion_details(repo, 1)
    assert merged.status == "merged" and merged.merge_commit_oid == api.repo_info(repo).sha
    assert sorted(api.list_repo_files(repo)) == [".gitattributes", "a.txt", "c.txt", "weights.bin"]
    assert sha256(hf_hub_download(repo, "weights.bin", cache_dir=tmp_path)) == sha256(large)
    commit = api.list_repo_commits(repo)[0]
    assert commit.title == "Improve it (#1)" and commit.authors == [USER, OTHER]
    refused(403, other.create_commit, repo, [add("x", b"x")], commit_message="late", revision="refs/pr/1")


def test_a_conflict_is_told_and_solved(api, other, repo):
    api.create_commit(repo, [add("a.txt", b"one\n")], commit_message="start")
    made = other.create_commit(repo, [add("a.txt", b"two\n"), add("n.txt", b"n")], commit_message="mine", create_pr=True)
    assert made.pr_num == 1 and made.pr_revision == "refs/pr/1"
    api.create_commit(repo, [add("a.txt", b"three\n")], commit_message="theirs")
    assert api.get_discussion_details(repo, 1).conflicting_files == ["a.txt"]
    assert "a.txt" in refused(409, api.merge_pull_request, repo, 1)
    other.create_commit(repo, [add("a.txt", b"three\n")], commit_message="solve", revision="refs/pr/1")
    # What is proposed counts even after the target's history was rewritten.
    api.super_squash_history(repo)
    api.merge_pull_request(repo, 1)
    assert sorted(api.list_repo_files(repo)) == [".gitattributes", "a.txt", "n.txt"]


def test_an_image_is_attached(api, repo, tmp_path):
    if not hasattr(api, "upload_attachment"):
        pytest.skip("this version of the client attaches nothing")

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(b"\0\0")
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
    image = tmp_path / "pixel.png"
    image.write_bytes(png)
    url = api.upload_attachment(image)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(url)
    api.create_discussion(repo, "Look", description=f"![a pixel]({url})")
    with urllib.request.urlopen(url) as answer:
        assert answer.headers["content-type"] == "image/png"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.read() == png
    image.write_bytes(b"<svg onload='alert(1)'/>")
    refused(400, api.upload_attachment, image)


def test_the_command_takes_part(run_hf, api, repo, major):
    if major < 2:
        pytest.skip("this version of the command has no discussions")
    assert "Created pull request #1" in run_hf("discussions", "create", repo, "--title", "Idea", "--pr").stdout
    api.create_commit(repo, [add("idea.txt", b"idea\n")], commit_message="idea", revision="refs/pr/1")
    assert "+idea" in run_hf("discussions", "diff", repo, "1").stdout
    run_hf("discussions", "comment", repo, "1", "--body", "Nice")
    run_hf("discussions", "reopen", repo, "1", "--yes")
    assert "Merged #1" in run_hf("discussions", "merge", repo, "1", "--yes").stdout
    assert "idea.txt" in api.list_repo_files(repo)
