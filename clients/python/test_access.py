"""Gated repos and tokens with limits, as the real client meets them."""

import os
import uuid

import pytest
from conftest import ENDPOINT, random_bytes
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.utils import (
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    build_hf_headers,
    get_session,
    hf_raise_for_status,
)

OTHER_TOKEN = os.environ["LYCEUM_OTHER_TOKEN"]
SCOPED_TOKEN = os.environ["LYCEUM_SCOPED_TOKEN"]
ORGANISATION = os.environ["LYCEUM_ORGANISATION"]


@pytest.fixture
def other():
    """A user who has nothing to do with the repos of the tests."""
    return HfApi(endpoint=ENDPOINT, token=OTHER_TOKEN)


@pytest.fixture
def gated(api, repo):
    card = b"---\nextra_gated_fields:\n  Company: text\n  I agree: checkbox\n---\n"
    api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=repo)
    api.upload_file(path_or_fileobj=random_bytes(3_000_000, repo), path_in_repo="weights.bin", repo_id=repo)
    settings = f"{ENDPOINT}/api/models/{repo}/settings"
    hf_raise_for_status(get_session().put(settings, json={"gated": "manual"}, headers=build_hf_headers(token=api.token)))
    return repo


def ask(repo, token, **fields):
    """Asks for access as the form of the site does."""
    return get_session().post(f"{ENDPOINT}/{repo}/ask-access", json=fields, headers=build_hf_headers(token=token))


def test_a_gate_opens_and_closes(api, other, gated, tmp_path):
    me = other.whoami()["name"]

    def download(name, folder):
        return hf_hub_download(gated, name, token=OTHER_TOKEN, cache_dir=tmp_path / folder)

    for name in ("README.md", "weights.bin"):
        with pytest.raises(GatedRepoError, match="not in the authorized list"):
            download(name, "refused")
    with pytest.raises(GatedRepoError):
        snapshot_download(gated, token=OTHER_TOKEN, cache_dir=tmp_path / "refused")
    with pytest.raises(GatedRepoError):
        other.auth_check(gated)
    assert other.model_info(gated).gated == "manual"

    assert ask(gated, OTHER_TOKEN, Company="Acme").status_code == 400
    asked = ask(gated, OTHER_TOKEN, **{"Company": "Acme", "I agree": True})
    assert asked.json() == {"status": "pending"}
    [request] = api.list_pending_access_requests(gated)
    assert (request.username, request.fields) == (me, {"Company": "Acme", "I agree": True})
    with pytest.raises(GatedRepoError):
        download("weights.bin", "pending")

    api.accept_access_request(gated, me)
    other.auth_check(gated)
    assert os.path.getsize(download("weights.bin", "accepted")) == 3_000_000

    api.cancel_access_request(gated, me)
    with pytest.raises(GatedRepoError):
        download("weights.bin", "cancelled")
    api.reject_access_request(gated, me, rejection_reason="not now")
    with pytest.raises(GatedRepoError, match="not now"):
        download("weights.bin", "rejected")


def test_only_writers_answer(other, gated):
    with pytest.raises(HfHubHTTPError) as refused:
        other.grant_access(gated, other.whoami()["name"])
    assert refused.value.response.status_code == 403


def test_a_fine_grained_token_stays_in_its_scope(api, repo, tmp_path):
    scoped = HfApi(endpoint=ENDPOINT, token=SCOPED_TOKEN)
    assert scoped.whoami()["auth"]["accessToken"]["role"] == "fineGrained"
    inside = f"{ORGANISATION}/scoped-{uuid.uuid4().hex[:12]}"
    scoped.create_repo(inside, private=True)
    try:
        data = random_bytes(1_000_000, inside)
        scoped.upload_file(path_or_fileobj=data, path_in_repo="weights.bin", repo_id=inside)
        path = hf_hub_download(inside, "weights.bin", token=SCOPED_TOKEN, cache_dir=tmp_path)
        assert open(path, "rb").read() == data
        with pytest.raises(HfHubHTTPError) as refused:
            scoped.delete_repo(inside)
        assert refused.value.response.status_code == 403, "content is not the whole repo"
    finally:
        api.delete_repo(inside)

    with pytest.raises(HfHubHTTPError) as refused:
        scoped.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo)
    assert refused.value.response.status_code == 403
    with pytest.raises(HfHubHTTPError) as refused:
        scoped.create_repo(repo + "-more")
    assert refused.value.response.status_code == 403
    hidden = get_session().put(
        f"{ENDPOINT}/api/models/{repo}/settings", json={"private": True}, headers=build_hf_headers(token=api.token)
    )
    hf_raise_for_status(hidden)
    with pytest.raises(RepositoryNotFoundError):
        scoped.model_info(repo)
