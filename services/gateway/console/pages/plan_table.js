// The items of a plan as rows: what, who, from where to where, what it gains, why.

import { isOpen } from '../choosing.js';
import { readAll } from '../api.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { html } from '../html.js';
import { MemberLink, Table } from '../parts.js';
import { linkTo } from '../route.js';
import { areaName, themeName } from '../naming.js';

export function PlanTable({ items, plan, chosen, choose, order, setOrder, matrix }) {
  const { store, words, formats, language, may } = useConsole();
  const said = words.plan;
  const groups = useLoad(() => readAll(`/v1/stores/${store}/groups`).then(({ items: rows, asOf }) => ({ data: namesOf(rows), asOf })), [store], {
    stale: ({ event, data }) => ['group_opened', 'group_updated'].includes(event) && data.store_id === store,
  });
  const named = namer(matrix, words, language);
  const why = { named };
  const where = (item) => `${named(item.theme)}, ${named(item.area)}`;
  const names = { ...namesOfNew(plan.items, (item) => said.newGroup(where(item))), ...groups.data };
  const open = items.filter(isOpen);
  const allChosen = open.length > 0 && open.every(({ item_id: id }) => chosen.has(id));
  const columns = [
    may('commands:write') && {
      key: 'choose',
      label: html`<input type="checkbox" aria-label=${said.chooseAll} checked=${allChosen} disabled=${!open.length}
        onChange=${(event) => choose(open.map(({ item_id: id }) => id), event.target.checked)} />`,
      show: (item) => isOpen(item) && html`<input type="checkbox" aria-label=${said.choose(told(item, said))} checked=${chosen.has(item.item_id)}
        onChange=${(event) => choose([item.item_id], event.target.checked)} />`,
    },
    { key: 'kind', label: said.kind, sort: true, show: ({ kind }) => html`<span class="pill kind-${kind}">${said.kinds[kind]}</span>` },
    { key: 'member_id', label: said.member, sort: true, show: ({ member_id: id }) => id && html`<${MemberLink} id=${id} />` },
    { key: 'from_group', label: said.from, sort: true, show: (item) => html`<${GroupName} id=${item.from_group} names=${names} known=${groups.data} />` },
    { key: 'to_group', label: said.to, sort: true, show: (item) => html`<${GroupName} id=${item.to_group} names=${names} known=${groups.data} />` },
    { key: 'gain', label: said.gain, title: said.gainNote, sort: true, end: true, show: ({ gain }) => html`<b class="gain">${formats.gain(gain)}</b>` },
    { key: 'reason', label: said.why, sort: true, show: ({ reason, arguments: about }) => (words.reasons[reason] || (() => reason))(about, why) },
    { key: 'first_day', label: said.first, sort: true, end: true, hide: true, show: ({ first_day: day }) => formats.day(day) },
    { key: 'state', label: said.state, show: ({ state, refusal }) => html`<span class="pill state-${state}">${said.states[state]}</span>${refusal && html`<span class="note warn"> ${words.refusal(refusal)}</span>`}` },
  ].filter(Boolean);
  return html`<${Table} columns=${columns} rows=${items} keyOf=${({ item_id: id }) => id} label=${said.title} order=${order} onOrder=${setOrder}
    rowClass=${({ item_id: id, state }) => `${chosen.has(id) ? 'chosen' : ''} is-${state}`} />`;
}

function told({ kind, member_id: member, from_group: from, to_group: to }, said) {
  return [said.kinds[kind], member, to || from].filter(Boolean).join(' ');
}

/** Groups that the plan would open are named by theme and districts. */
function namesOfNew(items, name) {
  return Object.fromEntries(items.filter(({ kind }) => kind === 'open').map((item) => [item.to_group, name(item)]));
}

function namesOf(groups) {
  return Object.fromEntries(groups.map((group) => [group.group_id, group.name]));
}

/** A theme's or an area's name by its id. */
function namer(matrix, words, language) {
  const names = new Map([
    ...matrix.themes.map((theme) => [theme.id, themeName(theme, language)]),
    ...matrix.areas.map((area) => [area.id, areaName(area, words)]),
  ]);
  return (id) => names.get(id) || id;
}

function GroupName({ id, names, known }) {
  const { store } = useConsole();
  if (!id) return null;
  const name = names[id] || id;
  return known && known[id] ? html`<a href=${linkTo('group', id, { store })}>${name}</a>` : html`<span>${name}</span>`;
}
