// The pages in Chromium, on a hub of their own. One process runs all, so that they share it.
import { after } from "node:test";

import "./tests/people.mjs";
import "./tests/hostile.mjs";
import "./tests/accessibility.mjs";
import { close } from "./world.mjs";

after(close);
