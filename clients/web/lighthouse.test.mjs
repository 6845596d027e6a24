// Lighthouse on the pages that people see most, as on a desktop and as on a phone. What it says of speed depends on the
// machine, so this is no part of what every change has to pass.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import lighthouse, { desktopConfig } from "lighthouse";

import { browser, freePort } from "./hub.mjs";
import { MEASURED, PAGES } from "./pages.mjs";
import { close, cookies, hub } from "./world.mjs";

const BOUNDS = { performance: 95, accessibility: 100, "best-practices": 95 };
const port = await freePort();
const chromium = await browser(`--remote-debugging-port=${port}`);

after(async () => {
  await chromium.close();
  await close();
});

for (const form of ["desktop", "phone"]) {
  for (const [name, path, user] of PAGES.filter(([name]) => MEASURED.includes(name))) {
    test(`${name}, ${form}`, async (context) => {
      const extraHeaders = user === null ? {} : { Cookie: await cookies(user) };
      const options = { port, onlyCategories: Object.keys(BOUNDS), extraHeaders, logLevel: "error" };
      const { lhr } = await lighthouse(hub.url + path, options, form === "desktop" ? desktopConfig : undefined);
      const scores = Object.fromEntries(Object.entries(lhr.categories).map(([id, { score }]) => [id, Math.round(score * 100)]));
      const { "network-requests": network, "total-byte-weight": weight } = lhr.audits;
      const requests = network.details.items.length;
      context.diagnostic(`${JSON.stringify(scores)}, ${requests} requests, ${weight.numericValue} bytes`);
      const failed = Object.values(lhr.audits).filter(({ score }) => score !== null && score < 0.9);
      for (const [id, bound] of Object.entries(BOUNDS)) {
        assert.ok(scores[id] >= bound, `${id}: ${scores[id]}; ${failed.map(({ id, title }) => `${id}: ${title}`).join("; ")}`);
      }
      assert.ok(requests <= 8, `${requests} requests`);
    });
  }
}
