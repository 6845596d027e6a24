// axe finds nothing to complain of on any page, light or dark, narrow or wide.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { PAGES } from "../pages.mjs";
import { visitors } from "../world.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core");

for (const colorScheme of ["light", "dark"]) {
  for (const [name, path, user] of PAGES) {
    test(`${name}, ${colorScheme}`, async () => {
      // What is checked is the page, so the checker may run although the page allows no script from elsewhere.
      const context = await visitors(user, { colorScheme, bypassCSP: true, viewport: { width: 390, height: 900 } });
      const page = await context.newPage();
      const answer = await page.goto(path);
      assert.equal(answer.status(), name === "missing" ? 404 : 200);
      await page.addScriptTag({ path: axe });
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
      assert.deepEqual(told, []);
      const { scrollWidth, clientWidth } = await page.evaluate(() => document.documentElement);
      assert.ok(!(scrollWidth > clientWidth), `${scrollWidth} px are asked for, ${clientWidth} are there`);
      await context.close();
    });
  }
}
