// An app of one member, to be killed: tracks event after event, writes down what it has tracked and what came back.
// argv: a JSON object {url, backend, folder, member, platform, seed, count}; count: events before it drains and ends, or null.

import fs from 'node:fs';
import path from 'node:path';

import { createClient } from '../../../clients/miniprogram/qunli.js';

const given = JSON.parse(process.argv[2]);
const FASTER = 30; // than on a phone: timers are real, pauses and deadlines a thirtieth
const EVERY_MS = 25;

/** As localStorage, a file for each key: what was set is there after a kill. */
class FileStorage {
  constructor(folder) {
    this.folder = folder;
    fs.mkdirSync(folder, { recursive: true });
  }
  file(key) {
    return path.join(this.folder, encodeURIComponent(key));
  }
  keys() {
    return fs.readdirSync(this.folder).filter((name) => !name.endsWith('~')).map(decodeURIComponent);
  }
  get length() {
    return this.keys().length;
  }
  key(index) {
    return this.keys()[index] ?? null;
  }
  getItem(key) {
    return fs.existsSync(this.file(key)) ? fs.readFileSync(this.file(key), 'utf8') : null;
  }
  setItem(key, value) {
    fs.writeFileSync(`${this.file(key)}~`, value);
    fs.renameSync(`${this.file(key)}~`, this.file(key));
  }
  removeItem(key) {
    fs.rmSync(this.file(key), { force: true });
  }
}

/** The part of `wx` that the client uses. */
function miniProgram(storage) {
  return {
    getStorageInfoSync: () => ({ keys: storage.keys() }),
    getStorageSync: (key) => storage.getItem(key) ?? '',
    setStorageSync: (key, value) => storage.setItem(key, value),
    removeStorageSync: (key) => storage.removeItem(key),
    request({ url, method, header, data, success, fail }) {
      const controller = new AbortController();
      fetch(url, { method, headers: header, body: data, signal: controller.signal, redirect: 'manual' })
        .then(async (said) => ({ statusCode: said.status, header: Object.fromEntries(said.headers), data: await said.text() }))
        .then(success, (error) => fail({ errMsg: `request:fail ${error}` }));
      return { abort: () => controller.abort() };
    },
  };
}

function chance(seed) {
  let state = seed;
  return () => ((state = (state * 48271) % 0x7fffffff) / 0x7fffffff);
}

const write = (name, line) => fs.appendFileSync(path.join(given.folder, name), `${line}\n`);
const storage = new FileStorage(path.join(given.folder, 'storage'));

const client = createClient({
  url: given.url,
  storeId: 'sh-001',
  memberId: given.member,
  getToken: () => fetch(given.backend).then((said) => said.json()),
  onRejected: (event, why) => write('rejected', `${event.id} ${why.code}`),
  onDropped: (count) => write('dropped', count),
  onProblem: (problem) => write('problems', JSON.stringify(problem)),
  batch: 20,
  limit: 100000,
  interval: 600,
  timeout: 45000,
  timers: { now: Date.now, set: (action, ms) => setTimeout(action, ms / FASTER), clear: clearTimeout },
  ...(given.platform === 'wx' ? { wx: miniProgram(storage) } : { fetch, storage }),
});

const random = chance(given.seed);
let number = 0;
const tracking = setInterval(() => {
  const bad = random() < 0.04;
  if (bad) write('bad', client.checkIn({ method: 'teleport' }));
  else write('tracked', random() < 0.5 ? client.checkIn({ method: 'qr' }) : client.message({ kind: 'text', text: '早上好' }));
  if (random() < 0.02) client.onHide();
  if (random() < 0.02) client.onShow();
  number += 1;
  if (number === given.count) drain();
}, EVERY_MS);

function drain() {
  clearInterval(tracking);
  setInterval(() => {
    if (client.stats().waiting === 0) process.exit(0);
  }, EVERY_MS);
}
