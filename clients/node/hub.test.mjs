// @huggingface/hub against a real server: its address and tokens come in HF_ENDPOINT, HF_TOKEN and so on.
// One process runs all, so that the last test can tell which functions of the client were called.
import "./tests/transfers.mjs";
import "./tests/repos.mjs";
import "./tests/files.mjs";
import "./tests/lists.mjs";
import "./tests/buckets.mjs";
import "./tests/exports.mjs";
