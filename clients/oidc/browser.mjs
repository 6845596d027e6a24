// What a browser does with pages: it follows redirects, keeps cookies per origin, and fills forms.
export class Browser {
  #cookies = new Map();
  /** Part of an address to which no redirect is followed. */
  stopAt = null;

  /** Opens an address and follows redirects; returns the page with its address. */
  async open(address, init = {}) {
    for (let steps = 0; steps < 20; steps++) {
      const url = new URL(address);
      const jar = this.#cookies.get(url.origin) ?? new Map();
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { accept: "text/html", ...init.headers, cookie };
      const response = await fetch(url, { ...init, headers, redirect: "manual" });
      for (const line of response.headers.getSetCookie()) {
        const [pair] = line.split(";");
        const at = pair.indexOf("=");
        jar.set(pair.slice(0, at), pair.slice(at + 1));
      }
      this.#cookies.set(url.origin, jar);
      const location = response.headers.get("location");
      if (location === null) {
        return { url: url.href, status: response.status, text: await response.text() };
      }
      address = new URL(location, url).href;
      init = {};
      if (this.stopAt !== null && address.includes(this.stopAt)) {
        return { url: address, status: response.status, text: "" };
      }
    }
    throw new Error("too many redirects");
  }

  /** Sends the first form of a page with the fields that it holds and those given. */
  async submit(page, fields = {}) {
    const form = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(page.text);
    if (form === null) throw new Error(`no form at ${page.url}: ${page.text}`);
    const body = new URLSearchParams();
    for (const [input] of form[2].matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
      body.set(/name="([^"]*)"/.exec(input)[1], /value="([^"]*)"/.exec(input)?.[1] ?? "");
    }
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return this.open(new URL(form[1].replaceAll("&amp;", "&"), page.url).href, { method: "POST", headers, body: `${body}` });
  }
}
