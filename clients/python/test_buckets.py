"""Buckets: `hf buckets`, `hf sync` and `hf cp`, and following a bucket that changes."""

import concurrent.futures
import json
import os
import urllib.request
import uuid

import pytest

from conftest import ENDPOINT, TOKEN, USER, hashes, random_bytes, sha256


@pytest.fixture
def bucket(run_hf, api):
    """A new bucket, deleted after the test."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    run_hf("buckets", "create", name)
    yield f"{USER}/{name}"
    api.delete_bucket(f"{USER}/{name}", missing_ok=True)


def paths(api, bucket, **options):
    return sorted(entry.path for entry in api.list_bucket_tree(bucket, **options))


def test_a_folder_is_synchronised_both_ways(run_hf, api, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    for number in range(250):
        path = source / f"part {number % 5}" / f"file-{number:03}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"file number {number}\n")
    (source / "weights.bin").write_bytes(random_bytes(12_000_000, bucket))
    (source / "empty").touch()
    run_hf("sync", source, f"hf://buckets/{bucket}/data")
    info = api.bucket_info(bucket)
    assert info.total_files == 252
    assert info.size == sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
    run_hf("sync", f"hf://buckets/{bucket}/data", target)
    assert hashes(target) == hashes(source)

    (source / "part 0" / "file-000.txt").write_text("changed, and longer than before\n")
    (source / "part 1" / "file-001.txt").unlink()
    (source / "new.txt").write_text("new\n")
    plan = run_hf("sync", source, f"hf://buckets/{bucket}/data", "--delete", "--dry-run").stdout
    actions = [json.loads(line).get("action") for line in plan.splitlines() if line.startswith("{")]
    assert (actions.count("upload"), actions.count("delete")) == (2, 1)
    run_hf("sync", source, f"hf://buckets/{bucket}/data", "--delete")
    run_hf("sync", f"hf://buckets/{bucket}/data", target, "--delete")
    assert hashes(target) == hashes(source)


def test_files_are_copied_from_and_to_everywhere(run_hf, api, bucket, repo, tmp_path):
    large = tmp_path / "model.safetensors"
    large.write_bytes(random_bytes(3_000_000, bucket))
    run_hf("upload", repo, large, "weights/model.safetensors")
    api.upload_file(path_or_fileobj=b"{}\n", path_in_repo="weights/config.json", repo_id=repo)

    run_hf("cp", f"hf://{repo}/weights/", f"hf://buckets/{bucket}/from-repo/")
    assert paths(api, bucket) == ["from-repo/config.json", "from-repo/model.safetensors"]
    run_hf("cp", large, f"hf://buckets/{bucket}/from-disk.safetensors")
    run_hf("cp", f"hf://buckets/{bucket}/from-repo", f"hf://buckets/{bucket}/again")
    down = tmp_path / "down.safetensors"
    run_hf("cp", f"hf://buckets/{bucket}/again/model.safetensors", down)
    assert sha256(down) == sha256(large)
    assert run_hf("cp", f"hf://buckets/{bucket}/again/config.json", "-").stdout == "{}\n"

    # The same bytes under four names, once in the repo: nothing of it is stored twice, everything is counted.
    assert api.bucket_info(bucket).size == 3 * 3_000_000 + 2 * 3
    run_hf("buckets", "rm", f"{bucket}/from-repo", "--recursive", "--yes")
    assert paths(api, bucket, recursive=False) == ["again", "from-disk.safetensors"]


def test_a_bucket_is_listed_hidden_moved_and_deleted(run_hf, api, bucket):
    assert bucket in run_hf("buckets", "list", "--quiet").stdout.split()
    run_hf("buckets", "settings", bucket, "--private")
    nobody = run_hf("buckets", "info", bucket, token=None, check=False)
    assert nobody.returncode != 0
    moved = f"{USER}/moved-{uuid.uuid4().hex[:12]}"
    run_hf("buckets", "move", bucket, moved)
    try:
        assert api.bucket_info(bucket).id == moved
        run_hf("buckets", "delete", moved, "--yes")
        assert run_hf("buckets", "info", moved, check=False).returncode != 0
    finally:
        api.delete_bucket(moved, missing_ok=True)


def test_a_follower_sees_each_batch(api, bucket):
    request = urllib.request.Request(f"{ENDPOINT}/api/buckets/{bucket}/events")
    request.add_header("authorization", f"Bearer {TOKEN}")
    with urllib.request.urlopen(request, timeout=60) as stream:

        def event():
            lines = iter(lambda: stream.readline().decode().rstrip("\n"), "")
            named = [line.split(": ", 1) for line in lines if not line.startswith(":")]
            fields = dict(named)
            return (fields["event"], json.loads(fields["data"])) if fields else event()

        assert event()[0] == "ready"
        api.batch_bucket_files(bucket, add=[(b"one", "a.txt"), (b"two", "b.txt")])
        name, told = event()
        assert name == "changes"
        assert [(change["op"], change["path"]) for change in told["changes"]] == [("add", "a.txt"), ("add", "b.txt")]
        api.batch_bucket_files(bucket, delete=["a.txt"])
        assert [change["op"] for change in event()[1]["changes"]] == ["delete"]


def test_writers_at_once_lose_nothing(api, bucket):
    def write(number):
        content = os.urandom(2000)
        api.batch_bucket_files(bucket, add=[(content, "shared.bin"), (content, f"own/{number:02}.bin")])
        return content

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        written = list(pool.map(write, range(32)))
    files = {entry.path: entry for entry in api.list_bucket_tree(bucket)}
    assert len(files) == 33
    assert files["shared.bin"].xet_hash in {files[f"own/{number:02}.bin"].xet_hash for number in range(32)}
    assert api.bucket_info(bucket).size == 33 * 2000
    assert len(written) == 32
