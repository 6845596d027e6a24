"""The `hf` command: what a person types."""

from conftest import TOKEN, USER, hashes, random_bytes, sha256


def repos(major):
    """The name of the command group: singular before 1.0."""
    return "repos" if major >= 1 else "repo"


def test_whoami_names_the_user_and_the_organisation(run_hf):
    output = run_hf("auth", "whoami").stdout
    assert USER in output
    assert "lab" in output


def test_login_keeps_the_token(run_hf, tmp_path):
    home = tmp_path / "login"
    run_hf("auth", "login", "--token", TOKEN, token=None, home=home)
    assert USER in run_hf("auth", "whoami", token=None, home=home).stdout
    run_hf("auth", "logout", token=None, home=home)
    assert USER not in run_hf("auth", "whoami", token=None, home=home, check=False).stdout


def test_a_wrong_token_is_refused(run_hf):
    done = run_hf("auth", "whoami", token="hf_" + "x" * 34, check=False)
    assert done.returncode != 0


def test_small_and_large_file_go_up_and_come_down(run_hf, api, repo_id, tmp_path):
    small = tmp_path / "config.json"
    small.write_text('{"hidden_size": 8}\n')
    large = tmp_path / "model.safetensors"
    large.write_bytes(random_bytes(12_000_000, repo_id))
    for path in (small, large):
        # `hf upload` makes the repo the first time.
        run_hf("upload", repo_id, path)
    try:
        info = {file.rfilename: file for file in api.model_info(repo_id, files_metadata=True).siblings}
        assert info["config.json"].lfs is None
        assert info["model.safetensors"].lfs.sha256 == sha256(large)
        target = tmp_path / "down"
        run_hf("download", repo_id, "--local-dir", target)
        found = hashes(target)
        assert found["config.json"] == sha256(small)
        assert found["model.safetensors"] == sha256(large)
    finally:
        api.delete_repo(repo_id)


def test_folder_with_500_files(run_hf, repo, tmp_path):
    source = tmp_path / "many"
    for number in range(500):
        path = source / f"part-{number % 7}" / f"file-{number:03}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"file number {number}\n" * (number % 50 + 1))
    for number in range(5):
        (source / f"weights-{number}.bin").write_bytes(random_bytes(300_000, number))
    run_hf("upload", repo, source, ".")
    target = tmp_path / "down"
    run_hf("download", repo, "--local-dir", target)
    found = hashes(target)
    found.pop(".gitattributes")
    assert found == hashes(source)


def test_upload_with_patterns_message_and_branch(run_hf, api, repo, tmp_path):
    source = tmp_path / "mixed"
    source.mkdir()
    (source / "keep.txt").write_text("keep\n")
    (source / "drop.log").write_text("drop\n")
    message = "Add what matters"
    run_hf("upload", repo, source, ".", "--include", "*.txt", "--revision", "side", "--commit-message", message)
    assert "keep.txt" in api.list_repo_files(repo, revision="side")
    assert "drop.log" not in api.list_repo_files(repo, revision="side")
    assert "keep.txt" not in api.list_repo_files(repo)
    assert api.list_repo_commits(repo, revision="side")[0].title == message


def test_second_download_uses_the_cache(run_hf, api, repo, proxy, tmp_path):
    content = random_bytes(3_000_000, repo)
    api.upload_file(path_or_fileobj=content, path_in_repo="model.bin", repo_id=repo)
    through = proxy()
    first = run_hf("download", repo, "model.bin", endpoint=through.endpoint).stdout
    received = through.received_bytes
    assert received > len(content)
    second = run_hf("download", repo, "model.bin", endpoint=through.endpoint).stdout
    assert through.received_bytes - received < 20_000, "only metadata travels the second time"
    assert second == first


def test_repo_commands(run_hf, api, repo_id, major):
    group = repos(major)
    run_hf(group, "create", repo_id, "--repo-type", "dataset", "--private")
    try:
        assert api.repo_info(repo_id, repo_type="dataset").private
        again = run_hf(group, "create", repo_id, "--repo-type", "dataset", check=False)
        assert again.returncode != 0
        run_hf(group, "tag", "create", repo_id, "v1", "--repo-type", "dataset")
        assert "v1" in run_hf(group, "tag", "list", repo_id, "--repo-type", "dataset").stdout
        if major >= 1:
            run_hf(group, "branch", "create", repo_id, "dev", "--repo-type", "dataset")
            branches = api.list_repo_refs(repo_id, repo_type="dataset").branches
            assert {branch.name for branch in branches} == {"main", "dev"}
            moved = f"{repo_id}-moved"
            run_hf(group, "move", repo_id, moved, "--repo-type", "dataset")
            assert api.repo_info(repo_id, repo_type="dataset").id == moved, "the old name leads to the new one"
            run_hf(group, "delete", moved, "--repo-type", "dataset", "--yes")
            assert not api.repo_exists(moved, repo_type="dataset")
    finally:
        api.delete_repo(repo_id, repo_type="dataset", missing_ok=True)


def test_a_missing_repo_is_named(run_hf):
    done = run_hf("download", f"{USER}/not-there", check=False)
    assert done.returncode != 0
    assert f"{USER}/not-there" in done.stdout + done.stderr
