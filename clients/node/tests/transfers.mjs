// Files up and down, through Xet and through LFS.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { access, bytesOf, client, sha256, user } from "./client.mjs";

const { commit, createRepo, deleteRepo, downloadFile, listFiles, modelInfo, repoExists, snapshotDownload } = client;
const { uploadFiles, whoAmI } = client;

test("the token's user is known", async () => {
  assert.equal((await whoAmI(access)).name, user);
});

test("a missing repo is missing", async () => {
  assert.equal(await repoExists({ ...access, repo: `${user}/not-there` }), false);
});

for (const useXet of [true, false]) {
  describe(useXet ? "through Xet" : "through LFS", () => {
    const repo = { type: "model", name: `${user}/node-${useXet ? "xet" : "lfs"}-${randomBytes(4).toString("hex")}` };
    const small = Buffer.from('{"hidden_size": 8}\n');
    const large = randomBytes(6_000_000);

    before(async () => {
      await createRepo({ ...access, repo });
      await uploadFiles({
        ...access,
        repo,
        useXet,
        commitTitle: "Add files",
        files: [
          { path: "config.json", content: new Blob([small]) },
          { path: "weights/model.safetensors", content: new Blob([large]) },
        ],
      });
    });

    after(() => deleteRepo({ ...access, repo }));

    test("files are listed with their hashes", async () => {
      const found = {};
      for await (const file of listFiles({ ...access, repo, recursive: true })) {
        if (file.type === "file") {
          found[file.path] = file.lfs?.oid ?? null;
        }
      }
      delete found[".gitattributes"];
      assert.deepEqual(found, { "config.json": null, "weights/model.safetensors": sha256(large) });
    });

    for (const xet of [true, false]) {
      test(`files come down, xet: ${xet}`, async () => {
        for (const [path, content] of [["config.json", small], ["weights/model.safetensors", large]]) {
          const blob = await downloadFile({ ...access, repo, path, xet });
          assert.equal(sha256(await bytesOf(blob)), sha256(content), path);
        }
      });
    }

    test("a slice of a file comes down", async () => {
      const blob = await downloadFile({ ...access, repo, path: "weights/model.safetensors" });
      const slice = await bytesOf(blob.slice(1_000_003, 1_200_003));
      assert.equal(sha256(slice), sha256(large.subarray(1_000_003, 1_200_003)));
    });

    test("a missing file is null", async () => {
      assert.equal(await downloadFile({ ...access, repo, path: "not-there" }), null);
    });

    test("a snapshot lands in the cache", async () => {
      const cacheDir = await mkdtemp(join(tmpdir(), "cache-"));
      const folder = await snapshotDownload({ ...access, repo, cacheDir });
      assert.equal(sha256(await readFile(join(folder, "weights/model.safetensors"))), sha256(large));
    });

    test("a commit deletes", async () => {
      await commit({ ...access, repo, title: "Delete", operations: [{ operation: "delete", path: "config.json" }] });
      assert.equal(await downloadFile({ ...access, repo, path: "config.json" }), null);
      assert.equal((await modelInfo({ ...access, name: repo.name })).name, repo.name);
    });
  });
}
