// Writes a picture of every page, light and dark, narrow and wide, into the folder that it is given.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { PAGES } from "./pages.mjs";
import { close, visitors } from "./world.mjs";

const [folder, only] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
for (const colorScheme of ["light", "dark"]) {
  for (const width of [390, 1440]) {
    for (const [name, path, user] of PAGES.filter(([name]) => !only || only.split(",").includes(name))) {
      const context = await visitors(user, { colorScheme, viewport: { width, height: 900 } });
      const page = await context.newPage();
      await page.goto(path);
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      await context.close();
    }
  }
}
await close();
