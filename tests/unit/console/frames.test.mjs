// Which frames change what a page has loaded, and which are old news.

import assert from 'node:assert/strict';
import test from 'node:test';

import * as frames from '../../../services/gateway/console/frames.js';
import { isAbove, isNews, parseAsOf } from '../../../services/gateway/console/positions.js';

const source = (offset, more = {}) => ({ topic: 'member-events', partition: 3, offset, index: 0, ...more });
const transition = (offset, from, to, member = 'm-1', store = 's') => ({
  event: 'transition',
  data: { store_id: store, member_id: member, from, to, day: '2026-04-01', source: source(offset) },
});
const AS_OF = parseAsOf('member-events/2=9, member-events/3=17;close=5,store-feed/3=4');

test('a position is read as the gateway writes it', () => {
  assert.deepEqual(AS_OF['member-events/3'], { next: 17, close: 5 });
  assert.deepEqual(AS_OF['store-feed/3'], { next: 4, close: null });
  assert.deepEqual(parseAsOf('junk, a/b=c, /3=4'), {});
  assert.deepEqual(parseAsOf(null), {});
});

test('a frame is news unless the answer holds it; what belongs to a close that is running always is', () => {
  assert.equal(isNews(AS_OF, source(16)), false);
  assert.equal(isNews(AS_OF, source(17)), true);
  assert.equal(isNews(AS_OF, source(5)), true);
  assert.equal(isNews(AS_OF, source(4)), false);
  assert.equal(isNews(AS_OF, source(0, { topic: 'store-feed' })), false);
  assert.equal(isNews(AS_OF, source(0, { partition: 7 })), true);
  assert.equal(isNews(null, source(0)), true);
});

test('a source is above a row by offset, then by index, within its partition', () => {
  assert.equal(isAbove(source(9), source(8)), true);
  assert.equal(isAbove(source(9), source(9)), false);
  assert.equal(isAbove(source(9, { index: 1 }), source(9)), true);
  assert.equal(isAbove(source(1, { partition: 0 }), source(9)), true);
});

test('a transition moves one member between the counts of its store, once', () => {
  const store = { store_id: 's', by_tier: { weekly: 5, daily: 2 } };
  assert.deepEqual(frames.applyToStore(store, AS_OF, transition(17, 'weekly', 'daily')).by_tier, { weekly: 4, daily: 3 });
  assert.deepEqual(frames.applyToStore(store, AS_OF, transition(18, null, 'weekly')).by_tier, { weekly: 6, daily: 2 });
  assert.deepEqual(frames.applyToStore(store, AS_OF, transition(18, 'weekly', null)).by_tier, { weekly: 4, daily: 2 });
  assert.equal(frames.applyToStore(store, AS_OF, transition(16, 'weekly', 'daily')), store);
  assert.equal(frames.applyToStore(store, AS_OF, transition(17, 'weekly', 'daily', 'm', 'another')), store);
  assert.deepEqual(store.by_tier, { weekly: 5, daily: 2 });
});

test('an item has the state that was decided; one that was refused stays open, with the reason', () => {
  const items = [{ item_id: 'a', state: 'proposed' }, { item_id: 'b', state: 'proposed' }];
  const decide = (id, decision, reason = null) => ({ event: 'item_decided', data: { item_id: id, decision, reason, source: source(20) } });
  assert.equal(frames.applyToItems(items, AS_OF, decide('a', 'approved'))[0].state, 'approved');
  const refused = frames.applyToItems(items, AS_OF, decide('b', 'refused', 'group_full'));
  assert.deepEqual(refused[1], { item_id: 'b', state: 'proposed', refusal: 'group_full' });
  assert.equal(frames.applyToItems(items, AS_OF, decide('b', 'refused', 'superseded'))[1].state, 'superseded');
  assert.equal(frames.applyToItems(items, AS_OF, decide('c', 'approved')), items);
  assert.equal(frames.applyToItems(items, AS_OF, transition(20, null, 'weekly')), items);
});

test('the ticker tells each effect once, newest first, whatever order frames and rows come in', () => {
  const lines = [3, 2, 1].map((offset) => frames.tickerLine(transition(offset, 'weekly', 'daily')));
  const same = frames.tickerOfRow({ ...transition(2, 'weekly', 'daily').data });
  const merged = frames.mergeTicker(lines, [frames.tickerLine(transition(4, 'daily', 'weekly')), same]);
  assert.deepEqual(merged.map(({ data }) => data.source.offset), [4, 3, 2, 1]);
  assert.deepEqual(merged.map(({ direction }) => direction), [-1, 1, 1, 1]);
  assert.equal(frames.mergeTicker(lines, [same]), lines);
  assert.equal(frames.mergeTicker(lines, [null]), lines);
  assert.equal(frames.mergeTicker(lines, [frames.tickerLine(transition(9, null, 'weekly'))], 2).length, 2);
});

test('what comes by the thousand is not told one by one', () => {
  for (const event of ['item_decided', 'placed', 'waiting', 'lagged', 'reset']) assert.equal(frames.tickerLine({ event, data: {} }), null);
  assert.equal(frames.tickerLine({ event: 'plan_proposed', data: { part: 1 } }), null);
  assert.ok(frames.tickerLine({ event: 'plan_proposed', data: { part: 0 } }));
});

test('who comes back slips no more', () => {
  const members = [{ member_id: 'm-1' }, { member_id: 'm-2' }];
  const left = frames.applyToSlipping(members, 's', AS_OF, transition(17, 'monthly', 'weekly'));
  assert.deepEqual(left, [{ member_id: 'm-2' }]);
  assert.equal(frames.applyToSlipping(members, 's', AS_OF, transition(17, 'weekly', 'monthly')), members);
  assert.equal(frames.applyToSlipping(members, 's', AS_OF, transition(16, 'monthly', 'weekly')), members);
});

test('a timeline gets a transition only if it is above its rows', () => {
  const rows = [{ kind: 'event', source: source(8) }];
  assert.equal(frames.applyToTimeline(rows, transition(8, 'weekly', 'daily')), rows);
  const [first] = frames.applyToTimeline(rows, transition(9, 'weekly', 'daily'));
  assert.deepEqual([first.kind, first.to], ['transition', 'daily']);
});
