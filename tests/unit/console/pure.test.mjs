// Words, formats, choices, links, and what charts are made of.

import assert from 'node:assert/strict';
import test from 'node:test';

import * as choosing from '../../../services/gateway/console/choosing.js';
import { allOf } from '../../../services/gateway/console/download.js';
import { dayAfter, daysBetween, formats } from '../../../services/gateway/console/format.js';
import { changesOf, fieldsOf, openBody } from '../../../services/gateway/console/group_facts.js';
import { areaName } from '../../../services/gateway/console/naming.js';
import * as options from '../../../services/gateway/console/options.js';
import { pairsIn, withPair } from '../../../services/gateway/console/pairs.js';
import * as templates from '../../../services/gateway/console/templates.js';
import { direction, TIERS } from '../../../services/gateway/console/tiers.js';
import { LANGUAGES } from '../../../services/gateway/console/words.js';

const LOOK = { width: 800, still: true, font: 'x', tiers: Object.fromEntries([...TIERS, 'none'].map((tier) => [tier, `#${tier}`])), heat: ['#1'] };
const around = (language = 'en') => ({ look: LOOK, words: LANGUAGES[language], formats: formats(language, 'Asia/Shanghai') });

/** Every name of a tree of words, with how many values its functions take. */
function shape(words, path = '') {
  return Object.entries(words).flatMap(([name, value]) =>
    value && typeof value === 'object' ? shape(value, `${path}${name}.`) : [`${path}${name}: ${typeof value}`],
  );
}

test('both languages have the same words', () => {
  assert.deepEqual(shape(LANGUAGES.zh).sort(), shape(LANGUAGES.en).sort());
});

test('no word is empty, but where nothing is to be said', () => {
  for (const words of Object.values(LANGUAGES)) {
    const silent = Object.entries(words.member.outcomes).filter(([, text]) => !text);
    assert.deepEqual(silent.map(([name]) => name), ['counted', 'left']);
  }
});

test('every reason is told in both languages, with its figures or without', () => {
  for (const words of Object.values(LANGUAGES)) {
    for (const [name, tell] of Object.entries(words.reasons)) {
      const text = tell({}, { named: (id) => id });
      assert.ok(text.length > 2 && !/undefined|NaN/.test(text), `${name}: ${text}`);
    }
  }
  const { interest } = LANGUAGES.en.reasons;
  const told = interest({ from: 'pets', to: 'garden', affinity_from: 210, affinity_to: 904 }, { named: (id) => id });
  assert.equal(told, 'Likes garden (90%), more than pets (21%)');
});

test('the sentence about a member counts its days', () => {
  const { member } = LANGUAGES.en;
  assert.equal(member.daysLeft(7, 'Weekly'), '7 days left as Weekly without a visit');
  assert.equal(member.daysLeft(1, 'Weekly'), '1 day left as Weekly without a visit');
  assert.equal(LANGUAGES.zh.member.daysLeft(7, '周活'), '若不再到来，周活还可保持 7 天');
});

test('days are counted over the change of a month, a year and of summer time', () => {
  assert.equal(daysBetween('2026-02-27', '2026-03-02'), 3);
  assert.equal(dayAfter('2025-12-31', 1), '2026-01-01');
  assert.equal(dayAfter('2026-03-30', -89), '2025-12-31');
});

test('numbers and days are written as the language writes them; what is unknown is a dash', () => {
  const [en, zh] = [formats('en', 'Asia/Shanghai'), formats('zh', 'Asia/Shanghai')];
  assert.equal(en.number(12345), '12,345');
  assert.equal(en.longDay('2026-04-01'), 'Wednesday 1 April');
  assert.equal(zh.longDay('2026-04-01'), '4月1日星期三');
  assert.equal(en.clock('2026-04-01T16:30:00Z'), '00:30');
  assert.equal(en.perMille(255), '25.5%');
  assert.equal(en.gain(4720), '+4.72');
  assert.deepEqual([en.number(null), en.day(undefined), en.share(null)], ['–', '–', '–']);
  assert.equal(en.weekdays.length, 7);
});

test('a change to a more active tier is up; a beginning and an end are neither', () => {
  assert.deepEqual([direction('weekly', 'daily'), direction('weekly', 'monthly'), direction(null, 'weekly'), direction('weekly', null)], [1, -1, 0, 0]);
});

const item = (number, more = {}) => ({ item_id: `i${number}`, number, kind: 'move', state: 'proposed', gain: number * 10, needs: [], ...more });

test('what a chosen item needs is chosen too, once, if it can be decided still', () => {
  const items = [item(0), item(1, { needs: ['i0'] }), item(2, { needs: ['i1', 'i3'] }), item(3, { state: 'approved' })];
  const { chosen, added } = choosing.withNeeds(['i2', 'i1'], items);
  assert.deepEqual([[...chosen].sort(), added], [['i0', 'i1', 'i2'], 1]);
});

test('items are shown by kind and state, in the order that was asked for, and as planned where they are equal', () => {
  const items = [item(2, { gain: 5 }), item(1, { gain: 5 }), item(3, { gain: 9, kind: 'open' }), item(4, { state: 'approved' }), item(0, { gain: null })];
  const ids = (filter, order) => choosing.shownItems(items, filter, order).map(({ number }) => number);
  assert.deepEqual(ids({ state: 'proposed' }, { key: 'gain', up: true }), [1, 2, 3, 0]);
  assert.deepEqual(ids({ kind: 'open' }, { key: 'gain', up: false }), [3]);
  assert.deepEqual(ids({}, { key: 'number', up: true }), [0, 1, 2, 3, 4]);
  assert.equal(choosing.countOf([{ state: 'proposed', items: 3 }, { state: 'proposed', items: 2 }, { state: 'approved', items: 9 }], 'proposed'), 5);
});

test('links to other programs carry ids safely', () => {
  assert.equal(templates.memberLink('https://crm.example/{store_id}/{member_id}', 'a/b', 's 1'), 'https://crm.example/s%201/a%2Fb');
  assert.equal(templates.memberLink(null, 'm', 's'), null);
  assert.equal(templates.traceLink('https://t.example/{trace_id}', null), null);
  assert.equal(templates.traceHome('https://t.example/x/{trace_id}'), 'https://t.example');
  const traceparent = btoa('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
  assert.equal(templates.traceOf([['other', 'x'], ['traceparent', traceparent]]), '4bf92f3577b34da6a3ce929d0e0e4736');
  assert.equal(templates.traceOf([['traceparent', '%%%']]), null);
  assert.equal(templates.traceOf(null), null);
});

test('the flow has a node for each side of a tier and a link for each cell; tooltips are drawn, not written as HTML', () => {
  const cells = [{ from: 'weekly', to: 'daily', count: 3 }, { from: null, to: 'weekly', count: 2 }, { from: 'weekly', to: 'weekly', count: 9 }, { from: 'daily', to: 'lost', count: 0 }];
  const { series, tooltip } = options.flowOption(cells, around());
  assert.deepEqual(series.data.map(({ name }) => name), ['from:weekly', 'from:none', 'to:daily', 'to:weekly']);
  assert.deepEqual(series.links.map(({ source, target, value }) => [source, target, value]), [
    ['from:weekly', 'to:daily', 3], ['from:none', 'to:weekly', 2], ['from:weekly', 'to:weekly', 9],
  ]);
  assert.ok(series.links[2].lineStyle.opacity < series.links[0].lineStyle.opacity);
  assert.equal(tooltip.renderMode, 'richText');
  assert.equal(tooltip.formatter({ data: series.links[0] }), '↑ Weekly → Daily: 3');
});

test('every chart says its tooltips as text', () => {
  const day = { day: '2026-04-01', weekly_to_daily: 4, weekly_to_monthly: 2, messages: 1, writers: 1, active_share: 300, heads: 9, score: 1.5, occasions: 2 };
  const made = [
    options.conversionsOption([day], around('zh')),
    options.groupOption([day], around('zh')),
    options.scoreOption([day], around('zh')),
    options.calendarOption([day], day.day, around('zh')),
  ];
  for (const { tooltip } of made) {
    const text = tooltip.formatter(tooltip.trigger === 'axis' ? [{ dataIndex: 0 }] : { data: ['2026-04-01', 2] });
    assert.equal(tooltip.renderMode, 'richText');
    assert.match(text, /^4月1日星期三\n/);
    assert.doesNotMatch(text, /undefined|NaN|</);
  }
});

test('a mean of seven days begins with what there is', () => {
  assert.deepEqual(options.means([7, 0, 0, 0, 0, 0, 0, 7]), [7, 3.5, 2.33, 1.75, 1.4, 1.17, 1, 1]);
});

test('an area is named by its districts, of many by the first ones', () => {
  const named = (count) => areaName({ districts: ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, count) }, LANGUAGES.en);
  assert.equal(named(0), LANGUAGES.en.matrix.rest);
  assert.equal(named(4), 'a · b · c · d');
  assert.equal(named(6), 'a · b · c and 3 more');
  assert.match(areaName({ districts: ['a', 'b', 'c', 'd', 'e'] }, LANGUAGES.zh), /a · b · c.*2/);
});

test('a list as a file is all of its pages, with the names of its columns once', async () => {
  const pages = { '/a': { text: 'id,n\nx,1\n', next: '/b' }, '/b': { text: 'id,n\n', next: '/c' }, '/c': { text: 'id,n\ny,2\n"z, z",3\n' } };
  const told = [];
  assert.equal(await allOf('/a', (lines) => told.push(lines), async (path) => pages[path]), 'id,n\nx,1\ny,2\n"z, z",3\n');
  assert.deepEqual(told, [1, 1, 3]);
});

test('a group is opened in the matrix, as an overlay, or beside it', () => {
  const written = { name: ' Tea ', place: 'matrix', theme: 'tea', area: '', platform_id: '' };
  assert.deepEqual(openBody(written), { name: 'Tea', theme: 'tea' });
  assert.deepEqual(openBody({ ...written, area: 's~a1', platform_id: 'p1 ' }), { name: 'Tea', theme: 'tea', area: 's~a1', platform_id: 'p1' });
  assert.deepEqual(openBody({ ...written, place: 'vips' }), { name: 'Tea', overlay: 'vips' });
  assert.deepEqual(openBody({ ...written, place: 'none' }), { name: 'Tea' });
});

test('of a group just what was changed is sent, null for what was taken away', () => {
  const group = { name: 'Tea', platform_id: null, join_url: 'https://a.example', qr_url: null, qr_expires: null, managers: ['boss', 'ann'] };
  const fields = fieldsOf(group);
  assert.deepEqual(changesOf(group, fields), {});
  assert.deepEqual(changesOf(group, { ...fields, name: 'Tea ' }), {});
  const changed = { ...fields, join_url: '', qr_url: 'https://b.example', qr_expires: '2026-05-01', managers: 'boss，eve, eve' };
  assert.deepEqual(changesOf(group, changed), {
    join_url: null, qr_url: 'https://b.example', qr_expires: '2026-05-01', managers: ['boss', 'eve'],
  });
  assert.deepEqual(changesOf(group, { ...fields, managers: ' ' }), { managers: [] });
});

test('a pair of districts stands once, whichever is named first, and goes with 0', () => {
  const pairs = [{ a: 'a', b: 'b', value: 500 }, { a: 'b', b: 'c', value: 1 }];
  assert.deepEqual(withPair(pairs, 'b', 'a', 700), [pairs[1], { a: 'a', b: 'b', value: 700 }]);
  assert.deepEqual(withPair(pairs, 'a', 'b', 0), [pairs[1]]);
  assert.deepEqual(withPair([], 'x', 'w', 9), [{ a: 'w', b: 'x', value: 9 }]);
  assert.equal(pairsIn('a,b,value\r\nx,y,3\r\n\r\n'), 1);
  assert.equal(pairsIn(''), 0);
});
