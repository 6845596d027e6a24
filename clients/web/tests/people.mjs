// What people do, with and without JavaScript.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { PASSWORD, signIn } from "../hub.mjs";
import { hub, tokens, visitors } from "../world.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    const script = javaScriptEnabled ? "script" : "plain";

    test("a person signs in, comes back to where it was, and signs out", async () => {
      const context = await visitors(null, { javaScriptEnabled });
      const page = await context.newPage();
      await page.goto("/login?next=/lab/tiny");
      await page.getByLabel("Name").fill("bob");
      await page.getByLabel("Password").fill("wrong");
      await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("alert").waitFor();
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
      await page.waitForURL("**/lab/tiny");
      await page.locator("summary", { hasText: "bob" }).click();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("link", { name: "Sign in" }).waitFor();
      await context.close();
    });

    test("nobody is led to another site after signing in", async () => {
      for (const next of ["https://evil.example/", "//evil.example/", "/\\evil.example/"]) {
        const context = await visitors(null, { javaScriptEnabled });
        const page = await context.newPage();
        await page.goto(`/login?next=${encodeURIComponent(next)}`);
        await page.getByLabel("Name").fill("bob");
        await page.getByLabel("Password").fill(PASSWORD);
        await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
        await page.locator("summary", { hasText: "bob" }).waitFor();
        assert.equal(new URL(page.url()).origin, hub.url);
        await context.close();
      }
    });

    test("access is asked for and granted", async () => {
      const name = `eve-${script}`;
      await hub.user(name);
      const context = await visitors(null, { javaScriptEnabled });
      const page = await context.newPage();
      await signIn(page, name, "/lab/closed");
      await page.getByLabel("Affiliation").fill("University of Somewhere");
      await page.getByRole("button", { name: /ask for access/ }).click();
      await page.getByText("Your request awaits").waitFor();
      await hub.api(tokens.ada, "POST", "/models/lab/closed/user-access-request/handle", { status: "accepted", user: name });
      await page.reload();
      assert.equal(await page.getByText("Your request awaits").count(), 0);
      await page.getByRole("heading", { name: "Closed", exact: true }).waitFor();
      await context.close();
    });
  });
}
