"""Mirrors: a hub follows another one, and clients do not notice."""

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

    def __init__(self, folder, upstream, pull_through):
        self.data, self.config, self.port = folder / "data", folder / "hub.toml", free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.config.write_text(
            f'[[upstream]]\nname = "first"\nurl = "{upstream}"\ntoken_env = "UPSTREAM_TOKEN"\n'
            f'allow = ["{USER}/*", "datasets/{USER}/*"]\npull_through = "{pull_through}"\n'
            "allow_private_addresses = true\n"
        )
        self.environment = dict(os.environ, UPSTREAM_TOKEN=TOKEN)
        command = [PROGRAM, "serve", *self.common(), "--listen", f"127.0.0.1:{self.port}"]
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=self.log)
        subprocess.run([sys.executable, HERE / "wait_for.py", f"{self.endpoint}/readyz"], check=True)

    def common(self):
        return ["--data", self.data, "--config", self.config]

    def lyceum(self, *arguments):
        command = [PROGRAM, *arguments, "--json", *self.common()]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


@pytest.fixture
def follow(tmp_path):
    """Starts hubs that follow another."""
    started = []

    def start(upstream=ENDPOINT, pull_through="everyone"):
        folder = tmp_path / f"hub-{len(started)}"
        folder.mkdir()
        started.append(Follower(folder, upstream, pull_through))
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
    third = follow(second.endpoint)
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
