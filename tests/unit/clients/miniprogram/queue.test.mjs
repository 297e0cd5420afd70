// What survives: the app's end, a full or broken storage, a second page, a clock that is set back.

import assert from 'node:assert/strict';
import test from 'node:test';

import { aWorld, accepting, fakeTimers, status, MemoryStorage } from './world.mjs';

const chance = (seed) => () => ((seed = (seed * 48271) % 0x7fffffff) / 0x7fffffff);
const times = (number, client) => Array.from({ length: number }, () => client.checkIn({ method: 'qr' }));
const sent = (...worlds) => worlds.flatMap(({ seen }) => seen.requests.flatMap(({ ids }) => ids));

test('an event stands in storage as soon as it is tracked, and the next run of the app sends it', async () => {
  const first = aWorld();
  const ids = times(3, first.client);
  assert.equal(first.storage.kept.size, 3);
  const second = aWorld({ storage: first.storage }); // the first was killed: its timers never ring
  await second.timers.pass(2000);
  assert.deepEqual(sent(second), ids);
  assert.equal(first.storage.kept.size, 0);
  assert.equal(sent(first).length, 0);
});

test('killed between the answer and its removal: the same ids go again', async () => {
  const first = aWorld({ answers: [() => new Promise(() => {})] });
  const ids = times(2, first.client);
  await first.timers.pass(2000);
  const second = aWorld({ storage: first.storage });
  await second.timers.pass(2000);
  assert.deepEqual([sent(first), sent(second)], [ids, ids]);
});

test('the oldest go when the queue is full, and are counted', async () => {
  const { client, timers, seen, storage } = aWorld({ limit: 10, batch: 50 });
  const ids = times(25, client);
  assert.deepEqual([seen.dropped, client.stats().dropped, storage.kept.size], [15, 15, 10]);
  await timers.pass(2000);
  assert.deepEqual(sent({ seen }), ids.slice(15));
});

test('the clock set back changes no order, in this run or the next', async () => {
  const timers = fakeTimers();
  const { client, storage } = aWorld({ timers });
  const ids = times(3, client);
  timers.turnBack(3600000);
  ids.push(...times(3, client));
  const later = aWorld({ storage, timers });
  ids.push(...times(3, later.client));
  client.stop();
  await later.client.flush();
  assert.deepEqual(sent(later), ids);
});

test('a storage that is full or broken never throws into the app; what it does not take is kept in memory', async () => {
  for (const broken of [['setItem'], ['length'], ['setItem', 'length', 'getItem', 'removeItem']]) {
    const { client, timers, storage, seen } = aWorld();
    broken.forEach((method) => storage.broken.add(method));
    const ids = times(4, client);
    if (broken.includes('setItem')) assert.equal(client.stats().unstored, 4);
    await timers.pass(2000);
    assert.deepEqual(sent({ seen }), ids, String(broken));
    assert.equal(client.stats().waiting, 0);
  }
});

test('memory has the same bound as storage', () => {
  const { client, storage } = aWorld({ limit: 5 });
  storage.broken.add('setItem');
  times(12, client);
  assert.deepEqual(client.stats(), { waiting: 5, dropped: 7, unstored: 5 });
});

test('no storage at all', async () => {
  const { client, timers, seen } = aWorld({ storage: {} });
  const ids = times(3, client);
  await timers.pass(2000);
  assert.deepEqual(sent({ seen }), ids);
});

test('what was sent and cannot be removed is not sent for ever', async () => {
  const { client, timers, storage, seen } = aWorld();
  const ids = times(3, client);
  storage.broken.add('removeItem');
  await timers.pass(3600000);
  assert.deepEqual(sent({ seen }), ids);
  storage.broken.clear();
  times(1, client);
  await timers.pass(2000);
  assert.equal(storage.kept.size, 0);
});

test('a storage that cannot be read for a moment loses nothing', async () => {
  const { client, timers, storage, seen } = aWorld();
  const ids = times(3, client);
  storage.broken.add('getItem');
  await timers.pass(10000);
  assert.equal(seen.requests.length, 0);
  storage.broken.clear();
  await timers.pass(2000);
  assert.deepEqual(sent({ seen }), ids);
});

test('spoilt entries are dropped and counted; keys of others are left alone', async () => {
  const { client, timers, storage, seen } = aWorld();
  const [id] = times(1, client);
  storage.setItem('qunli/m-42/000000000-spoilt', '{"id": "x');
  storage.setItem('qunli/m-42/000000001-spoilt', 'null');
  storage.setItem('qunli/m-7/of-another-member', '{"id":"x"}');
  storage.setItem('theme', 'dark');
  await timers.pass(2000);
  assert.deepEqual([sent({ seen }), seen.dropped], [[id], 2]);
  assert.deepEqual([...storage.kept.keys()], ['qunli/m-7/of-another-member', 'theme']);
});

test('two pages on one storage lose nothing of each other, wherever their steps fall', async () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const random = chance(seed);
    const timers = fakeTimers();
    const storage = new MemoryStorage();
    const cut = () => (random() < 0.3 ? new Error('cut') : null);
    const lossy = (events) => (random() < 0.3 ? status(503) : cut() || accepting(events));
    const slow = (events) => new Promise((resolve) => timers.set(() => resolve(lossy(events)), 3000 * random()));
    const page = (own) => aWorld({ storage, timers, random: chance(seed * 100 + own), batch: 7, answers: Array(40).fill(slow) });
    const pages = [page(1), page(2)];
    const ids = [];
    for (let turn = 0; turn < 40; turn += 1) {
      ids.push(...times(Math.floor(random() * 3), pages[Math.floor(random() * 2)].client));
      await timers.pass(Math.floor(random() * 1500));
    }
    await timers.pass(3600000);
    assert.equal(storage.kept.size, 0, `seed ${seed}`);
    assert.deepEqual(new Set(sent(...pages)), new Set(ids), `seed ${seed}`);
    assert.equal(pages[0].client.stats().dropped + pages[1].client.stats().dropped, 0);
  }
});

test('another member on the same device sends only its own', async () => {
  const first = aWorld();
  const ids = times(2, first.client);
  first.client.stop();
  const second = aWorld({ storage: first.storage, memberId: 'm-7' });
  const [own] = times(1, second.client);
  await second.timers.pass(10000);
  assert.deepEqual(sent(second), [own]);
  const back = aWorld({ storage: first.storage });
  await back.timers.pass(2000);
  assert.deepEqual(sent(back), ids);
});
