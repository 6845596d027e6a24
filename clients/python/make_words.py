"""Makes a folder with a tokenizer and 20 MB of weights that no compression shrinks."""

import random
import sys
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, PreTrainedTokenizerFast

folder = Path(sys.argv[1])
model = Tokenizer(models.WordLevel({"[UNK]": 0, "hello": 1, "hub": 2}, unk_token="[UNK]"))
model.pre_tokenizer = pre_tokenizers.Whitespace()
PreTrainedTokenizerFast(tokenizer_object=model, unk_token="[UNK]").save_pretrained(folder)
BertConfig(hidden_size=12, num_attention_heads=3, num_hidden_layers=1).save_pretrained(folder)
(folder / "weights.bin").write_bytes(random.Random(7).randbytes(20_000_000))
