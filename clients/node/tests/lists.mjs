// People, lists of repos, and collections.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { access, client, drain, fresh, nobody, organisation, other, refused, user } from "./client.mjs";

test("who asks is told", async () => {
  const me = await client.whoAmI(access);
  assert.deepEqual([me.type, me.name, me.auth.type, me.auth.accessToken.role], ["user", user, "access_token", "write"]);
  assert.ok(me.orgs.some((org) => org.type === "org" && org.name === organisation));
  await assert.rejects(client.whoAmI({ ...access, accessToken: "hf_none" }), refused(401));
});

describe("lists", () => {
  const models = ["list-a", "list-b", "list-c"].map((purpose) => fresh("model", purpose));
  const hidden = fresh("model", "list-hidden");
  const dataset = fresh("dataset", "list");
  const space = fresh("space", "list");
  const card = (lines) => [{ path: "README.md", content: new Blob([`---\n${lines}\n---\n`]) }];
  const names = (items) => items.map((item) => item.name);

  before(async () => {
    const lines = ["license: mit\npipeline_tag: text-generation\ntags: [node-listed]", "tags: [node-listed]", "license: mit"];
    for (const [at, repo] of models.entries()) {
      await client.createRepo({ ...access, repo, files: card(lines[at]) });
    }
    await client.createRepo({ ...access, repo: hidden, visibility: "private" });
    await client.createRepo({ ...access, repo: dataset, files: card("license: mit\nlanguage: en") });
    await client.createRepo({ ...access, repo: space, sdk: "docker" });
    // What a card says is in lists from the first time that somebody asks for it, if not before.
    await Promise.all(models.map((repo) => client.modelInfo({ ...access, name: repo.name, additionalFields: ["tags"] })));
    await client.datasetInfo({ ...access, name: dataset.name, additionalFields: ["tags"] });
  });

  after(async () => {
    for (const repo of [...models, hidden, dataset, space]) {
      await client.deleteRepo({ ...access, repo });
    }
  });

  test("of models are searched, filtered and cut", async () => {
    const list = async (query, credentials = access) => (await drain(client.listModels({ ...credentials, ...query })))[0];
    const mine = names(await list({ search: { owner: user } }));
    assert.ok([...models, hidden].every((repo) => mine.includes(repo.name)), mine.join());
    assert.ok(!names(await list({ search: { owner: user } }, nobody)).includes(hidden.name));
    assert.ok(!names(await list({ search: { owner: user } }, other)).includes(hidden.name));
    assert.deepEqual(names(await list({ search: { query: models[1].name.split("/")[1] } })), [models[1].name]);
    const tagged = await list({ search: { owner: user, tags: ["node-listed"] }, additionalFields: ["tags", "filePaths", "author"] });
    assert.deepEqual(names(tagged).sort(), [models[0].name, models[1].name].sort());
    assert.ok(tagged.every((item) => item.author === user && item.filePaths.includes("README.md")));
    const tasks = await list({ search: { owner: user, task: "text-generation", tags: ["node-listed"] } });
    assert.deepEqual(tasks.map((item) => [item.name, item.task]), [[models[0].name, "text-generation"]]);
    assert.equal((await list({ search: { owner: user }, limit: 2 })).length, 2);
    const sorted = await list({ search: { owner: user }, sort: "createdAt", limit: 4 });
    assert.deepEqual(names(sorted), [hidden, ...[...models].reverse()].map((repo) => repo.name));
  });

  test("of datasets and spaces are too", async () => {
    const search = { owner: user, tags: ["language:en"], query: dataset.name.split("/")[1] };
    const [datasets] = await drain(client.listDatasets({ ...access, search, additionalFields: ["cardData"] }));
    assert.deepEqual(datasets.map((item) => [item.name, item.cardData.license]), [[dataset.name, "mit"]]);
    const [spaces] = await drain(client.listSpaces({ ...access, search: { owner: user, query: space.name.split("/")[1] } }));
    assert.deepEqual(spaces.map((item) => [item.name, item.sdk, item.private]), [[space.name, "docker", false]]);
  });

  test("of collections are too", async () => {
    const collection = { title: `Node ${space.name.slice(-8)}`, description: "From a test", namespace: user, private: false };
    collection.item = { type: "model", id: models[0].name };
    const { slug } = await client.createCollection({ ...access, collection });
    assert.ok(slug.startsWith(`${user}/node-`), slug);
    try {
      const list = async (search, more) => (await drain(client.listCollections({ ...access, search, ...more })))[0];
      const found = await list({ owner: [user], item: [`models/${models[0].name}`], q: collection.title }, { sort: "lastModified" });
      assert.deepEqual(found.map((item) => [item.slug, item.title, item.owner.name]), [[slug, collection.title, user]]);
      assert.deepEqual(found[0].items.map((item) => item.id), [models[0].name]);
      assert.deepEqual(await list({ owner: [user], item: [`models/${models[1].name}`] }), []);
      assert.ok((await list({ owner: [user] }, { limit: 1 })).length === 1);
      await assert.rejects(client.deleteCollection({ ...other, slug }), refused(403));
    } finally {
      await client.deleteCollection({ ...access, slug });
    }
    await assert.rejects(client.deleteCollection({ ...access, slug }), refused(404));
  });
});
