// A client with everything around it made by the test: time, chance, storage, the door and the platform.

import { createClient } from '../../../../clients/miniprogram/qunli.js';

export const BEGIN = Date.UTC(2026, 2, 2, 1, 0, 0);

/** Time that passes only when told to. */
export function fakeTimers() {
  let now = BEGIN;
  let number = 0;
  const waiting = new Map();
  const settle = () => new Promise((resolve) => setImmediate(resolve)); // when no promise has anything left to do
  return {
    now: () => now,
    set(action, ms) {
      waiting.set((number += 1), { at: now + ms, action });
      return number;
    },
    clear: (id) => waiting.delete(id),
    settle,
    turnBack: (ms) => (now -= ms),
    /** Let time pass, timer after timer. */
    async pass(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const [next] = [...waiting].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at || a[0] - b[0]);
        if (!next) break;
        waiting.delete(next[0]);
        now = Math.max(now, next[1].at);
        next[1].action();
        await settle();
      }
      now = end;
    },
  };
}

/** As a browser's localStorage. */
export class MemoryStorage {
  constructor() {
    this.kept = new Map();
    this.broken = new Set();
  }
  check(method) {
    if (this.broken.has(method)) throw new Error('QuotaExceededError');
  }
  get length() {
    this.check('length');
    return this.kept.size;
  }
  key(index) {
    return [...this.kept.keys()][index] ?? null;
  }
  getItem(key) {
    this.check('getItem');
    return this.kept.get(key) ?? null;
  }
  setItem(key, value) {
    this.check('setItem');
    this.kept.set(key, String(value));
  }
  removeItem(key) {
    this.check('removeItem');
    this.kept.delete(key);
  }
}

export function accepting(events) {
  return verdicts(events.map((event) => ({ id: event.id, result: 'accepted' })));
}

export function verdicts(results, headers = {}) {
  const has = (result) => results.some((one) => one.result === result);
  let status = has('unknown') ? 503 : 422;
  if (has('accepted')) status = has('rejected') || has('unknown') ? 207 : 202;
  return { status, headers, text: JSON.stringify({ results }) };
}

export function status(code, headers = {}, body = {}) {
  return { status: code, headers, text: JSON.stringify(body) };
}

/** A client whose door gives `answers` in turn, then accepts. An answer is a value, a function of the events, or an Error. */
export function aWorld({ answers = [], ...options } = {}) {
  const timers = options.timers || fakeTimers();
  const storage = options.storage || new MemoryStorage();
  const seen = { requests: [], rejected: [], dropped: 0, problems: [], tokens: 0, open: 0, mostOpen: 0 };
  async function fetch(url, init) {
    const events = JSON.parse(init.body);
    seen.requests.push({ url, init, events, ids: events.map((event) => event.id), at: timers.now() - BEGIN });
    seen.open += 1;
    seen.mostOpen = Math.max(seen.mostOpen, seen.open);
    try {
      const next = answers.length > 0 ? answers.shift() : accepting;
      const answer = await (typeof next === 'function' ? next(events, init) : next);
      if (answer instanceof Error) throw answer;
      const headers = new Map(Object.entries(answer.headers || {}));
      return { status: answer.status, headers, text: async () => answer.text };
    } finally {
      seen.open -= 1;
    }
  }
  const client = createClient({
    url: 'https://ingest.example',
    storeId: 'sh-001',
    memberId: 'm-42',
    getToken: () => `token-${(seen.tokens += 1)}`,
    fetch,
    random: () => 0.5,
    onRejected: (event, why) => seen.rejected.push([event, why]),
    onDropped: (count) => (seen.dropped += count),
    onProblem: (problem) => seen.problems.push(problem),
    ...options,
    timers,
    storage,
  });
  return { client, timers, storage, seen };
}
