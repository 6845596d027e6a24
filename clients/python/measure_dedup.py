"""Prints, as JSON, what an edit and a second upload of a 20 MB file send. Started by `cargo xtask bench`."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from proxy import Proxy

SIZE = 20_000_000
folder = Path(sys.argv[1])
user = os.environ["LYCEUM_USER"]
address = urlsplit(os.environ["HF_ENDPOINT"])
path = folder / "model.bin"
content = bytearray(random.Random(2).randbytes(SIZE))


def upload(proxy, repo, home):
    before = proxy.sent_bytes, proxy.body_bytes("POST", "/xorbs/")
    path.write_bytes(content)
    environment = dict(os.environ, HF_ENDPOINT=proxy.endpoint, HF_HOME=str(folder / home))
    command = [Path(sys.executable).with_name("hf"), "upload", f"{user}/{repo}", path, "model.bin"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return proxy.sent_bytes - before[0], proxy.body_bytes("POST", "/xorbs/") - before[1]


with Proxy(address.hostname, address.port) as proxy:
    _, first = upload(proxy, "edited", "one")
    _, identical = upload(proxy, "identical", "two")
    content[SIZE // 2 : SIZE // 2 + 4] = b"edit"
    edited_all, edited = upload(proxy, "edited", "one")
print(json.dumps({"size": SIZE, "first": first, "identical": identical, "edited": edited, "edited_all": edited_all}))
