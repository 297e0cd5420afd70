// The public API, with the session's cookie. Every failure is a Problem with a stable code.

const TRIES = 4; // of a command whose fate is unknown: the same key, so it is done once
const PATIENCE_MS = 90000; // for what becomes of a command

let csrf = null;
let sessionIsOver = () => {};

/** What a session's answer said; `over` is called when the API no longer knows the session. */
export function openSession(token, over) {
  csrf = token;
  sessionIsOver = over;
}

export class Problem extends Error {
  /** `status` 0: there was no answer. */
  constructor(status, code, detail, path = '') {
    super(detail || code);
    this.status = status;
    this.code = code;
    this.path = path;
  }
}

/** { data, asOf, headers } of a read. `after`: a position that the answer must hold. */
export async function read(path, { after, signal } = {}) {
  const headers = { Accept: 'application/json' };
  if (after) headers['X-Qunli-After'] = after;
  return answered(await send(path, { headers, signal }));
}

/** A page of a list as CSV: { text, next }, where `next` leads to the page behind it. */
export async function readCsv(path) {
  const response = await send(path, { headers: { Accept: 'text/csv' } });
  if (!response.ok) return answered(response);
  const [, next] = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') || '') || [];
  return { text: await response.text(), next };
}

/** A change that is answered at once. */
export async function post(path, body, method = 'POST') {
  return answered(await send(path, withBody(method, body)));
}

/** A command: { command_id, position, location } once the log has it. A body that is text goes as CSV. */
export async function command(method, path, body, headers = {}) {
  const key = newKey();
  for (let left = TRIES - 1; ; left--) {
    try {
      const init = withBody(method, body);
      Object.assign(init.headers, headers, { 'Idempotency-Key': key });
      const { data, headers: said } = await answered(await send(path, init));
      return { ...data, location: said.get('location') };
    } catch (error) {
      if (!left || (error.status !== 0 && error.status !== 503)) throw error;
      await pause(500 * 2 ** (TRIES - left));
    }
  }
}

/** What became of a command: its outcome, or null if it is not known in time. */
export async function outcomeOf(accepted, signal) {
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until && !(signal && signal.aborted)) {
    try {
      const { data } = await read(accepted.location, { after: accepted.position, signal });
      if (data.outcome) return data.outcome;
    } catch (error) {
      if (error.status !== 503 && error.status !== 0) throw error;
    }
    await pause(400);
  }
  return null;
}

/** All rows of a list, page after page, up to `most`: { items, asOf, more, first } where `first` is the first page. */
export async function readAll(path, { most = 1000, signal } = {}) {
  const joint = path.includes('?') ? '&' : '?';
  const first = await read(`${path}${joint}limit=200`, { signal });
  const items = [...first.data.items];
  let cursor = first.data.next_cursor;
  while (cursor && items.length < most) {
    const page = await read(`${path}${joint}limit=200&cursor=${encodeURIComponent(cursor)}`, { signal });
    items.push(...page.data.items);
    cursor = page.data.next_cursor;
  }
  return { items, asOf: first.asOf, more: Boolean(cursor), first: first.data };
}

function withBody(method, body) {
  const headers = { Accept: 'application/json' };
  if (csrf) headers['X-CSRF-Token'] = csrf;
  if (body === undefined) return { method, headers };
  const isText = typeof body === 'string';
  headers['Content-Type'] = isText ? 'text/csv' : 'application/json';
  return { method, headers, body: isText ? body : JSON.stringify(body) };
}

async function send(path, init) {
  try {
    return await fetch(path, { ...init, credentials: 'same-origin', cache: 'no-cache' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, 'unreachable', String(error.message || error));
  }
}

async function answered(response) {
  if (response.ok) {
    const { headers } = response;
    const data = response.status === 204 ? null : await response.json();
    return { data, asOf: headers.get('x-qunli-as-of'), headers };
  }
  const problem = await problemOf(response);
  if (problem.status === 401) sessionIsOver();
  throw problem;
}

async function problemOf(response) {
  try {
    const { code, detail, path } = await response.json();
    return new Problem(response.status, code, detail, path);
  } catch {
    return new Problem(response.status, 'unreadable_answer', response.statusText);
  }
}

/** 128 random bits as text; `crypto.randomUUID` is missing where a page came by plain http. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
