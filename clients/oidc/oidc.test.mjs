// People sign in to a real hub at a real provider; the hub's binary comes in LYCEUM_BINARY.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { Browser } from "./browser.mjs";
import { CLIENT, startProvider } from "./provider.mjs";

const binary = process.env.LYCEUM_BINARY;
const people = { ada: ["ml-team", "ml-leads"], eve: [], grace: ["ml-team"] };
let folder, hub, endpoint, provider, config;

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs a command; not in the way of the provider, which lives in this process. */
async function lyceum(...args) {
  return (await promisify(execFile)(binary, [...args, "--config", config])).stdout;
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "oidc-"));
  config = join(folder, "lyceum.toml");
  const port = await freePort();
  endpoint = `http://127.0.0.1:${port}`;
  provider = await startProvider(`${endpoint}/login/oidc/corp/callback`, people);
  await writeFile(join(folder, "secret"), `${CLIENT.secret}\n`);
  await writeFile(
    config,
    `data = ${JSON.stringify(join(folder, "data"))}
listen = "127.0.0.1:${port}"
public_url = "${endpoint}"
[[oidc]]
name = "corp"
label = "Corp"
issuer = "${provider.issuer}"
client_id = "${CLIENT.id}"
client_secret_file = ${JSON.stringify(join(folder, "secret"))}
scopes = ["profile", "groups"]
groups = [
  { group = "ml-team", org = "lab", role = "read" },
  { group = "ml-leads", org = "lab", role = "admin" },
]
`,
  );
  await lyceum("org", "create", "lab");
  await lyceum("user", "create", "grace");
  hub = spawn(binary, ["serve", "--config", config], { stdio: ["ignore", "inherit", "inherit"] });
  for (let tries = 0; ; tries++) {
    const ready = await fetch(`${endpoint}/readyz`).then((answer) => answer.ok, () => false);
    if (ready) break;
    assert.ok(tries < 200 && hub.exitCode === null, "the hub starts");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

after(async () => {
  hub?.kill();
  await provider?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Presses the hub's button, signs in and consents at the provider, and returns the page that comes then. */
async function signIn(browser, login, next = "/models") {
  const page = await browser.open(`${endpoint}/login?next=${encodeURIComponent(next)}`);
  const [, link] = /<a class="button" href="([^"]*)">Sign in with Corp<\/a>/.exec(page.text);
  let at = await browser.open(new URL(link.replaceAll("&amp;", "&"), endpoint).href);
  assert.ok(at.url.startsWith(provider.issuer), at.url);
  at = await browser.submit(at, { login, password: "any" });
  while (at.url.startsWith(provider.issuer)) at = await browser.submit(at);
  return at;
}

async function organisations(user) {
  const token = (await lyceum("token", "create", user)).trim();
  const me = await fetch(`${endpoint}/api/whoami-v2`, { headers: { authorization: `Bearer ${token}` } });
  return (await me.json()).orgs.map(({ name, roleInOrg }) => [name, roleInOrg]);
}

test("the doctor finds the provider", async () => {
  const { ok, checks } = JSON.parse(await lyceum("doctor", "--json"));
  const found = checks.find(({ name }) => name === "oidc");
  assert.equal(found.state, "ok", found.message);
  assert.equal(ok, true);
});

test("somebody who was never here gets an account and the roles of the groups", async () => {
  const page = await signIn(new Browser(), "ada");
  assert.deepEqual([page.url, page.status], [`${endpoint}/models`, 200]);
  assert.match(page.text, /<summary>ada<\/summary>/);
  assert.deepEqual(await organisations("ada"), [["lab", "admin"]]);
});

test("roles end with the groups, at the next sign-in", async () => {
  people.ada = ["ml-team"];
  await signIn(new Browser(), "ada");
  assert.deepEqual(await organisations("ada"), [["lab", "read"]]);
  people.ada = [];
  await signIn(new Browser(), "ada");
  assert.deepEqual(await organisations("ada"), []);
});

test("a taken name is told with what to do, which helps", async () => {
  const refused = await signIn(new Browser(), "grace");
  assert.equal(refused.status, 409);
  assert.match(refused.text, /lyceum user link NAME --provider corp --subject grace/);
  await lyceum("user", "link", "grace", "--provider", "corp", "--subject", "grace");
  const page = await signIn(new Browser(), "grace");
  assert.match(page.text, /<summary>grace<\/summary>/);
  assert.deepEqual(await organisations("grace"), [["lab", "read"]]);
});

test("another browser does not get in with what one came back with", async () => {
  const browser = new Browser();
  browser.stopAt = "/callback?";
  const { url: callback } = await signIn(browser, "eve");
  browser.stopAt = null;
  const thief = await new Browser().open(callback);
  assert.equal(thief.status, 403);
  assert.match(thief.text, /another browser/);
  const owner = await browser.open(callback);
  assert.match(owner.text, /<summary>eve<\/summary>/);
  assert.equal((await browser.open(`${endpoint}/login/oidc/corp/callback?state=x&code=y`)).status, 403);
});

test("who refuses at the provider is told so", async () => {
  const browser = new Browser();
  const page = await browser.open(`${endpoint}/login/oidc/corp`);
  const [, abort] = /href="([^"]*\/abort)"/.exec(page.text);
  const back = await browser.open(new URL(abort, page.url).href);
  assert.equal(back.status, 403);
  assert.match(back.text, /Corp did not let you in: access_denied/);
});
