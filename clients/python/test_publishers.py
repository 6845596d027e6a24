"""Trusted publishers: the real client exchanges what an issuer says of it for a token, and uploads with that."""

import json
import os
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import jwt
import pytest
from conftest import ENDPOINT, TOKEN, random_bytes
from cryptography.hazmat.primitives.asymmetric import rsa
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.utils import HfHubHTTPError, _auth, build_hf_headers, get_session, hf_raise_for_status
from jwt.algorithms import RSAAlgorithm

# The hub trusts what listens there.
ISSUER = os.environ["LYCEUM_ISSUER"]
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        key = json.loads(RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "1", "use": "sig", "alg": "RS256"}
        documents = {
            "/.well-known/openid-configuration": {
                "issuer": ISSUER,
                "jwks_uri": f"{ISSUER}/keys",
                "authorization_endpoint": f"{ISSUER}/none",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "/keys": {"keys": [key]},
        }
        body = json.dumps(documents.get(self.path, {})).encode()
        self.send_response(200 if self.path in documents else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module", autouse=True)
def issuer():
    address = urlsplit(ISSUER)
    server = ThreadingHTTPServer((address.hostname, address.port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()


def id_token(repository, **claims):
    now = int(time.time())
    said = {"iss": ISSUER, "aud": ENDPOINT, "iat": now, "exp": now + 300}
    said |= {"sub": f"repo:{repository}:ref:refs/heads/main", "repository": repository, "ref": "refs/heads/main"}
    return jwt.encode(said | claims, KEY, algorithm="RS256", headers={"kid": "1"})


@pytest.fixture
def job(monkeypatch):
    """Makes this process a job of a CI service, which has no token of its own."""

    def become(resource, token):
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setenv("HF_OIDC_RESOURCE", resource)
        monkeypatch.setenv("HF_OIDC_ID_TOKEN", token)
        monkeypatch.setattr(_auth, "_OIDC_TOKEN_CACHE", None)
        return HfApi(endpoint=ENDPOINT)

    return become


def call(method, path, **body):
    headers = build_hf_headers(token=TOKEN)
    answer = get_session().request(method, f"{ENDPOINT}{path}", json=body or None, headers=headers)
    hf_raise_for_status(answer)
    return answer.json()


@pytest.fixture
def trusted(repo):
    claims = {"repository": "octo/model", "ref": "refs/heads/main"}
    return call("POST", f"/api/models/{repo}/publishers", issuer=ISSUER, claims=claims)


def test_a_job_uploads_without_a_secret(repo, trusted, job, run_hf, tmp_path):
    api = job(repo, id_token("octo/model"))
    me = api.whoami()
    assert me["auth"]["accessToken"]["role"] == "fineGrained"
    data = random_bytes(3_000_000, repo)
    api.upload_file(path_or_fileobj=data, path_in_repo="weights.bin", repo_id=repo)
    assert open(hf_hub_download(repo, "weights.bin", token=TOKEN, cache_dir=tmp_path), "rb").read() == data
    (tmp_path / "notes.txt").write_text("by a job")
    run_hf("upload", repo, tmp_path / "notes.txt", "notes.txt", token=None)
    assert api.file_exists(repo, "notes.txt")
    [listed] = call("GET", f"/api/models/{repo}/publishers")
    assert listed["id"] == trusted["id"] and listed["lastUsedAt"]


def test_a_job_stays_in_its_repo(api, repo, trusted, job):
    other = repo + "-other"
    api.create_repo(other)
    try:
        writer = job(repo, id_token("octo/model"))
        with pytest.raises(HfHubHTTPError) as refused:
            writer.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=other)
        assert refused.value.response.status_code == 403
        with pytest.raises(HfHubHTTPError) as refused:
            writer.delete_repo(repo)
        assert refused.value.response.status_code == 403
        call("DELETE", f"/api/models/{repo}/publishers/{trusted['id']}")
        with pytest.raises(HfHubHTTPError) as refused:
            writer.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo)
        assert refused.value.response.status_code == 401, "what it was given ended with the trust"
    finally:
        api.delete_repo(other)


def test_others_get_nothing(repo, trusted, job):
    fine = id_token("octo/model")
    for resource, token, words in [
        (repo, id_token("octo/fork"), "none that trusts this program"),
        (repo, id_token("octo/model", ref="refs/heads/topic"), "none that trusts this program"),
        (f"{repo}-{uuid.uuid4().hex}", fine, "none that trusts this program"),
        (f"datasets/{repo}", fine, "none that trusts this program"),
        (repo, id_token("octo/model", aud="https://huggingface.co"), "could not be verified"),
        (repo, id_token("octo/model", exp=int(time.time()) - 120), "could not be verified"),
        (repo, id_token("octo/model", iss="https://example.org"), "not trusted by this hub"),
    ]:
        with pytest.raises(HfHubHTTPError, match=words) as refused:
            job(resource, token).whoami()
        assert refused.value.response.status_code == 400, words


def test_an_organisation_trusts_for_all_of_its_repos(api, job):
    organisation = os.environ["LYCEUM_ORGANISATION"]
    place = f"/api/organizations/{organisation}/publishers"
    made = call("POST", place, issuer=ISSUER, claims={"sub": "repo:octo/*"})
    inside = f"{organisation}/published-{uuid.uuid4().hex[:12]}"
    try:
        job(organisation, id_token("octo/any")).create_repo(inside, private=True)
        writer = job(inside, id_token("octo/any"))
        writer.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=inside)
        api.delete_repo(inside)
    finally:
        call("DELETE", f"{place}/{made['id']}")
