"""What Xet promises: only new bytes travel."""

from conftest import USER, random_bytes, sha256

SIZE = 20_000_000


def upload(run_hf, through, repo, path, home):
    before = through.sent_bytes, through.body_bytes("POST", "/xorbs/")
    run_hf("upload", repo, path, "model.bin", home=home, endpoint=through.endpoint)
    return through.sent_bytes - before[0], through.body_bytes("POST", "/xorbs/") - before[1]


def test_an_edited_file_sends_under_one_percent(run_hf, api, repo, proxy, tmp_path):
    content = bytearray(random_bytes(SIZE, repo))
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    through = proxy()
    sent, xorbs = upload(run_hf, through, repo, path, tmp_path / "home")
    assert xorbs > SIZE * 0.99, "random bytes do not shrink"
    content[SIZE // 2 : SIZE // 2 + 4] = b"edit"
    path.write_bytes(content)
    sent, xorbs = upload(run_hf, through, repo, path, tmp_path / "home")
    print(f"edited: {sent} bytes sent, {xorbs} of them in xorbs")
    assert 0 < xorbs <= SIZE // 100
    # The few kilobytes beside the xorbs are the file's description and the calls themselves.
    assert sent <= SIZE // 100 + 50_000
    target = tmp_path / "down"
    run_hf("download", repo, "model.bin", "--local-dir", target)
    assert sha256(target / "model.bin") == sha256(bytes(content))


def test_an_identical_upload_from_a_fresh_client_sends_no_xorb(run_hf, api, repo, proxy, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(random_bytes(SIZE, repo))
    through = proxy()
    upload(run_hf, through, repo, path, tmp_path / "first")
    second = f"{repo}-second"
    try:
        _, xorbs = upload(run_hf, through, second, path, tmp_path / "second")
        assert xorbs == 0
        target = tmp_path / "down"
        run_hf("download", second, "model.bin", "--local-dir", target)
        assert sha256(target / "model.bin") == sha256(path)
    finally:
        api.delete_repo(second)


def test_the_same_file_by_lfs_and_xet_is_one_file(api, repo, monkeypatch):
    from huggingface_hub import constants

    content = random_bytes(4_000_000, f"{USER} both roads")
    api.upload_file(path_or_fileobj=content, path_in_repo="xet.bin", repo_id=repo)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    api.upload_file(path_or_fileobj=content, path_in_repo="lfs.bin", repo_id=repo)
    files = {entry.path: entry for entry in api.list_repo_tree(repo) if entry.path.endswith(".bin")}
    assert files["xet.bin"].xet_hash == files["lfs.bin"].xet_hash is not None
    assert files["xet.bin"].blob_id == files["lfs.bin"].blob_id
