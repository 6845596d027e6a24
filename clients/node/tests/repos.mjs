// Repos, their branches and their history.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { access, client, drain, fresh, hubUrl, nobody, other, paths, read, refused, user } from "./client.mjs";

describe("a repo", () => {
  const repo = fresh("model", "repo");
  let created;

  before(async () => {
    const files = [{ path: "src/a.txt", content: new Blob(["hello"]) }];
    created = await client.createRepo({ ...access, repo, visibility: "private", license: "mit", files });
  });

  after(() => client.deleteRepo({ ...access, repo }));

  test("is told with its address and number", async () => {
    assert.equal(created.repoUrl, `${hubUrl}/${repo.name}`);
    assert.match(created.id, /^[0-9a-z]+$/);
    const info = await client.modelInfo({ ...access, name: repo.name, additionalFields: ["author", "cardData", "filePaths"] });
    assert.deepEqual(
      { id: info.id, name: info.name, private: info.private, author: info.author, license: info.cardData.license },
      { id: created.id, name: repo.name, private: true, author: user, license: "mit" },
    );
    assert.ok(info.updatedAt > new Date(Date.now() - 3_600_000) && info.updatedAt <= new Date(Date.now() + 1000));
    assert.deepEqual(info.filePaths.sort(), [".gitattributes", "README.md", "src/a.txt"]);
    assert.equal(await read(repo, "src/a.txt"), "hello");
  });

  test("that is private is for its owner", async () => {
    await client.checkRepoAccess({ ...access, repo });
    await assert.rejects(client.checkRepoAccess({ ...other, repo }), refused(404));
    await assert.rejects(client.checkRepoAccess({ ...nobody, repo }), refused(401));
    assert.equal(await client.repoExists({ ...access, repo }), true);
    assert.equal(await client.repoExists({ ...other, repo }), false);
  });

  test("has a name that is taken", async () => {
    await assert.rejects(client.createRepo({ ...access, repo }), refused(409));
    const theirs = { type: "model", name: repo.name.replace(user, "bob") };
    await assert.rejects(client.createRepo({ ...access, repo: theirs }), refused(403));
  });
});

test("a dataset and a space are told as such", async () => {
  const dataset = fresh("dataset", "told");
  const space = fresh("space", "told");
  await client.createRepo({ ...access, repo: dataset, license: "cc-by-4.0" });
  await client.createRepo({ ...access, repo: space, sdk: "gradio" });
  try {
    const set = await client.datasetInfo({ ...access, name: dataset.name, additionalFields: ["author", "sha", "tags"] });
    assert.deepEqual([set.name, set.private, set.gated, set.author], [dataset.name, false, false, user]);
    assert.ok(set.tags.includes("license:cc-by-4.0"), set.tags.join());
    const [head] = (await drain(client.listCommits({ ...access, repo: dataset })))[0];
    assert.equal(set.sha, head.oid);
    const app = await client.spaceInfo({ ...access, name: space.name, additionalFields: ["runtime", "subdomain"] });
    assert.deepEqual([app.name, app.sdk, app.runtime.stage], [space.name, "gradio", "STOPPED"]);
    assert.ok(app.subdomain.length > 0);
    assert.match(await read(space, "README.md"), /\nsdk: gradio\n/);
  } finally {
    await client.deleteRepo({ ...access, repo: dataset });
    await client.deleteRepo({ ...access, repo: space });
  }
  assert.equal(await client.repoExists({ ...access, repo: space }), false);
});

describe("branches and history", () => {
  const repo = fresh("model", "history");
  const titles = ["Add one", "Add two", "Add three"];

  before(async () => {
    await client.createRepo({ ...access, repo });
    for (const [at, title] of titles.entries()) {
      const file = { path: `${at}.txt`, content: new Blob([title]) };
      await client.uploadFile({ ...access, repo, file, commitTitle: title, commitDescription: `Number ${at}.` });
    }
  });

  after(() => client.deleteRepo({ ...access, repo }));

  test("commits are counted and listed in pages", async () => {
    assert.equal(await client.countCommits({ ...access, repo }), titles.length + 1);
    const [commits] = await drain(client.listCommits({ ...access, repo, batchSize: 2 }));
    assert.deepEqual(commits.map((commit) => commit.title), [...titles].reverse().concat("initial commit"));
    assert.deepEqual([commits[0].message, commits[0].authors[0].username], ["Number 2.", user]);
    assert.ok(commits.every((commit) => /^[0-9a-f]{40}$/.test(commit.oid) && commit.date.getTime() > 0));
  });

  test("a branch comes and goes, starts anew and is overwritten", async () => {
    const [commits] = await drain(client.listCommits({ ...access, repo }));
    await client.createBranch({ ...access, repo, branch: "old/one", revision: commits[2].oid });
    assert.deepEqual(await paths(repo, { revision: encodeURIComponent("old/one") }), [".gitattributes", "0.txt"]);
    await assert.rejects(client.createBranch({ ...access, repo, branch: "old/one" }), refused(409));
    await client.createBranch({ ...access, repo, branch: "old/one", overwrite: true });
    assert.equal(await client.countCommits({ ...access, repo, revision: encodeURIComponent("old/one") }), commits.length);
    await client.createBranch({ ...access, repo, branch: "empty", empty: true });
    assert.deepEqual(await paths(repo, { revision: "empty" }), [".gitattributes"]);
    assert.equal(await client.countCommits({ ...access, repo, revision: "empty" }), 1);
    await client.deleteBranch({ ...access, repo, branch: "empty" });
    assert.equal(await read(repo, ".gitattributes", { revision: "empty" }).catch((error) => error.statusCode), 404);
    await assert.rejects(client.deleteBranch({ ...access, repo, branch: "main" }), refused(403));
    await assert.rejects(client.createBranch({ ...other, repo, branch: "theirs" }), refused(403));
  });
});
