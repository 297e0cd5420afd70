// What is sent, when, and what each answer leads to.

import assert from 'node:assert/strict';
import test from 'node:test';

import { BEGIN, aWorld, accepting, status, verdicts } from './world.mjs';

const times = (number, client, data = { method: 'qr' }) =>
  Array.from({ length: number }, () => client.track('check_in', data));
const all = (result) => (events) => verdicts(events.map(({ id }) => ({ id, result, code: 'bad_value', path: 'data' })));
const waits = (seen) => seen.requests.map(({ at }, index) => at - (index ? seen.requests[index - 1].at : 0));

test('what is tracked within the interval goes in one request, with time, offset and id', async () => {
  const { client, timers, seen } = aWorld();
  const ids = [client.join({ channel: 'qr' }), client.checkIn({ method: 'qr' }), client.leave()];
  ids.push(client.message({ kind: 'text', text: '你好' }));
  await timers.pass(2000);
  const [{ url, init, events }] = seen.requests;
  assert.equal(url, 'https://ingest.example/v1/events');
  assert.equal(init.headers.authorization, 'Bearer token-1');
  assert.deepEqual(events.map(({ id }) => id), ids);
  assert.deepEqual(events.map(({ type }) => type), ['join', 'check_in', 'leave', 'message']);
  assert.deepEqual(Object.keys(events[2]).sort(), ['data', 'id', 'member_id', 'occurred_at', 'store_id', 'type']);
  assert.match(events[0].occurred_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$/);
  assert.equal(Date.parse(events[0].occurred_at), BEGIN);
  assert.ok(ids.every((id) => /^[A-Za-z0-9._:-]{1,64}$/.test(id)) && new Set(ids).size === 4);
  assert.equal(seen.requests.length, 1);
  assert.equal(client.stats().waiting, 0);
});

test('a full batch goes at once; one request at a time, in the order of tracking', async () => {
  const { client, timers, seen } = aWorld({ batch: 10 });
  const ids = times(35, client);
  await timers.pass(0);
  assert.deepEqual(seen.requests.map((request) => request.ids.length), [10, 10, 10, 5]);
  assert.deepEqual(seen.requests.flatMap((request) => request.ids), ids);
  assert.equal(seen.mostOpen, 1);
});

test('a request stays below the bytes that the door takes, counted in UTF-8', async () => {
  const { client, timers, seen } = aWorld();
  for (let n = 0; n < 60; n += 1) client.message({ kind: 'text', text: '早😀é'.repeat(3000) });
  await timers.pass(2000);
  const sizes = seen.requests.map(({ init }) => Buffer.byteLength(init.body));
  assert.ok(sizes.every((size) => size <= 1 << 20), String(sizes));
  assert.ok(sizes.slice(0, -1).every((size) => size > (1 << 20) - 30000), String(sizes));
  assert.equal(seen.requests.flatMap(({ ids }) => ids).length, 60);
});

test('faults are tried again with the same ids, after full jitter below a doubling bound', async () => {
  const cut = new TypeError('cut');
  const strange = { status: 200, headers: {}, text: '<html>please log in' };
  const half = { status: 202, headers: {}, text: '{"accepted":1,"resu' };
  const others = () => verdicts([{ id: 'somebody-else', result: 'accepted' }]);
  const answers = [cut, status(500), strange, half, others, status(429), status(408), status(302), all('unknown')];
  const { client, timers, seen } = aWorld({ answers });
  const [id] = times(1, client);
  await timers.pass(10 * 60000);
  assert.equal(seen.requests.length, 10);
  assert.ok(seen.requests.every(({ ids }) => ids.length === 1 && ids[0] === id));
  // random() is 0.5: half of 1, 2, 4 ... 60 s
  assert.deepEqual(waits(seen).slice(1), [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  assert.equal(client.stats().waiting, 0);
});

test('jitter is full: from nothing to the whole bound', async () => {
  for (const [random, wait] of [[0, 1], [0.999, 999]]) {
    const { client, timers, seen } = aWorld({ answers: [status(503)], random: () => random });
    times(1, client);
    await timers.pass(5000);
    assert.equal(waits(seen)[1], wait);
  }
});

test('events tracked during a pause do not cut it short', async () => {
  const { client, timers, seen } = aWorld({ answers: Array(6).fill(status(503)), batch: 5, interval: 1 });
  times(1, client);
  await timers.pass(1 + 500 + 1000 + 2000 + 4000);
  assert.equal(seen.requests.length, 5);
  times(20, client);
  await timers.pass(7999);
  assert.equal(seen.requests.length, 5);
  await timers.pass(1);
  assert.equal(seen.requests.length, 6);
});

for (const [name, value, wait] of [
  ['seconds', '7', 7500],
  ['a date', new Date(BEGIN + 30000 + 2000).toUTCString(), 30500],
  ['a date that is past', new Date(BEGIN - 5000).toUTCString(), 500],
  ['nonsense', 'soon', 500],
  ['a year', '31536000', 600500],
]) {
  test(`Retry-After: ${name}`, async () => {
    const { client, timers, seen } = aWorld({ answers: [status(429, { 'retry-after': value })] });
    times(1, client);
    await timers.pass(2000);
    await client.onHide(); // nor does the app's end of the day bring it forward
    await timers.pass(wait - 1);
    assert.equal(seen.requests.length, wait > 500 ? 1 : 2);
    await timers.pass(1000);
    assert.equal(seen.requests.length, 2);
  });
}

test('rejected is told and dropped; unknown alone goes again', async () => {
  const mixed = (events) =>
    verdicts([
      { id: events[0].id, result: 'accepted' },
      { id: events[1].id, result: 'rejected', code: 'bad_value', path: 'data.method', detail: 'no' },
      { id: events[2].id, result: 'unknown' },
    ]);
  const { client, timers, seen } = aWorld({ answers: [mixed] });
  const ids = times(3, client);
  await timers.pass(10000);
  assert.deepEqual(seen.requests.map((request) => request.ids), [ids, [ids[2]]]);
  assert.equal(seen.rejected.length, 1);
  const [event, why] = seen.rejected[0];
  assert.deepEqual([event.id, why.code, why.path], [ids[1], 'bad_value', 'data.method']);
});

test('a 401 replaces the token once, at once; another one waits and tells', async () => {
  const { client, timers, seen } = aWorld({ answers: Array(3).fill(status(401, {}, { code: 'unauthenticated' })) });
  times(1, client);
  await timers.pass(2000);
  assert.deepEqual(seen.requests.map(({ init }) => init.headers.authorization), ['Bearer token-1', 'Bearer token-2']);
  assert.deepEqual(seen.problems, [{ status: 401, code: 'unauthenticated', detail: undefined }]);
  await timers.pass(15000);
  assert.equal(seen.requests.length, 3); // half of 30 s later, with yet another token
  await timers.pass(30000);
  assert.equal(seen.requests[3].init.headers.authorization, 'Bearer token-4');
  assert.deepEqual([seen.problems.length, client.stats().waiting], [2, 0]);
});

test('a 404 keeps the events, tells, and waits ever longer', async () => {
  const { client, timers, seen } = aWorld({ answers: Array(3).fill(status(404, {}, { code: 'not_found' })) });
  times(2, client);
  await timers.pass(10 * 60000);
  assert.deepEqual(waits(seen), [2000, 15000, 30000, 60000]);
  assert.deepEqual([seen.problems.length, seen.problems[0].code, client.stats().waiting], [3, 'not_found', 0]);
});

test('a token is replaced ahead of its end', async () => {
  let minted = 0;
  const getToken = async () => ({ token: `short-${(minted += 1)}`, expiresIn: 900 });
  const { client, timers, seen } = aWorld({ getToken });
  for (let minute = 0; minute < 15; minute += 1) {
    times(1, client);
    await timers.pass(60000);
  }
  assert.deepEqual([...new Set(seen.requests.map(({ init }) => init.headers.authorization))].length, 2);
  assert.equal(minted, 2);
});

test('a getToken that throws, gives nothing or never answers is tried again', async () => {
  const given = [() => { throw new Error('no net'); }, () => '', () => new Promise(() => {}), () => 'good'];
  const { client, timers, seen } = aWorld({ getToken: () => given.shift()() });
  times(1, client);
  await timers.pass(2000 + 500 + 1000 + 30000 + 2000);
  assert.equal(seen.requests.length, 1);
  assert.equal(seen.requests[0].init.headers.authorization, 'Bearer good');
});

test('a request without an answer ends and is aborted', async () => {
  let aborted = false;
  const hang = (_, init) => new Promise(() => init.signal.addEventListener('abort', () => (aborted = true)));
  const { client, timers, seen } = aWorld({ answers: [hang], timeout: 5000 });
  times(1, client);
  await timers.pass(2000 + 4999);
  assert.equal(aborted, false);
  await timers.pass(1 + 500);
  assert.equal(aborted, true);
  assert.equal(seen.requests.length, 2);
});

test('413 halves the batch for good', async () => {
  const narrow = (events) => (events.length > 3 ? status(413) : accepting(events));
  const { client, timers, seen } = aWorld({ answers: Array(30).fill(narrow) });
  const ids = times(20, client);
  await timers.pass(5000);
  const sizes = seen.requests.map((request) => request.ids.length);
  assert.deepEqual(sizes, [20, 10, 5, 3, 3, 3, 3, 3, 3, 2]);
  assert.deepEqual(seen.requests.slice(3).flatMap((request) => request.ids), ids);
});

test('one event that is too large alone, or makes its request unreadable, is singled out', async () => {
  for (const refusal of [status(413), status(400, {}, { code: 'unreadable' })]) {
    const poison = (events) => (events.some(({ data }) => data.method === 'bad') ? refusal : accepting(events));
    const { client, timers, seen } = aWorld({ answers: Array(60).fill(poison) });
    const good = times(9, client);
    const [bad] = times(1, client, { method: 'bad' });
    good.push(...times(9, client));
    await timers.pass(5000);
    assert.deepEqual(seen.rejected.map(([event]) => event.id), [bad]);
    assert.equal(client.stats().waiting, 0);
    const taken = seen.requests.filter(({ ids }) => !ids.includes(bad)).flatMap(({ ids }) => ids);
    assert.deepEqual(taken, good);
  }
});

test('a 400 that is not the door\'s gives nothing up', async () => {
  const { client, timers, seen } = aWorld({ answers: [{ status: 400, headers: {}, text: '<h1>Bad Request</h1>' }] });
  times(5, client);
  await timers.pass(2000);
  assert.deepEqual([client.stats().waiting, seen.rejected.length, seen.problems[0].status], [5, 0, 400]);
  await timers.pass(60000);
  assert.equal(client.stats().waiting, 0);
});

test('onHide sends at once; onShow goes on at once whatever pause there was; stop ends it', async () => {
  const { client, timers, seen } = aWorld({ answers: [accepting, ...Array(9).fill(status(503))] });
  times(2, client);
  assert.equal(await client.onHide(), true);
  times(1, client);
  await timers.pass(2000 + 500 + 1000 + 2000 + 4000);
  assert.equal(seen.requests.length, 6);
  client.onShow();
  await timers.pass(0);
  assert.equal(seen.requests.length, 7);
  await timers.pass(500);
  assert.equal(seen.requests.length, 8); // and pauses begin anew
  client.stop();
  await timers.pass(3600000);
  assert.equal(seen.requests.length, 8);
  client.onShow();
  await timers.pass(60000);
  assert.equal(client.stats().waiting, 0);
});

test('what throws in a callback of the app does no harm', async () => {
  const broken = () => { throw new Error('in the app'); };
  const answers = [all('rejected'), status(404), accepting];
  const { client, timers } = aWorld({ answers, onRejected: broken, onProblem: broken, onDropped: broken, limit: 2 });
  times(5, client);
  await timers.pass(2000);
  times(1, client);
  await timers.pass(60000);
  assert.equal(client.stats().waiting, 0);
});

test('data that is no JSON is told, not thrown; half an emoji is replaced', async () => {
  const { client, timers, seen } = aWorld();
  const round = {};
  round.self = round;
  assert.equal(client.track('message', round), null);
  assert.equal(seen.rejected[0][1].code, 'unserializable');
  client.message({ kind: 'text', text: 'a\ud83d b😀 \udc00' });
  await timers.pass(2000);
  assert.equal(seen.requests[0].events[0].data.text, 'a\ufffd b😀 \ufffd');
});

test('wx.request, wx storage and headers of any case serve as well', async () => {
  const kept = new Map();
  const asked = [];
  const wx = {
    getStorageInfoSync: () => ({ keys: [...kept.keys()] }),
    getStorageSync: (key) => kept.get(key) ?? '',
    setStorageSync: (key, value) => kept.set(key, value),
    removeStorageSync: (key) => kept.delete(key),
    request(options) {
      asked.push(options);
      const { text } = asked.length === 1 ? { text: '' } : accepting(JSON.parse(options.data));
      if (asked.length === 2) options.fail({ errMsg: 'request:fail' });
      else options.success({ statusCode: text ? 202 : 429, header: { 'Retry-After': '3' }, data: text });
      return { abort() {} };
    },
  };
  const { client, timers } = aWorld({ wx });
  times(2, client);
  assert.equal(kept.size, 2);
  await timers.pass(2000 + 3499);
  assert.equal(asked.length, 1);
  await timers.pass(1 + 1000);
  assert.deepEqual([asked.length, kept.size], [3, 0]);
  assert.deepEqual([asked[0].method, asked[0].header.authorization], ['POST', 'Bearer token-1']);
  assert.equal(asked[0].data, asked[2].data);
});
