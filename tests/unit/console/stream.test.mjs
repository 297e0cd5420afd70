// One stream for all tabs: who reads it, who takes over and where, what is done when the door is away.

import assert from 'node:assert/strict';
import test from 'node:test';

import { shareStream } from '../../../services/gateway/console/stream.js';

/** A browser: a lock, a channel, the sources that were opened, and time that passes when told. */
function aBrowser({ locks = true, isAlive = async () => true } = {}) {
  const sources = [];
  const channels = new Set();
  const timers = [];
  class FakeSource {
    static CLOSED = 2;

    constructor(address) {
      Object.assign(this, { address, readyState: 1, listeners: {} });
      sources.push(this);
    }

    addEventListener(event, listen) {
      this.listeners[event] = listen;
    }

    close() {
      this.readyState = 2;
      this.isClosed = true;
    }
  }
  class FakeChannel {
    constructor() {
      channels.add(this);
    }

    postMessage(data) {
      for (const other of channels) if (other !== this && other.onmessage) other.onmessage({ data });
    }

    close() {
      channels.delete(this);
    }
  }
  const parts = {
    EventSource: FakeSource,
    BroadcastChannel: FakeChannel,
    locks: locks ? aLock() : undefined,
    timers: { set: (run, ms) => timers.push({ run, ms }), clear: () => {} },
    isAlive,
  };
  return { sources, timers, parts };
}

function aLock() {
  let last = Promise.resolve();
  return {
    request(name, { signal }, hold) {
      last = last.then(() => (signal.aborted ? undefined : hold()));
      return last;
    },
  };
}

function aTab({ parts }) {
  const seen = [];
  const states = [];
  const end = shareStream('/v1/stream', { frame: ({ id, event }) => seen.push(`${event}:${id}`), state: (now) => states.push(now) }, parts);
  return { seen, states, end };
}

const turn = () => new Promise((resolve) => setTimeout(resolve));
const send = (source, id, event = 'transition') => source.listeners[event]({ data: '{"store_id":"s"}', lastEventId: id });

test('eight tabs read one stream', async () => {
  const browser = aBrowser();
  const tabs = Array.from({ length: 8 }, () => aTab(browser));
  await turn();
  assert.equal(browser.sources.length, 1);
  browser.sources[0].onopen();
  send(browser.sources[0], 'a');
  for (const { seen, states } of tabs) assert.deepEqual([seen, states.at(-1)], [['transition:a'], 'live']);
});

test('the next tab takes over where the last one stood', async () => {
  const browser = aBrowser();
  const [first, second] = [aTab(browser), aTab(browser)];
  await turn();
  send(browser.sources[0], 'a b');
  first.end();
  await turn();
  assert.equal(browser.sources[0].isClosed, true);
  assert.equal(browser.sources[1].address, '/v1/stream?last_event_id=a%20b');
  send(browser.sources[1], 'c');
  assert.deepEqual([first.seen, second.seen], [['transition:a b'], ['transition:a b', 'transition:c']]);
});

test('a tab that comes later learns the state, and takes over where the stream stood before it came', async () => {
  const browser = aBrowser();
  const first = aTab(browser);
  await turn();
  browser.sources[0].onopen();
  send(browser.sources[0], 'a');
  const later = aTab(browser);
  assert.equal(later.states.at(-1), 'live');
  first.end();
  await turn();
  assert.equal(browser.sources[1].address, '/v1/stream?last_event_id=a');
});

test('after a status that is not 200 it comes again, later each time, behind the last frame', async () => {
  const browser = aBrowser();
  const tab = aTab(browser);
  await turn();
  send(browser.sources[0], 'a');
  for (const ms of [1000, 2000, 4000]) {
    const source = browser.sources.at(-1);
    source.readyState = 2;
    source.onerror();
    await turn();
    assert.equal(browser.timers.at(-1).ms, ms);
    assert.equal(tab.states.at(-1), 'waiting');
    browser.timers.at(-1).run();
    assert.equal(browser.sources.at(-1).address, '/v1/stream?last_event_id=a');
  }
});

test('a cut that the browser mends itself opens nothing', async () => {
  const browser = aBrowser();
  const tab = aTab(browser);
  await turn();
  browser.sources[0].readyState = 0;
  browser.sources[0].onerror();
  await turn();
  assert.deepEqual([browser.sources.length, browser.timers.length, tab.states.at(-1)], [1, 0, 'waiting']);
});

test('a session that is over is not asked for again', async () => {
  const browser = aBrowser({ isAlive: async () => false });
  const tab = aTab(browser);
  await turn();
  browser.sources[0].readyState = 2;
  browser.sources[0].onerror();
  await turn();
  assert.deepEqual([tab.states.at(-1), browser.timers.length], ['over', 0]);
});

test('without locks each tab reads a stream of its own', async () => {
  const browser = aBrowser({ locks: false });
  aTab(browser);
  aTab(browser);
  await turn();
  assert.equal(browser.sources.length, 2);
});
