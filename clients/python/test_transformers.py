"""transformers: a tokenizer and a configuration go to the hub and come back."""

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoTokenizer, BertConfig, PreTrainedTokenizerFast


def test_tokenizer(repo, tmp_path):
    words = {"[UNK]": 0, "[PAD]": 1, "hello": 2, "hub": 3}
    model = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    model.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=model, unk_token="[UNK]", pad_token="[PAD]")
    tokenizer.push_to_hub(repo)
    loaded = AutoTokenizer.from_pretrained(repo, cache_dir=tmp_path)
    assert loaded("hello unknown hub")["input_ids"] == [2, 0, 3]
    assert loaded.pad_token == "[PAD]"


def test_config(repo, tmp_path, api):
    BertConfig(hidden_size=12, num_attention_heads=3, num_hidden_layers=1).push_to_hub(repo)
    loaded = AutoConfig.from_pretrained(repo, cache_dir=tmp_path)
    assert (type(loaded), loaded.hidden_size) == (BertConfig, 12)
    assert api.model_info(repo).config["model_type"] == "bert"
