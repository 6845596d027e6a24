// What the hub is filled with: enough that every page has something to show.
import { commit, createRepo, uploadFiles } from "@huggingface/hub";

const CARD = `---
license: apache-2.0
language: [en, de]
pipeline_tag: text-generation
library_name: transformers
base_model: lab/base
datasets: [lab/letters]
tags: [safetensors, small]
model-index:
- name: tiny
  results:
  - task: {type: text-generation}
    dataset: {name: Letters, type: lab/letters}
    metrics:
    - {type: perplexity, value: 12.5}
    source: {name: Lab, url: "https://lab.example/results"}
---

# Tiny

A small model for **letters** of the 19th century.

## Use

\`\`\`python
from transformers import pipeline

write = pipeline("text-generation", model="lab/tiny")
print(write("Dear Ada,"))
\`\`\`

| split | loss | tokens |
| --- | ---: | ---: |
| train | 2.41 | 1,200,000 |
| test | 2.53 | 80,000 |

> [!NOTE]
> It was trained on a laptop.

- [x] train
- [ ] write the paper

The loss is $-\\sum_i \\log p(x_i)$.

![A picture of the loss](loss.svg)
`;

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="120" viewBox="0 0 320 120">
<path d="M10 10C60 90 120 100 310 108" fill="none" stroke="#3b6" stroke-width="4"/></svg>`;

/** Returns a file in the safetensors format. */
function weights() {
  const tensors = {};
  let at = 0;
  for (const [name, shape] of [["embed.weight", [64, 32]], ["layer.0.bias", [32]], ["layer.0.weight", [32, 32]]]) {
    const bytes = 4 * shape.reduce((product, length) => product * length, 1);
    tensors[name] = { dtype: "F32", shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  const header = Buffer.from(JSON.stringify({ __metadata__: { format: "pt" }, ...tensors }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return new Blob([length, header, Buffer.alloc(at)]);
}

const text = (path, content) => ({ path, content: new Blob([content]) });

/** Fills a hub and returns the tokens of its users: \`ada\` administers, \`bob\` is of no organisation. */
export async function fill(hub) {
  const tokens = { ada: await hub.user("ada", "--full-name", "Ada Lovelace", "--admin"), bob: await hub.user("bob") };
  await hub.run(["org", "create", "lab", "--full-name", "The Lab"]);
  await hub.run(["org", "add", "lab", "ada", "--role", "admin"]);
  const ada = { hubUrl: hub.url, accessToken: tokens.ada };
  const bob = { hubUrl: hub.url, accessToken: tokens.bob };

  const base = { type: "model", name: "lab/base" };
  await createRepo({ ...ada, repo: base, files: [text("README.md", "---\nlicense: mit\n---\n# Base\n")] });
  const tiny = { type: "model", name: "lab/tiny" };
  await createRepo({ ...ada, repo: tiny });
  await uploadFiles({
    ...ada,
    repo: tiny,
    commitTitle: "Add the model",
    files: [
      text("README.md", CARD),
      text("config.json", JSON.stringify({ model_type: "llama", hidden_size: 32, architectures: ["LlamaForCausalLM"] }, null, 2)),
      text("src/train.py", "import torch\n\n\ndef step(model, batch):\n    # One step.\n    return model(batch).loss\n"),
      text("loss.svg", PICTURE),
      { path: "model.safetensors", content: weights() },
    ],
  });
  await commit({
    ...ada,
    repo: tiny,
    title: "Explain a step",
    operations: [{ operation: "addOrUpdate", ...text("src/train.py", "import torch\n\n\ndef step(model, batch):\n    # Forward and loss.\n    return model(batch).loss\n") }],
  });
  const letters = { type: "dataset", name: "lab/letters" };
  await createRepo({ ...ada, repo: letters });
  await uploadFiles({
    ...ada,
    repo: letters,
    commitTitle: "Add letters",
    files: [
      text("README.md", "---\nlicense: cc-by-4.0\nlanguage: en\n---\n# Letters\n\nLetters of the 19th century.\n"),
      text("train.csv", "id,from,text\n1,Ada,Dear Charles\n2,Charles,Dear Ada\n"),
      text("test.jsonl", '{"id": 3, "from": "Mary", "text": "Dear Percy"}\n'),
    ],
  });
  const space = { type: "space", name: "lab/reader" };
  await createRepo({ ...ada, repo: space, sdk: "static" });
  await uploadFiles({ ...ada, repo: space, files: [text("index.html", "<!doctype html><title>Reader</title><h1>Read letters</h1>")] });
  await createRepo({ ...ada, repo: { type: "model", name: "lab/secret" }, visibility: "private" });
  const closed = { type: "model", name: "lab/closed" };
  await createRepo({ ...ada, repo: closed, files: [text("README.md", "---\nextra_gated_fields:\n  Affiliation: text\n---\n# Closed\n")] });
  await hub.api(tokens.ada, "PUT", "/models/lab/closed/settings", { gated: "manual" });

  await hub.api(tokens.bob, "POST", "/models/lab/tiny/discussions", {
    title: "Which tokenizer?",
    description: "Is it the one of `lab/base`?",
    pullRequest: false,
  });
  await hub.api(tokens.ada, "POST", "/models/lab/tiny/discussions/1/comment", { comment: "Yes, **unchanged**." });
  await commit({
    ...bob,
    repo: tiny,
    title: "Name the optimiser",
    isPullRequest: true,
    operations: [{ operation: "addOrUpdate", ...text("config.json", JSON.stringify({ model_type: "llama", hidden_size: 32, optimiser: "adamw" }, null, 2)) }],
  });
  return tokens;
}
