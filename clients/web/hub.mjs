// A hub of its own with something of everything on it, and a browser to look at it.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { accessSync } from "node:fs";
import { promisify } from "node:util";

import { chromium } from "playwright-core";

const binary = process.env.LYCEUM_BINARY;
export const PASSWORD = "correct horse battery staple";

/** Returns a port that nobody listens on. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A running hub; its data go with it. */
export class Hub {
  static async start() {
    const hub = new Hub();
    hub.data = await mkdtemp(join(tmpdir(), "web-"));
    hub.port = await freePort();
    hub.url = `http://127.0.0.1:${hub.port}`;
    await hub.serve();
    return hub;
  }

  async serve() {
    const address = `127.0.0.1:${this.port}`;
    this.process = spawn(binary, ["serve", "--data", this.data, "--listen", address], { stdio: ["ignore", "ignore", "inherit"] });
    for (let tries = 0; ; tries++) {
      if (await fetch(`${this.url}/readyz`).then((answer) => answer.ok, () => false)) return;
      if (tries > 400 || this.process.exitCode !== null) throw new Error("the hub does not start");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop() {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill();
    await ended;
  }

  async remove() {
    await this.stop();
    await rm(this.data, { recursive: true, force: true });
  }

  /** Runs a command of the hub and returns what it prints. */
  async run(args, input = "") {
    const running = promisify(execFile)(binary, [...args, "--data", this.data]);
    running.child.stdin.end(input);
    return (await running).stdout;
  }

  /** Makes a user and returns a token for it. */
  async user(name, ...more) {
    await this.run(["user", "create", name, "--password-stdin", ...more], `${PASSWORD}\n`);
    return /hf_[A-Za-z0-9]+/.exec(await this.run(["token", "create", name, "--name", "web", "--role", "write"]))[0];
  }

  /** Calls the API; a failure is an error. */
  async api(token, method, path, body) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${this.url}/api${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text;
  }
}

/** Starts the browser of this machine. */
export function browser(...args) {
  return chromium.launch({ executablePath: find("chromium", "chromium-browser", "google-chrome"), args: ["--no-sandbox", ...args] });
}

function find(...names) {
  for (const name of names) {
    for (const folder of process.env.PATH.split(delimiter)) {
      try {
        accessSync(join(folder, name));
        return join(folder, name);
      } catch {
        // It may be in the next folder.
      }
    }
  }
  throw new Error(`none of ${names.join(", ")} is installed`);
}

/** Signs a user in, as a person does. */
export async function signIn(page, name, next = "/") {
  await page.goto(`/login?next=${encodeURIComponent(next)}`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`**${next}`);
}
