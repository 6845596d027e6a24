// Uploaded and written text that tries to run in the hub's origin.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { commit, createRepo } from "@huggingface/hub";

import { hub, tokens, visitors } from "../world.mjs";

/** Each would set `owned` or open a dialog if it ran. */
const PAYLOADS = [
  `<script>owned=1</script>`,
  `<ScRiPt src=data:,owned=1></ScRiPt>`,
  `"><script>owned=1</script>`,
  `'><img src=x onerror=owned=1>`,
  `<img src=x onerror="owned=1">`,
  `<img src="javascript:owned=1">`,
  `<svg onload=owned=1>`,
  `<svg><script>owned=1</script></svg>`,
  `<svg><animate onbegin=owned=1 attributeName=x dur=1s>`,
  `<svg><a xlink:href="javascript:owned=1"><text y=20>click</text></a></svg>`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=owned=1&gt;">`,
  `<iframe src="javascript:parent.owned=1"></iframe>`,
  `<iframe srcdoc="<script>parent.owned=1</script>"></iframe>`,
  `<object data="javascript:owned=1"></object>`,
  `<embed src="javascript:owned=1">`,
  `<a href="javascript:owned=1">click</a>`,
  `<a href="jAvAsCrIpT&colon;owned=1">click</a>`,
  `<a href="java&#10;script:owned=1">click</a>`,
  `<a href="data:text/html,<script>opener.owned=1</script>">click</a>`,
  `<form action="javascript:owned=1"><button>click</button></form>`,
  `<button formaction="javascript:owned=1">click</button>`,
  `<input autofocus onfocus=owned=1>`,
  `<details open ontoggle=owned=1><summary>x</summary></details>`,
  `<video><source onerror=owned=1></video>`,
  `<audio src=x onerror=owned=1>`,
  `<body onload=owned=1>`,
  `<style>@import "javascript:owned=1";</style>`,
  `<link rel=stylesheet href="javascript:owned=1">`,
  `<meta http-equiv=refresh content="0;url=javascript:owned=1">`,
  `<base href="javascript:owned=1//">`,
  `<noscript><p title="</noscript><img src=x onerror=owned=1>">`,
  `<template><script>owned=1</script></template>`,
  `[click](javascript:owned=1)`,
  `[click](<java\tscript:owned=1>)`,
  `[click]( javascript:owned=1 "x")`,
  `![x](javascript:owned=1)`,
  `![x](x "onerror=owned=1)`,
  `<javascript:owned=1>`,
  `[x]: javascript:owned=1\n\n[x]`,
  "```html\" onmouseover=\"owned=1\n<script>owned=1</script>\n```",
  `{{constructor.constructor('owned=1')()}}`,
  `$\\href{javascript:owned=1}{x}$`,
];

/** Returns the parts of a page that would run something, now or when they are clicked. */
function whatCouldRun() {
  const found = [];
  for (const element of document.querySelectorAll("*")) {
    const { tagName } = element;
    if (["IFRAME", "OBJECT", "EMBED", "BASE"].includes(tagName) || (tagName === "SCRIPT" && !element.src.startsWith(location.origin))) {
      found.push(element.outerHTML);
    }
    for (const { name, value } of element.attributes) {
      const leads = ["href", "src", "action", "formaction", "xlink:href", "poster", "data"].includes(name);
      const where = leads && URL.canParse(value, location.href) ? new URL(value, location.href).protocol : "https:";
      const data = where === "data:" && tagName !== "LINK" && !(tagName === "IMG" && value.startsWith("data:image/"));
      if (name.startsWith("on") || where === "javascript:" || data || name === "srcdoc") {
        found.push(`${tagName} ${name}=${value}`);
      }
    }
  }
  return found;
}

const NAME = `<img src=x onerror=owned=1>".md`;
const blob = (path, content) => ({ operation: "addOrUpdate", path, content: new Blob([content]) });
const yaml = JSON.stringify(PAYLOADS[4]);

describe("hostile content", () => {
  const repo = { type: "model", name: "bob/hostile" };
  let paths;

  before(async () => {
    const bob = { hubUrl: hub.url, accessToken: tokens.bob };
    const fields = ["license", "library_name", "pipeline_tag", "license_name", "license_link", "base_model"];
    const front = fields.map((field) => `${field}: ${yaml}`).join("\n");
    const card = `---\n${front}\ntags: [${yaml}]\nlanguage: [${yaml}]\ndatasets: [${yaml}]\n---\n${PAYLOADS.join("\n\n")}\n`;
    await createRepo({ ...bob, repo });
    const notebook = { cells: [{ cell_type: "markdown", source: PAYLOADS, metadata: {} }, { cell_type: "code", source: "", outputs: [{ output_type: "display_data", data: { "text/html": PAYLOADS } }] }], nbformat: 4, nbformat_minor: 5, metadata: {} };
    const page = `<!doctype html><script>owned=1;opener&&(opener.owned=1);parent.owned=1;alert(1)</script>`;
    await commit({
      ...bob,
      repo,
      title: PAYLOADS[0],
      description: PAYLOADS.join("\n"),
      operations: [
        blob("README.md", card),
        blob(NAME, PAYLOADS.join("\n")),
        blob("page.html", page),
        blob("picture.svg", `<svg xmlns="http://www.w3.org/2000/svg" onload="owned=1"><script>owned=1;alert(1)</script></svg>`),
        blob("book.ipynb", JSON.stringify(notebook)),
        blob("code.py", `# </code></pre>${PAYLOADS[2]}\n`),
        blob("rows.csv", `a,b\n"${PAYLOADS[4].replaceAll('"', '""')}",2\n`),
      ],
    });
    await hub.api(tokens.bob, "POST", "/models/bob/hostile/discussions", {
      title: PAYLOADS[4],
      description: PAYLOADS.join("\n\n"),
      pullRequest: false,
    });
    const file = encodeURIComponent(NAME);
    const blobs = ["README.md", file, "page.html", "picture.svg", "book.ipynb", "code.py", "rows.csv"];
    paths = [
      "",
      "/tree/main",
      "/commits/main",
      "/commit/main",
      "/discussions",
      "/discussions/1",
      ...blobs.flatMap((name) => [`/blob/main/${name}`, `/resolve/main/${name}`, `/raw/main/${name}`]),
    ].map((path) => `/bob/hostile${path}`);
    paths.push("/models", `/models?search=${encodeURIComponent(PAYLOADS[2])}`, "/bob", `/login?next=${encodeURIComponent(PAYLOADS[2])}`);
  });

  for (const user of [null, "ada"]) {
    test(`runs on no page of ${user ?? "a stranger"}`, async () => {
      const context = await visitors(user);
      const dialogs = [];
      context.on("dialog", (dialog) => dialogs.push(dialog.message()) && dialog.dismiss());
      for (const path of paths) {
        const page = await context.newPage();
        // What is only downloaded is no page.
        const answer = await page.goto(path).catch((error) => assert.match(String(error), /Download is starting|ERR_ABORTED/));
        if (answer) {
          assert.ok(answer.status() < 500, `${path}: ${answer.status()}`);
          // What was uploaded is shown in a sandbox; the hub's own pages must hold nothing that could run.
          if (!answer.headers()["content-security-policy"]?.includes("sandbox")) {
            assert.deepEqual(await page.evaluate(whatCouldRun), [], path);
          }
          assert.equal(await page.evaluate(() => globalThis.owned), undefined, path);
        }
        await page.close();
      }
      assert.deepEqual(dialogs, []);
      await context.close();
    });
  }
});
