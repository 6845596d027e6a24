"""What all client tests share: the hub's address and identities, repos, the `hf` command, proxies.

The address, the token and the switches of the client come in environment variables, because clients read them at import.
"""

import hashlib
import os
import random
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from proxy import Proxy

ENDPOINT = os.environ["HF_ENDPOINT"]
TOKEN = os.environ["HF_TOKEN"]
USER = os.environ["LYCEUM_USER"]
XET = os.environ.get("HF_HUB_DISABLE_XET") != "1"


def random_bytes(size, seed):
    """Returns bytes that no compression shrinks, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def sha256(data):
    if isinstance(data, (str, Path)):
        data = Path(data).read_bytes()
    return hashlib.sha256(data).hexdigest()


def hashes(folder):
    """Returns the hash of each file below a folder, by its relative path."""
    folder = Path(folder)
    files = (path for path in folder.rglob("*") if path.is_file())
    found = {path.relative_to(folder).as_posix(): sha256(path) for path in files}
    return {path: digest for path, digest in found.items() if not path.startswith(".cache/")}


@pytest.fixture
def api():
    from huggingface_hub import HfApi

    return HfApi(endpoint=ENDPOINT, token=TOKEN)


@pytest.fixture
def repo_id():
    return f"{USER}/test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def repo(api, repo_id):
    """A new model repo, deleted after the test."""
    api.create_repo(repo_id)
    yield repo_id
    api.delete_repo(repo_id, missing_ok=True)


@pytest.fixture
def proxy():
    """Makes proxies in front of the hub: `proxy()` counts, `proxy(cut_after_bytes=…, cuts=…)` breaks."""
    address = urlsplit(ENDPOINT)
    opened = []

    def make(**options):
        made = Proxy(address.hostname, address.port, **options)
        opened.append(made.__enter__())
        return made

    yield make
    for each in opened:
        each.__exit__()


@pytest.fixture
def run_hf(tmp_path):
    """Runs the real `hf` command with its own home folder and returns its output."""
    program = Path(sys.executable).with_name("hf")

    def run(*arguments, home=None, endpoint=ENDPOINT, token=TOKEN, check=True):
        environment = dict(os.environ, HF_ENDPOINT=endpoint, HF_HOME=str(home or tmp_path / "home"))
        environment.pop("HF_TOKEN", None)
        if token:
            environment["HF_TOKEN"] = token
        command = [program, *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        if check:
            assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def major():
    """The major version of the installed client."""
    import huggingface_hub

    return int(huggingface_hub.__version__.split(".")[0])
