"""curl against resolve: ranges and conditional requests, for a large and a regular file."""

import hashlib
import subprocess

import pytest
from conftest import ENDPOINT, TOKEN, USER, random_bytes

SIZE = 5_000_000


@pytest.fixture(scope="module")
def files():
    from huggingface_hub import HfApi

    api = HfApi(endpoint=ENDPOINT, token=TOKEN)
    repo = f"{USER}/curl-ranges"
    large, small = random_bytes(SIZE, "curl"), b"0123456789" * 100
    api.create_repo(repo, exist_ok=True)
    for name, content in [("large.bin", large), ("small.txt", small)]:
        api.upload_file(path_or_fileobj=content, path_in_repo=name, repo_id=repo)
    yield {name: (f"{ENDPOINT}/{repo}/resolve/main/{name}", data) for name, data in [("large.bin", large), ("small.txt", small)]}
    api.delete_repo(repo)


def curl(url, *arguments, tmp):
    """Returns the status, the headers and the body of the last answer."""
    head, body = tmp / "head", tmp / "body"
    body.write_bytes(b"")
    command = ["curl", "--silent", "--show-error", "--location", "--dump-header", head, "--output", body, *arguments, url]
    subprocess.run(command, check=True, timeout=60)
    last = head.read_text().strip().split("\n\n")[-1].splitlines()
    headers = dict(line.lower().split(": ", 1) for line in last[1:] if ": " in line)
    return int(last[0].split()[1]), headers, body.read_bytes()


@pytest.fixture(params=["large.bin", "small.txt"])
def file(files, request, tmp_path):
    url, content = files[request.param]

    def get(*arguments):
        return curl(url, *arguments, tmp=tmp_path)

    return get, content


def test_whole(file):
    get, content = file
    status, headers, body = get()
    assert (status, body) == (200, content)
    assert headers["accept-ranges"] == "bytes"
    assert int(headers["content-length"]) == len(content)
    assert len(headers["x-repo-commit"]) == 40


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [("0-0", 0, 1), ("10-99", 10, 100), ("-7", -7, None), ("990-", 990, None), ("0-999999999", 0, None)],
)
def test_single_ranges(file, asked, first, end):
    get, content = file
    status, headers, body = get("--range", asked)
    expected = content[first:end]
    start = first % len(content)
    assert status == 206
    assert hashlib.sha256(body).digest() == hashlib.sha256(expected).digest()
    assert headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(content)}"
    assert int(headers["content-length"]) == len(expected)


def test_several_ranges(file):
    get, content = file
    status, headers, body = get("--range", "0-9,500-519")
    # A server may answer several ranges with parts, or with the whole file.
    if status == 200:
        assert body == content
        return
    assert status == 206
    kind, _, boundary = headers["content-type"].partition("boundary=")
    assert kind.startswith("multipart/byteranges")
    parts = body.split(b"--" + boundary.strip('"').encode())[1:-1]
    assert [part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in parts] == [content[0:10], content[500:520]]


@pytest.mark.parametrize("asked", ["999999999-", "-0"])
def test_ranges_outside_the_file(file, asked):
    get, content = file
    status, headers, _ = get("--range", asked)
    assert status == 416
    assert headers["content-range"] == f"bytes */{len(content)}"


@pytest.mark.parametrize("asked", ["bytes=abc", "bytes=9-3", "lines=1-2"])
def test_what_is_no_range_is_ignored_or_refused(file, asked):
    get, content = file
    status, _, body = get("--header", f"range: {asked}")
    assert status in (200, 400, 416)
    assert status != 200 or body == content


def test_conditional_requests(file):
    get, content = file
    _, headers, _ = get()
    etag = headers["etag"]
    assert get("--header", f"if-none-match: {etag}")[0] == 304
    assert get("--header", 'if-none-match: "other"')[0] == 200
    status, _, body = get("--header", f"if-range: {etag}", "--range", "5-9")
    assert (status, body) == (206, content[5:10])
    status, _, body = get("--header", 'if-range: "other"', "--range", "5-9")
    assert (status, body) == (200, content)


def test_head_and_get_say_the_same(file):
    get, content = file
    _, from_get, _ = get()
    status, from_head, body = get("--head")
    assert (status, body) == (200, b"") or status == 200
    for name in ("etag", "content-length", "x-repo-commit", "accept-ranges", "content-type"):
        assert from_head[name] == from_get[name], name


def test_user_content_is_sandboxed(file):
    get, _ = file
    _, headers, _ = get()
    assert "sandbox" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
