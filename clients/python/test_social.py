"""Likes, collections and webhooks, as huggingface_hub speaks of them."""

import hashlib
import hmac
import json
import queue
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from conftest import ENDPOINT, TOKEN, USER
from huggingface_hub.utils import HfHubHTTPError, build_hf_headers, get_session

SECRET = "a-long-random-word"


@pytest.fixture
def receiver():
    """An address on this machine, and what was sent there."""
    received = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put((self.headers, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_likes_are_listed_until_taken_back(api, repo):
    answer = get_session().post(f"{ENDPOINT}/api/models/{repo}/like", headers=build_hf_headers(token=TOKEN))
    assert answer.status_code == 200
    assert repo in api.list_liked_repos(USER).models
    assert [user.username for user in api.list_repo_likers(repo)] == [USER]
    assert api.model_info(repo).likes == 1
    assert api.get_user_overview(USER).num_likes >= 1
    api.unlike(repo)
    assert repo not in api.list_liked_repos(USER).models


def test_a_collection_holds_repos_in_order(api, repo):
    title = f"Things {uuid.uuid4().hex[:12]}"
    made = api.create_collection(title, namespace=USER, description="All of them", private=True)
    try:
        assert api.create_collection(title, namespace=USER, exists_ok=True).slug == made.slug
        api.add_collection_item(made.slug, repo, "model", note="see this")
        api.add_collection_item(made.slug, "2401.00001", "paper")
        api.add_collection_item(made.slug, repo, "model", exists_ok=True)
        items = api.get_collection(made.slug).items
        assert [(item.item_id, item.note) for item in items] == [(repo, "see this"), ("2401.00001", None)]
        api.update_collection_item(made.slug, items[0].item_object_id, position=1)
        assert [item.item_id for item in api.get_collection(made.slug).items] == ["2401.00001", repo]
        found = api.list_collections(owner=USER, item=f"models/{repo}")
        assert [collection.slug for collection in found] == [made.slug]
        renamed = api.update_collection_metadata(made.slug, title=f"Other {title}", private=False, theme="pink")
        assert api.get_collection(made.slug).slug == renamed.slug
        made = renamed
    finally:
        api.delete_collection(made.slug)
    with pytest.raises(HfHubHTTPError):
        api.get_collection(made.slug)


def test_a_commit_reaches_a_webhook_signed(api, repo, receiver):
    url, received = receiver
    webhook = api.create_webhook(url=url, watched=[{"type": "model", "name": repo}], domains=["repo"], secret=SECRET)
    try:
        assert any(each.id == webhook.id for each in api.list_webhooks())
        commit = api.upload_file(path_or_fileobj=b"a", path_in_repo="a.txt", repo_id=repo)
        headers, body = received.get(timeout=60)
        event = json.loads(body)
        assert event["event"] == {"action": "update", "scope": "repo.content"}
        assert event["updatedRefs"][0]["newSha"] == commit.oid
        signed = headers["x-webhook-timestamp"].encode() + b"." + body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["x-webhook-signature"] == f"sha256={expected}"
        assert headers["x-webhook-secret"] == SECRET
        assert api.disable_webhook(webhook.id).disabled
        assert not api.enable_webhook(webhook.id).disabled
    finally:
        api.delete_webhook(webhook.id)


def test_a_webhook_to_the_metadata_service_is_refused(api):
    with pytest.raises(HfHubHTTPError, match="link-local"):
        api.create_webhook(url="http://169.254.169.254/latest/meta-data", watched=[{"type": "user", "name": USER}])
