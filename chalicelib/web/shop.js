// The shop, asked over its routes. Addresses are relative, so the page works behind any prefix.
// What the shop refuses is thrown as a Problem, and so is silence: then `isLost` says that nobody
// knows whether it was heard, and the same request, with the same key, may be sent again.

const PATIENCE_MS = 15_000;

export class Problem extends Error {
  constructor(status, said, retryAfter) {
    super(said.detail ?? "The shop did not answer as it should.");
    this.status = status;
    this.fields = said.errors ?? [];
    this.retryAfter = retryAfter;
  }

  get isLost() {
    return this.status === 0 || this.status >= 500;
  }
}

let token = null;
let onRefused = () => {};
let told = new Map(); // what this person was told last, and under which tag, by path

export function speakAs(given, refused) {
  token = given;
  told = new Map();
  onRefused = refused ?? onRefused;
}

export async function ask(path, request) {
  return (await answered(path, request)).json().catch(() => ({}));
}

// The same for what is looked at again and again: the shop says so where nothing changed since.
export async function latest(path) {
  const ours = told;
  const known = ours.get(path);
  const answer = await answered(path, { known: known?.tag });
  if (answer.status === 304) return known.said;
  const said = await answer.json().catch(() => ({}));
  if (answer.headers.has("ETag")) ours.set(path, { tag: answer.headers.get("ETag"), said });
  return said;
}

async function answered(path, { method = "GET", body, key, after, known } = {}) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  if (after) headers["Read-After"] = after;
  if (known) headers["If-None-Match"] = known;
  const answer = await heard(path, { method, headers, body: body && JSON.stringify(body) });
  if (answer.ok || answer.status === 304) return answer;
  if (answer.status === 401 && token) onRefused();
  const said = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, said, Number(answer.headers.get("Retry-After")) || 1);
}

async function heard(path, request) {
  try {
    return await fetch(path, { ...request, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    throw new Problem(0, { detail: "The shop could not be reached." }, 2);
  }
}

// Wait until a view has passed what was just recorded: so one sees what one did. If that takes too
// long, what is followed shows it later; the event itself is safe on the log.
export async function seen(path, after, times = 12) {
  for (let left = times; left > 0; left -= 1) {
    try {
      return await ask(path, { after });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      await pause(250);
    }
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// A key that no other form has. `crypto.randomUUID` is kept from pages that come over plain http.
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return "page-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Again and again while the page is seen: after `every` ms, later where the shop asks for it. Who
// awaits a turn has seen what was there when it was asked for: a look under way may be older.
export function follow(every, look) {
  let timer = null;
  let failures = 0;
  let now = null;
  let next = null;

  function turn() {
    clearTimeout(timer);
    if (document.hidden) return undefined;
    if (now) return (next ??= now.finally(() => { next = null; }).then(turn));
    return (now = once());
  }

  async function once() {
    let wait = every;
    try {
      await look();
      failures = 0;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      failures += 1;
      wait = Math.max(problem.retryAfter * 1000, Math.min(every * 2 ** failures, 15_000));
    } finally {
      now = null;
      if (!document.hidden) timer = setTimeout(turn, wait);
    }
  }

  document.addEventListener("visibilitychange", turn);
  turn();
  return turn;
}
