// The hub and the browser that all of a run share.
import { fill } from "./content.mjs";
import { Hub, browser, signIn } from "./hub.mjs";

export const hub = await Hub.start();
/** Tokens of the users. */
export const tokens = await fill(hub);
const chromium = await browser();
/** Cookies of those who signed in once. */
const states = new Map();

/** Opens a window of somebody who has signed in, or of nobody. */
export async function visitors(user, options = {}) {
  const storageState = user === null ? undefined : await state(user);
  return chromium.newContext({ baseURL: hub.url, storageState, ...options });
}

/** Returns the header that a browser sends in which somebody has signed in. */
export async function cookies(user) {
  return (await state(user)).cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
}

async function state(user) {
  if (!states.has(user)) {
    const context = await chromium.newContext({ baseURL: hub.url });
    await signIn(await context.newPage(), user);
    states.set(user, await context.storageState());
    await context.close();
  }
  return states.get(user);
}

export async function close() {
  await chromium.close();
  await hub.remove();
}
