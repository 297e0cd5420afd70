// Members by what they are to the store's groups: who waits, who matters, who should go.

import { useCommand } from '../commanding.js';
import { useConsole } from '../context.js';
import { GroupLink, useGroupNames } from '../group_names.js';
import { html } from '../html.js';
import { MemberLink, Said, Tier } from '../parts.js';
import { Paged } from './paged.js';

export const LISTS = ['waiting', 'seeds', 'vips', 'freeloaders', 'duplicates'];
const UNIT = 2 ** 20; // of a seed user's or VIP's value
const CHANGES = {
  waiting: ['waiting', 'placed', 'proposed', 'invited', 'joined', 'left', 'expired', 'declined', 'no_capacity'],
  seeds: ['seed_changed'],
  vips: ['vip_changed'],
  freeloaders: ['left', 'joined'],
  duplicates: ['duplicate_found', 'left', 'joined'],
};

export function People({ list }) {
  const { store, words } = useConsole();
  const said = words.people;
  const names = useGroupNames(store);
  const order = useCommand();
  const columns = useColumns(list, names, order);
  const stale = ({ event, data }) => data && data.store_id === store && (event === 'day_closed' || CHANGES[list].includes(event));
  return html`<${Paged} key=${list} path=${`/v1/stores/${store}/${list}`} title=${said.lists[list]} note=${said.notes[list]} columns=${columns}
    keyOf=${({ member_id: id }) => id} empty=${said.empty[list]} stale=${stale} file=${list}
    aside=${order.told && html`<${Said} tone=${order.tone}>${order.told}<//>`} />`;
}

function useColumns(list, names, order) {
  const { store, words, formats, may } = useConsole();
  const said = words.people;
  const group = (id) => html`<${GroupLink} id=${id} names=${names} store=${store} />`;
  const member = { key: 'member', label: words.plan.member, show: ({ member_id: id }) => html`<${MemberLink} id=${id} />` };
  const tier = { key: 'tier', label: words.member.tier, show: (row) => html`<${Tier} tier=${row.tier} />` };
  const since = { key: 'since', label: words.group.since, end: true, show: (row) => formats.day(row.since) };
  const inGroup = { key: 'group', label: words.pages.group, show: ({ group_id: id }) => group(id) };
  const value = { key: 'value', label: list === 'vips' ? words.member.score : said.value, end: true, show: (row) => formats.score(row.value / UNIT) };
  const last = { key: 'last', label: said.lastActed, end: true, show: (row) => formats.day(row.last_acted) };
  const keep = { key: 'keep', label: said.keep, show: (row) => group(row.keep) };
  const others = { key: 'others', label: said.toLeave, show: (row) => row.others.map((id) => html`<span key=${id}>${group(id)} </span>`) };
  const offers = { key: 'offers', label: said.offers, end: true, hide: true, show: (row) => formats.number(row.offers) };
  const invite = (reload) => may('commands:write') && {
    key: 'act', label: html`<span class="hidden">${said.invite}</span>`, end: true,
    show: ({ member_id: id }) => html`<button class="button quiet" disabled=${order.isBusy} aria-label=${said.inviteWhom(id)} onClick=${async () => {
      await order.give('POST', `/v1/stores/${store}/placements`, { member_id: id }, { done: said.invited(id) });
      reload();
    }}>${said.invite}</button>`,
  };
  const columns = {
    waiting: (reload) => [member, tier, { ...since, hide: true }, offers, invite(reload)].filter(Boolean),
    seeds: () => [member, tier, value, inGroup, { ...since, hide: true }],
    vips: () => [member, tier, value, inGroup, { ...since, hide: true }],
    freeloaders: () => [member, tier, inGroup, last],
    duplicates: () => [member, keep, others],
  };
  return columns[list];
}
