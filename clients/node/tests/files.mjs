// Files: every way to change them and to ask about them.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";

import { access, bytesOf, client, drain, fresh, hubUrl, paths, read, refused, safetensors, sha256 } from "./client.mjs";

const OID = /^[0-9a-f]{40}$/;

describe("a change", () => {
  const repo = fresh("model", "change");

  before(() => client.createRepo({ ...access, repo }));
  after(() => client.deleteRepo({ ...access, repo }));

  test("takes content from memory, from a file and from an address", async () => {
    const folder = await mkdtemp(join(tmpdir(), "upload-"));
    await writeFile(join(folder, "b.txt"), "from a file");
    const first = await client.uploadFile({ ...access, repo, file: { path: "a.txt", content: new Blob(["from memory"]) } });
    assert.match(first.commit.oid, OID);
    assert.equal(first.commit.url, `${hubUrl}/${repo.name}/commit/${first.commit.oid}`);
    const there = new URL(`${hubUrl}/${repo.name}/resolve/main/a.txt`);
    await client.uploadFiles({
      ...access,
      repo,
      files: [pathToFileURL(join(folder, "b.txt")), { path: "c/c.txt", content: there }, new File(["a File"], "d.txt")],
    });
    assert.deepEqual(
      await Promise.all(["a.txt", "b.txt", "c/c.txt", "d.txt"].map((path) => read(repo, path))),
      ["from memory", "from a file", "from memory", "a File"],
    );
  });

  test("deletes one file and several", async () => {
    const files = ["x/1", "x/2", "x/3"].map((path) => ({ path, content: new Blob([path]) }));
    await client.uploadFiles({ ...access, repo, files });
    await client.deleteFile({ ...access, repo, path: "x/1" });
    await client.deleteFiles({ ...access, repo, paths: ["x/2", "x/3"], commitTitle: "Delete two" });
    assert.deepEqual((await paths(repo)).filter((path) => path.startsWith("x/")), []);
    const [commits] = await drain(client.listCommits({ ...access, repo }));
    assert.deepEqual(commits.slice(0, 2).map((commit) => commit.title), ["Delete two", "Delete x/1"]);
    await assert.rejects(client.deleteFile({ ...access, repo, path: "x/1" }), refused(404));
  });

  test("can be bound to its parent, and can be proposed", async () => {
    const [[head, before]] = await drain(client.listCommits({ ...access, repo }));
    const operations = [{ operation: "addOrUpdate", path: "proposed.txt", content: new Blob(["one"]) }];
    const stale = client.commit({ ...access, repo, title: "Stale", operations, parentCommit: before.oid });
    await assert.rejects(stale, refused(412));
    const proposal = { ...access, repo, title: "Propose", operations, isPullRequest: true, parentCommit: head.oid };
    const { pullRequestUrl } = await client.commit(proposal);
    assert.match(pullRequestUrl, new RegExp(`^${hubUrl}/${repo.name}/discussions/\\d+$`));
    const branch = `refs/pr/${pullRequestUrl.split("/").pop()}`;
    await client.commit({
      ...access,
      repo,
      branch,
      title: "Go on",
      operations: [{ operation: "addOrUpdate", path: "proposed.txt", content: new Blob(["two"]) }],
    });
    assert.equal(await read(repo, "proposed.txt", { revision: branch }), "two");
    assert.equal(await read(repo, "proposed.txt"), null);
  });

  for (const useXet of [true, false]) {
    test(`tells how far it is, xet: ${useXet}`, async () => {
      const content = randomBytes(2_000_000);
      const files = [{ path: `far-${useXet}.bin`, content: new Blob([content]) }];
      const [events, output] = await drain(client.uploadFilesWithProgress({ ...access, repo, useXet, files }));
      const phases = events.filter((event) => event.event === "phase").map((event) => event.phase);
      assert.deepEqual(phases, ["preuploading", "uploadingLargeFiles", "committing"]);
      assert.ok(events.some((event) => event.event === "fileProgress" && event.path === files[0].path));
      assert.match(output.commit.oid, OID);
      assert.equal(sha256(await bytesOf(await client.downloadFile({ ...access, repo, path: files[0].path }))), sha256(content));
    });
  }

  test("edits a part of a large file", async () => {
    const content = randomBytes(3_000_000);
    const path = "edited.bin";
    await client.uploadFile({ ...access, repo, file: { path, content: new Blob([content]) } });
    const originalContent = await client.downloadFile({ ...access, repo, path });
    const edit = { start: 1_000_000, end: 1_000_010, content: new Blob(["in between"]) };
    const operations = [{ operation: "edit", path, originalContent, edits: [edit] }];
    const [events, output] = await drain(client.commitIter({ ...access, repo, title: "Edit", operations }));
    assert.equal(events.at(-1).phase, "committing");
    assert.match(output.commit.oid, OID);
    content.write("in between", 1_000_000);
    assert.equal(sha256(await bytesOf(await client.downloadFile({ ...access, repo, path }))), sha256(content));
  });
});

describe("what is known of a file", () => {
  const repo = fresh("dataset", "known");
  const large = randomBytes(1_500_000);
  let head;

  before(async () => {
    await client.createRepo({ ...access, repo });
    const files = [
      { path: "data/a b.txt", content: new Blob(["words\n"]) },
      { path: "data/large.bin", content: new Blob([large]) },
    ];
    head = (await client.uploadFiles({ ...access, repo, files, commitTitle: "Add data" })).commit.oid;
  });

  after(() => client.deleteRepo({ ...access, repo }));

  test("is whether it exists", async () => {
    assert.equal(await client.fileExists({ ...access, repo, path: "data/large.bin" }), true);
    assert.equal(await client.fileExists({ ...access, repo, path: "data/large.bin", revision: head }), true);
    assert.equal(await client.fileExists({ ...access, repo, path: "data/none" }), false);
    assert.equal(await client.fileExists({ ...access, repo, path: "data" }), false);
  });

  test("is where its bytes are", async () => {
    const info = await client.fileDownloadInfo({ ...access, repo, path: "data/large.bin" });
    assert.deepEqual([info.size, info.etag], [large.length, `"${sha256(large)}"`]);
    assert.match(info.xet.hash, /^[0-9a-f]{64}$/);
    assert.equal(info.xet.refreshUrl.href, `${hubUrl}/api/datasets/${repo.name}/xet-read-token/${head}`);
    const raw = await client.fileDownloadInfo({ ...access, repo, path: "data/large.bin", raw: true });
    assert.deepEqual([raw.xet, raw.size < 200], [undefined, true]);
    assert.equal(await client.fileDownloadInfo({ ...access, repo, path: "none" }), null);
    const pointer = await read(repo, "data/large.bin", { raw: true });
    assert.equal(pointer, `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(large)}\nsize ${large.length}\n`);

    // What the links lead to works by itself.
    const { hash, refreshUrl } = info.xet;
    const blob = new client.__internal_XetBlob({ ...access, hash, refreshUrl: refreshUrl.href, size: info.size });
    assert.equal(sha256(await bytesOf(blob.slice(700_000, 900_000))), sha256(large.subarray(700_000, 900_000)));
  });

  test("is told of many at once", async () => {
    const asked = ["data/a b.txt", "data/large.bin", "data", "none"];
    const infos = await client.pathsInfo({ ...access, repo, paths: asked, expand: true });
    const found = Object.fromEntries(infos.map((info) => [info.path, info]));
    assert.deepEqual(Object.keys(found).sort(), ["data", "data/a b.txt", "data/large.bin"]);
    assert.deepEqual([found["data/a b.txt"].type, found["data/a b.txt"].size], ["file", 6]);
    assert.deepEqual([found["data/large.bin"].lfs.oid, found["data/large.bin"].lfs.size], [sha256(large), large.length]);
    assert.deepEqual([found.data.type, found.data.lastCommit.title], ["directory", "Add data"]);
    assert.equal(found["data/large.bin"].lastCommit.id, head);
  });

  test("is listed by folder", async () => {
    const [top] = await drain(client.listFiles({ ...access, repo }));
    assert.deepEqual(top.map((entry) => [entry.type, entry.path]).sort(), [["directory", "data"], ["file", ".gitattributes"]]);
    const [data] = await drain(client.listFiles({ ...access, repo, path: "data", expand: true, revision: head }));
    assert.deepEqual(data.map((entry) => entry.path).sort(), ["data/a b.txt", "data/large.bin"]);
    assert.ok(data.every((entry) => entry.lastCommit.title === "Add data"));
  });

  test("is kept in the cache", async () => {
    const cacheDir = await mkdtemp(join(tmpdir(), "cache-"));
    const file = await client.downloadFileToCacheDir({ ...access, repo, path: "data/large.bin", revision: head, cacheDir });
    assert.ok(file.endsWith(join("snapshots", head, "data", "large.bin")), file);
    assert.equal(sha256(await readFile(file)), sha256(large));
    const folder = await client.snapshotDownload({ ...access, repo, cacheDir });
    assert.equal(await readFile(join(folder, "data", "a b.txt"), "utf8"), "words\n");
    const { repos } = await client.scanCacheDir(cacheDir);
    assert.deepEqual(repos.map((cached) => [cached.id, cached.revisions.length]), [[{ type: "dataset", name: repo.name }, 1]]);
    assert.deepEqual([repos[0].revisions[0].commitOid, repos[0].revisions[0].refs], [head, ["main"]]);
  });
});

test("the headers of weights are read, of one file and of several", async () => {
  const repo = fresh("model", "weights");
  await client.createRepo({ ...access, repo });
  try {
    const one = { path: "model.safetensors", content: safetensors("a", [3, 5]) };
    await client.uploadFile({ ...access, repo, file: one });
    const single = await client.parseSafetensorsMetadata({ ...access, repo, computeParametersCount: true });
    assert.deepEqual([single.sharded, single.parameterCount, single.header.a.shape], [false, { F32: 15 }, [3, 5]]);

    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const index = { metadata: { total_size: 120 }, weight_map: { a: shards[0], b: shards[1] } };
    await client.deleteFile({ ...access, repo, path: one.path });
    await client.uploadFiles({
      ...access,
      repo,
      files: [
        { path: shards[0], content: safetensors("a", [3, 5]) },
        { path: shards[1], content: safetensors("b", [15]) },
        { path: "model.safetensors.index.json", content: new Blob([JSON.stringify(index)]) },
      ],
    });
    const several = await client.parseSafetensorsMetadata({ ...access, repo, computeParametersCount: true });
    assert.deepEqual([several.sharded, several.parameterCount], [true, { F32: 30 }]);
    assert.deepEqual(Object.keys(several.headers).sort(), shards);
  } finally {
    await client.deleteRepo({ ...access, repo });
  }
});
