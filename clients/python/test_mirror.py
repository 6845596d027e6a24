"""Mirrors: a hub follows another one, and clients do not notice."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from conftest import ENDPOINT, TOKEN, USER, random_bytes, sha256

HERE = Path(__file__).parent
PROGRAM = Path(os.environ["LYCEUM_BINARY"])
SIZE = 20_000_000


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Follower:
    """A second hub, which may mirror what the user of the first one has."""

    def __init__(self, folder, upstream, pull_through, token):
        self.data, self.config, self.port = folder / "data", folder / "hub.toml", free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        show_token = 'token_env = "UPSTREAM_TOKEN"\n' if token else ""
        self.config.write_text(
            f'[[upstream]]\nname = "first"\nurl = "{upstream}"\n{show_token}'
            f'allow = ["{USER}/*", "datasets/{USER}/*"]\npull_through = "{pull_through}"\n'
            "allow_private_addresses = true\n"
        )
        self.environment = dict(os.environ, UPSTREAM_TOKEN=token or "")
        self.log = (folder / "log").open("w")
        self.start()

    def start(self):
        command = [PROGRAM, "serve", *self.common(), "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=self.log)
        subprocess.run([sys.executable, HERE / "wait_for.py", f"{self.endpoint}/readyz"], check=True)

    def common(self):
        return ["--data", self.data, "--config", self.config]

    def lyceum(self, *arguments):
        command = [PROGRAM, *arguments, "--json", *self.common()]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


@pytest.fixture
def follow(tmp_path):
    """Starts hubs that follow another."""
    started = []

    def start(upstream=ENDPOINT, pull_through="everyone", token=TOKEN):
        folder = tmp_path / f"hub-{len(started)}"
        folder.mkdir()
        started.append(Follower(folder, upstream, pull_through, token))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def test_the_demo(tmp_path):
    """What the README shows."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(PROGRAM.parent), os.environ["PATH"]])
    environment = dict(os.environ, PATH=path)
    for name in ["HF_ENDPOINT", "HF_TOKEN", "HF_HOME"]:
        environment.pop(name)
    command = ["sh", HERE / "mirror.sh", str(free_port()), str(free_port())]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[1, 2]" in done.stdout
    (received, reused) = re.search(r"1 large files: (\d+) bytes received, (\d+) bytes", done.stdout).groups()
    assert int(received) < SIZE // 100 and int(reused) > SIZE * 98 // 100


def test_repos_are_mirrored_by_asking(api, repo, follow, proxy, run_hf, tmp_path):
    content = random_bytes(3_000_000, repo)
    api.upload_file(path_or_fileobj=content, path_in_repo="model.bin", repo_id=repo)
    api.upload_file(path_or_fileobj=b"---\nlicense: mit\n---\n", path_in_repo="README.md", repo_id=repo)
    api.create_tag(repo, tag="v1")
    upstream = proxy()
    second = follow(upstream.endpoint)
    third = follow(second.endpoint, token=None)
    from huggingface_hub import HfApi

    there = HfApi(endpoint=third.endpoint, token=False)
    assert there.model_info(repo).sha == api.model_info(repo).sha
    assert [ref.name for ref in there.list_repo_refs(repo).tags] == ["v1"]
    assert there.model_info(repo).card_data.license == "mit"
    # Through three hubs, first by an ordinary request, then from the store.
    for number in range(2):
        target = tmp_path / f"down-{number}"
        home = tmp_path / f"home-{number}"
        run_hf("download", repo, "--local-dir", target, home=home, endpoint=third.endpoint, token=None)
        assert sha256(target / "model.bin") == sha256(content)
    entry = there.get_paths_info(repo, "model.bin")[0]
    assert entry.xet_hash == api.get_paths_info(repo, "model.bin")[0].xet_hash
    assert [mirror["id"] for mirror in third.lyceum("mirror", "list")] == [repo]
    with urllib.request.urlopen(f"{third.endpoint}/metrics") as metrics:
        assert "lyceum_mirror_received_bytes_total 3000" in metrics.read().decode()


def test_nothing_is_written_to_a_mirror(api, repo, follow):
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    second = follow()
    second.lyceum("user", "create", "eve", "--admin")
    token = second.lyceum("token", "create", "eve")["token"]
    there = HfApi(endpoint=second.endpoint, token=token)
    assert there.model_info(repo).sha == api.model_info(repo).sha
    with pytest.raises(HfHubHTTPError, match="mirror of another hub"):
        there.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo)
    with pytest.raises(HfHubHTTPError, match="mirror of another hub"):
        there.create_discussion(repo, title="Hello")


def test_branches_follow(api, repo, follow):
    second = follow()
    from huggingface_hub import HfApi

    there = HfApi(endpoint=second.endpoint, token=False)

    def heads(hub):
        refs = hub.list_repo_refs(repo)
        return {ref.ref: ref.target_commit for ref in refs.branches + refs.tags}

    api.upload_file(path_or_fileobj=b"one", path_in_repo="a.txt", repo_id=repo)
    api.create_branch(repo, branch="side")
    api.create_tag(repo, tag="v1", tag_message="the first")
    assert heads(there) == heads(api)
    api.upload_file(path_or_fileobj=b"two", path_in_repo="a.txt", repo_id=repo)
    api.super_squash_history(repo)
    api.delete_branch(repo, branch="side")
    api.delete_tag(repo, tag="v1")
    api.create_branch(repo, branch="side/deep")
    before = heads(there)
    assert second.lyceum("mirror", "sync", repo)["changed"] == 4
    assert heads(there) == heads(api) != before
    assert second.lyceum("mirror", "sync", repo)["changed"] == 0


def test_an_upstream_that_dies_and_comes_back(api, repo, follow, tmp_path):
    content = random_bytes(30_000_000, repo)
    api.upload_file(path_or_fileobj=content, path_in_repo="model.bin", repo_id=repo)
    second = follow()
    third = follow(second.endpoint, token=None)
    second.lyceum("mirror", "add", f"first://{repo}")
    third.lyceum("mirror", "add", f"first://{repo}")
    address = f"{third.endpoint}/{repo}/resolve/main/model.bin"
    with urllib.request.urlopen(address) as answer:
        assert answer.read(1000) == content[:1000]
        second.kill()
        try:
            rest = answer.read()
        except (OSError, http.client.HTTPException):
            rest = None
        # All of it, if it had passed through before; never something else.
        assert rest is None or rest in (content[1000:], content[1000 : 1000 + len(rest)])
    second.start()
    target = tmp_path / "down"
    from huggingface_hub import hf_hub_download

    path = hf_hub_download(repo, "model.bin", endpoint=third.endpoint, token=False, local_dir=target)
    assert sha256(path) == sha256(content)
    for hub in [second, third]:
        assert hub.lyceum("fsck", "--deep")["findings"] == []


def test_gates_ask_here_too(api, repo, follow, tmp_path):
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError

    api.upload_file(path_or_fileobj=b"secret", path_in_repo="a.txt", repo_id=repo)
    api.update_repo_settings(repo, gated="auto")
    second = follow()
    second.lyceum("user", "create", "eve")
    token = second.lyceum("token", "create", "eve")["token"]
    there = HfApi(endpoint=second.endpoint, token=token)
    # The mirror may read it there; that lets nobody in here.
    assert there.model_info(repo).gated == "auto"
    with pytest.raises(GatedRepoError):
        there.hf_hub_download(repo, "a.txt", local_dir=tmp_path / "before")
    headers = {"Authorization": f"Bearer {token}"}
    ask = urllib.request.Request(f"{second.endpoint}/{repo}/ask-access", data=b"", headers=headers)
    with urllib.request.urlopen(ask) as answer:
        assert answer.status == 200
    path = there.hf_hub_download(repo, "a.txt", local_dir=tmp_path / "after")
    assert Path(path).read_bytes() == b"secret"


def test_datasets_are_copied_whole(api, repo_id, follow, run_hf, tmp_path):
    api.create_repo(repo_id, repo_type="dataset")
    try:
        content = random_bytes(2_000_000, repo_id)
        api.upload_file(path_or_fileobj=content, path_in_repo="a b/data#1.bin", repo_id=repo_id, repo_type="dataset")
        second = follow(pull_through="off")
        made = second.lyceum("mirror", "add", f"first://datasets/{repo_id}", "--as", "archive/data", "--full")
        assert made["receivedBytes"] >= len(content) and made["error"] is None
    finally:
        api.delete_repo(repo_id, repo_type="dataset")
    arguments = ["download", "archive/data", "--repo-type", "dataset", "--local-dir", tmp_path / "down"]
    run_hf(*arguments, endpoint=second.endpoint, token=None)
    assert sha256(tmp_path / "down/a b/data#1.bin") == sha256(content)
