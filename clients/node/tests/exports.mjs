// Last of all: every function that the client exports was called, or is named with the reason why not.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { called, client } from "./client.mjs";

/** Functions that address a hub, and are not tested; docs/conformance.md tells why. */
const EXCEPTIONS = [
  "cancelJob",
  "createScheduledJob",
  "deleteScheduledJob",
  "duplicateJob",
  "getJob",
  "getScheduledJob",
  "listJobHardware",
  "listJobs",
  "listScheduledJobs",
  "oauthHandleRedirect",
  "oauthHandleRedirectIfPresent",
  "oauthLoginUrl",
  "resumeScheduledJob",
  "runJob",
  "runScheduledJob",
  "streamJobEvents",
  "streamJobLogs",
  "streamJobMetrics",
  "suspendScheduledJob",
];

/** What sends no request. */
const LOCAL = [
  "HubApiError",
  "InvalidApiResponseFormatError",
  "JsonStreamParseError",
  "SafetensorParseError",
  "__internal_sha256",
  "assertSafeShardFilename",
  "computeNumOfParamsByDtypeSingleFile",
  "encodeShardFilename",
  "getBlobStat",
  "getHFHubCachePath",
  "getQuantizationMultiplier",
  "getRepoFolderName",
  "globMatch",
  "isQuantizedTensor",
  "matchesCompressedTensorsTarget",
  "parseRepoType",
  "parseSafetensorsShardFilename",
  "parseTotalParameters",
  "relativeUnderFolder",
  "scanCachedRepo",
  "scanRefsDir",
  "scanSnapshotDir",
  "streamJson",
  "validateTensorEntry",
];

test("every function of the client is called, or named with a reason", async () => {
  const functions = Object.keys(client).filter((name) => typeof client[name] === "function");
  const missed = functions.filter((name) => !called.has(name) && !LOCAL.includes(name));
  assert.deepEqual(missed.sort(), [...EXCEPTIONS].sort());
  assert.deepEqual(LOCAL.filter((name) => !functions.includes(name)), [], "what is gone needs no word");
  const told = await readFile(new URL("../../../docs/conformance.md", import.meta.url), "utf8");
  assert.deepEqual(EXCEPTIONS.filter((name) => !told.includes(`\`${name}\``)), [], "docs/conformance.md tells of each");
});
