"""datasets: tables go to the hub and come back, whole and as a stream."""

import pytest
from datasets import Dataset, DatasetDict, load_dataset


@pytest.fixture
def dataset_id(api, repo_id):
    yield repo_id
    api.delete_repo(repo_id, repo_type="dataset", missing_ok=True)


def rows(count):
    return Dataset.from_dict({"id": list(range(count)), "text": [f"row {number}" for number in range(count)]})


def test_push_and_load(dataset_id, tmp_path, api):
    DatasetDict(train=rows(1000), test=rows(10)).push_to_hub(dataset_id)
    loaded = load_dataset(dataset_id, cache_dir=tmp_path)
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": 1000, "test": 10}
    assert loaded["train"][999] == {"id": 999, "text": "row 999"}
    assert api.dataset_info(dataset_id).card_data["dataset_info"]["splits"]


def test_stream(dataset_id):
    rows(5000).push_to_hub(dataset_id)
    stream = load_dataset(dataset_id, split="train", streaming=True)
    assert [row["id"] for row in stream.skip(4000).take(3)] == [4000, 4001, 4002]
    assert sum(1 for _ in stream) == 5000


def test_second_configuration_joins_the_first(dataset_id, tmp_path):
    rows(10).push_to_hub(dataset_id, "small")
    rows(20).push_to_hub(dataset_id, "large")
    assert load_dataset(dataset_id, "small", split="train", cache_dir=tmp_path).num_rows == 10
    assert load_dataset(dataset_id, "large", split="train", cache_dir=tmp_path).num_rows == 20


def test_json_lines_beside_a_card(dataset_id, api, tmp_path):
    api.create_repo(dataset_id, repo_type="dataset")
    lines = "".join(f'{{"n": {number}}}\n' for number in range(100)).encode()
    card = b"---\nlicense: mit\nconfigs:\n- config_name: default\n  data_files: data.jsonl\n---\n# Numbers\n"
    for name, content in [("data.jsonl", lines), ("README.md", card)]:
        api.upload_file(path_or_fileobj=content, path_in_repo=name, repo_id=dataset_id, repo_type="dataset")
    loaded = load_dataset(dataset_id, split="train", cache_dir=tmp_path)
    assert loaded["n"][:3] == [0, 1, 2]
    assert loaded.num_rows == 100
