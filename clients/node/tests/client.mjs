// The client, with a note of every function that is called, and what all tests share.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

import * as hub from "@huggingface/hub";

// The client leaves a timer behind where only a part of a file was wanted, and the process would wait for it forever.
const { setInterval } = globalThis;
globalThis.setInterval = (...parameters) => setInterval(...parameters).unref();

/** Names of the client's functions that were called, those that the client calls itself not among them. */
export const called = new Set();

/** The client's exports. */
export const client = Object.fromEntries(
  Object.entries(hub).map(([name, value]) => [name, typeof value === "function" ? noting(name, value) : value]),
);

function noting(name, value) {
  return new Proxy(value, {
    apply(target, self, parameters) {
      called.add(name);
      return Reflect.apply(target, self, parameters);
    },
    construct(target, parameters, made) {
      called.add(name);
      return Reflect.construct(target, parameters, made);
    },
  });
}

export const hubUrl = process.env.HF_ENDPOINT;
export const user = process.env.LYCEUM_USER;
export const organisation = process.env.LYCEUM_ORGANISATION;
/** What calls of the user carry. */
export const access = { hubUrl, accessToken: process.env.HF_TOKEN };
/** What calls of another user carry. */
export const other = { hubUrl, accessToken: process.env.LYCEUM_OTHER_TOKEN };
/** What calls of nobody carry. */
export const nobody = { hubUrl };

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Names a repo that does not exist yet. */
export function fresh(type, purpose) {
  return { type, name: `${user}/node-${purpose}-${randomBytes(4).toString("hex")}` };
}

export async function bytesOf(blob) {
  assert.notEqual(blob, null, "the file is there");
  return Buffer.from(await blob.arrayBuffer());
}

/** Reads a file as text; null if it is missing. */
export async function read(repo, path, more) {
  const blob = await client.downloadFile({ ...access, repo, path, ...more });
  return blob && (await blob.text());
}

/** Collects what an iterator yields; what it returns is the second part. */
export async function drain(iterator) {
  const items = [];
  for (;;) {
    const next = await iterator.next();
    if (next.done) {
      return [items, next.value];
    }
    items.push(next.value);
  }
}

/** Lists the paths of a repo's files. */
export async function paths(repo, more) {
  const [entries] = await drain(client.listFiles({ ...access, repo, recursive: true, ...more }));
  return entries.filter((entry) => entry.type === "file").map((entry) => entry.path);
}

/** Checks that a call fails with a status of the hub. */
export function refused(statusCode) {
  return (error) => {
    assert.equal(error.constructor.name, "HubApiError", String(error));
    assert.equal(error.statusCode, statusCode, String(error));
    return true;
  };
}

/** Returns a file in the safetensors format with one tensor of zeros. */
export function safetensors(tensor, shape) {
  const bytes = 4 * shape.reduce((product, length) => product * length, 1);
  const header = Buffer.from(JSON.stringify({ [tensor]: { dtype: "F32", shape, data_offsets: [0, bytes] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return new Blob([length, header, Buffer.alloc(bytes)]);
}
