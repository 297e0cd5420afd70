import assert from 'node:assert/strict';
import test from 'node:test';

import { linkTo, loginIn, parseRoute } from '../../../services/gateway/console/route.js';

test('an address and its page are each other’s inverse, whatever the ids', () => {
  for (const id of ['m-42', 'sh-001~g7', 'a/b', '50%', '会员 1', '']) {
    const route = parseRoute(linkTo('member', id, { store: 'sh-001', theme: 'a&b' }));
    assert.deepEqual(route, { page: 'member', id, query: { store: 'sh-001', theme: 'a&b' } });
  }
});

test('what is empty stands in no address', () => {
  assert.equal(linkTo('today', '', { store: '', theme: null, area: undefined }), '#/today');
});

test('what leads nowhere leads home', () => {
  for (const hash of ['', '#', '#/', '#/nothing', '#/login', '#login=x']) assert.equal(parseRoute(hash).page, 'today');
  assert.equal(parseRoute('#/member/%E0%A4%A').id, '');
});

test('a login is told from an address', () => {
  assert.equal(loginIn('#login=eyJ.abc_-~9'), 'eyJ.abc_-~9');
  for (const hash of ['', '#/today', '#login=', '#login=a b', '#/login=x', `#login=${'x'.repeat(5000)}`]) assert.equal(loginIn(hash), null);
});
