// Sends large files in parts, so that an interruption loses little: what has arrived is kept for a day, and the same
// file goes on from there. Without this script the form sends all files whole.

// Files above this size never stay inside of a commit.
const LARGE_BYTES = 10 * 1024 * 1024;
const HASH_BYTES = 4 * 1024 * 1024;
const ATTEMPTS = 6;
const SIDE_BY_SIDE = 3;

// Signed, as engines compute with them fastest.
const K = new Int32Array(64);
const START = new Int32Array(8);
{
  // FIPS 180-4 §4.2.2 and §5.3.3: the fractions of the roots of the first primes.
  const primes = [];
  for (let number = 2; primes.length < 64; number++) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number);
  }
  primes.forEach((prime, index) => {
    K[index] = fraction(BigInt(prime), 3n);
    if (index < 8) START[index] = fraction(BigInt(prime), 2n);
  });
}

// The first 32 bits after the point of a root, in whole numbers, so that no rounding is trusted.
function fraction(number, degree) {
  const target = number << (32n * degree);
  let low = 0n;
  let high = 1n << 40n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** degree <= target) low = middle;
    else high = middle;
  }
  return Number(low & 0xffffffffn);
}

// SHA-256 of what comes in pieces, which browsers do not offer.
export class Sha256 {
  #state = START.slice();
  #words = new Int32Array(64);
  #rest = new Uint8Array(64);
  #held = 0;
  #length = 0;

  update(bytes) {
    this.#length += bytes.length;
    let at = 0;
    if (this.#held > 0) {
      at = Math.min(64 - this.#held, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#held);
      this.#held += at;
      if (this.#held < 64) return this;
      this.#block(this.#rest, 0);
      this.#held = 0;
    }
    for (; at + 64 <= bytes.length; at += 64) this.#block(bytes, at);
    this.#rest.set(bytes.subarray(at));
    this.#held = bytes.length - at;
    return this;
  }

  hex() {
    const padding = new Uint8Array(((this.#held < 56 ? 56 : 120) - this.#held) + 8);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(padding.length - 8, BigInt(this.#length) * 8n);
    this.update(padding);
    return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #block(bytes, at) {
    const w = this.#words;
    for (let i = 0; i < 16; i++, at += 4) {
      w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    const s = this.#state;
    let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    s[0] += a; s[1] += b; s[2] += c; s[3] += d; s[4] += e; s[5] += f; s[6] += g; s[7] += h;
  }
}

// What cannot be mended by trying again.
class Refused extends Error {}

function start(form) {
  const panel = form.querySelector(".sending");
  const bar = panel.querySelector("progress");
  const status = panel.querySelector("[role=status]");
  const pause = panel.querySelector("button");
  const submit = form.querySelector("button[data-send]");
  const address = form.dataset.parts;
  const token = form.elements.token.value;
  const digests = new WeakMap();
  let stop = null;

  const say = (text) => { status.textContent = text; };
  const show = (share, text) => {
    bar.value = share;
    say(`${text}: ${Math.floor(share * 100)} %`);
  };

  // Asks until there is an answer; a refusal is none that waiting would change.
  async function ask(path, options) {
    for (let attempt = 1; ; attempt++) {
      let problem;
      try {
        const response = await fetch(address + path, { ...options, signal: stop.signal });
        if (response.ok) return response;
        problem = await response.text();
        if (response.status < 500 && response.status !== 429) throw new Refused(problem);
      } catch (error) {
        if (error instanceof Refused || stop.signal.aborted) throw error;
        problem = "The connection broke.";
      }
      if (attempt === ATTEMPTS) throw new Error(problem);
      say(`${problem} Trying again …`);
      await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** (attempt - 1)));
      stop.signal.throwIfAborted();
    }
  }

  async function digest(file) {
    if (digests.has(file)) return digests.get(file);
    const hash = new Sha256();
    for (let at = 0; at < file.size; at += HASH_BYTES) {
      stop.signal.throwIfAborted();
      hash.update(new Uint8Array(await file.slice(at, at + HASH_BYTES).arrayBuffer()));
      show(Math.min(1, (at + HASH_BYTES) / file.size), `Reading ${file.name}`);
    }
    digests.set(file, hash.hex());
    return digests.get(file);
  }

  async function send(file) {
    const sha256 = await digest(file);
    const begin = new URLSearchParams({ token, sha256, size: String(file.size) });
    const upload = await (await ask("", { method: "POST", body: begin })).json();
    if (!upload.stored) {
      const have = new Set(upload.have);
      const missing = [];
      for (let part = 1; part <= upload.parts; part++) if (!have.has(part)) missing.push(part);
      let sent = have.size;
      const headers = { "x-form-token": token, "x-upload-grant": upload.grant };
      const worker = async () => {
        for (let part = missing.shift(); part !== undefined; part = missing.shift()) {
          const at = (part - 1) * upload.chunkBytes;
          const body = file.slice(at, at + upload.chunkBytes);
          await ask(`/${part}`, { method: "PUT", headers, body });
          sent += 1;
          show(sent / upload.parts, `Sending ${file.name}`);
        }
      };
      show(sent / upload.parts, `Sending ${file.name}`);
      await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
      say(`Storing ${file.name} …`);
      await ask("/finish", { method: "POST", body: new URLSearchParams({ token, grant: upload.grant }) });
    }
    return `${sha256} ${file.size} ${file.name}`;
  }

  async function run() {
    const files = Array.from(form.elements.file.files);
    const data = new FormData(form);
    data.delete("file");
    for (const file of files.filter((file) => file.size > LARGE_BYTES)) data.append("large", await send(file));
    files.filter((file) => file.size <= LARGE_BYTES).forEach((file) => data.append("file", file));
    say("Committing …");
    const response = await fetch(form.action, { method: "POST", body: data, signal: stop.signal });
    if (response.redirected && response.ok) {
      location.assign(response.url);
      return;
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const problem = page.querySelector("[role=alert], main p");
    throw new Refused(problem ? problem.textContent : "The server did not understand the form.");
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    stop = new AbortController();
    submit.disabled = true;
    panel.hidden = false;
    run().catch((error) => {
      const paused = stop.signal.aborted;
      stop.abort();
      submit.disabled = false;
      const kept = "What has arrived is kept for a day; send the same files again to go on.";
      say(paused ? `Paused. ${kept}` : `${error.message} ${kept}`);
    });
  });
  pause.addEventListener("click", () => stop?.abort());
}

if (typeof document !== "undefined") document.querySelectorAll("form[data-parts]").forEach(start);
