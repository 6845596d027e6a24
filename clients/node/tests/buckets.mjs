// Buckets, and copies into them.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { access, bytesOf, client, drain, fresh, hubUrl, other, paths, read, refused, sha256 } from "./client.mjs";

describe("a bucket", () => {
  const bucket = fresh("bucket", "bucket");
  const source = fresh("model", "source");
  const large = randomBytes(1_000_000);

  before(async () => {
    const created = await client.createRepo({ ...access, repo: bucket, visibility: "private" });
    assert.equal(created.repoUrl, `${hubUrl}/buckets/${bucket.name}`);
    assert.match(created.id, /^[0-9a-z]+$/);
    await client.createRepo({ ...access, repo: source });
    const files = [
      { path: "small.txt", content: new Blob(["small"]) },
      { path: "w/large.bin", content: new Blob([large]) },
      { path: "w/more.txt", content: new Blob(["more"]) },
    ];
    await client.uploadFiles({ ...access, repo: source, files });
  });

  after(async () => {
    await client.deleteRepo({ ...access, repo: source });
    await client.deleteRepo({ ...access, repo: bucket });
    assert.equal(await client.repoExists({ ...access, repo: bucket }), false);
  });

  test("takes files, tells of them and lets go of them", async () => {
    const operations = [
      { operation: "addOrUpdate", path: "own/a.bin", content: new Blob([large]) },
      { operation: "addOrUpdate", path: "own/b.txt", content: new Blob(["b"]) },
    ];
    const [events] = await drain(client.commitIterBucket({ ...access, repo: bucket, title: "", operations }));
    assert.ok(events.length > 0 && events.every((event) => event.state !== "error"));
    assert.deepEqual((await paths(bucket, { path: "own" })).sort(), ["own/a.bin", "own/b.txt"]);
    assert.equal(await client.fileExists({ ...access, repo: bucket, path: "own/a.bin" }), true);
    assert.equal(await client.fileExists({ ...access, repo: bucket, path: "own/none" }), false);
    await assert.rejects(client.checkRepoAccess({ ...other, repo: bucket }), refused(404));

    const [info] = await client.pathsInfo({ ...access, repo: bucket, paths: ["own/a.bin", "none"] });
    assert.deepEqual([info.path, info.type, info.size], ["own/a.bin", "file", large.length]);
    const where = await client.fileDownloadInfo({ ...access, repo: bucket, path: "own/a.bin" });
    assert.deepEqual([where.size, where.xet.hash], [large.length, info.xetHash]);
    for (const xet of [true, false]) {
      const blob = await client.downloadFile({ ...access, repo: bucket, path: "own/a.bin", xet });
      assert.equal(sha256(await bytesOf(blob)), sha256(large));
    }

    const noted = await client.commit({
      ...access,
      repo: bucket,
      title: "",
      operations: [{ operation: "addOrUpdate", path: "own/c.txt", content: new Blob(["c"]) }],
    });
    assert.equal(noted, undefined);
    await client.deleteFiles({ ...access, repo: bucket, paths: ["own/a.bin", "own/b.txt"] });
    assert.deepEqual(await paths(bucket, { path: "own" }), ["own/c.txt"]);
  });

  test("grows at the end of a file", async () => {
    const path = "log.bin";
    const rangeEditCache = new Map();
    let content = randomBytes(400_000);
    await client.uploadFile({ ...access, repo: bucket, rangeEditCache, file: { path, content: new Blob([content]) } });
    for (const rest of [randomBytes(300_000), randomBytes(10)]) {
      const originalContent = await client.downloadFile({ ...access, repo: bucket, path });
      const edits = [{ start: content.length, end: content.length, content: new Blob([rest]) }];
      await client.uploadFile({ ...access, repo: bucket, rangeEditCache, file: { path, originalContent, edits } });
      content = Buffer.concat([content, rest]);
      assert.equal(sha256(await bytesOf(await client.downloadFile({ ...access, repo: bucket, path }))), sha256(content));
    }
  });

  test("takes copies of files", async () => {
    const from = (path) => ({ repo: source, path });
    const to = (path) => ({ repo: bucket, path });
    await client.copyFile({ ...access, source: from("w/large.bin"), destination: to("copy/1.bin") });
    const [events] = await drain(client.copyFileIter({ ...access, source: from("small.txt"), destination: to("copy/2.txt") }));
    assert.deepEqual(events, [{ event: "fileDownloaded", path: "small.txt", downloaded: 1, total: 1 }]);
    await client.copyFiles({
      ...access,
      destination: bucket,
      files: [
        { source: from("w/more.txt"), destinationPath: "copy/3.txt" },
        { source: { repo: bucket, path: "copy/1.bin" }, destinationPath: "copy/4.bin" },
      ],
    });
    const files = [{ source: from("small.txt"), destinationPath: "copy/5.txt" }];
    const [more] = await drain(client.copyFilesIter({ ...access, destination: bucket, files }));
    assert.equal(more.length, 1);
    assert.deepEqual((await paths(bucket, { path: "copy" })).sort(), [1, 2, 3, 4, 5].map((n) => `copy/${n}.${n % 3 === 1 ? "bin" : "txt"}`));
    for (const path of ["copy/1.bin", "copy/4.bin"]) {
      assert.equal(sha256(await bytesOf(await client.downloadFile({ ...access, repo: bucket, path }))), sha256(large));
    }
    assert.equal(await read(bucket, "copy/3.txt"), "more");
    const missing = client.copyFile({ ...access, source: from("none"), destination: to("copy/6") });
    await assert.rejects(missing, /Source file not found/);
  });

  test("takes copies of folders", async () => {
    const folder = { repo: source, path: "w" };
    await client.copyFolder({ ...access, source: folder, destination: { repo: bucket, path: "folder" } });
    assert.deepEqual((await paths(bucket, { path: "folder" })).sort(), ["folder/large.bin", "folder/more.txt"]);
    const again = client.copyFolderIter({ ...access, source: { repo: bucket, path: "folder" }, destination: { repo: bucket, path: "again" } });
    assert.deepEqual((await drain(again))[0], []);
    assert.equal(await read(bucket, "again/more.txt"), "more");
  });
});
