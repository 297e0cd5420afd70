// What waits for the manager: a plan to decide, groups without a way in, people to invite, to ask to leave, to remove.

import { read, readAll } from '../api.js';
import { useCommand } from '../commanding.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { countOf } from '../choosing.js';
import { GroupLink, useGroupNames } from '../group_names.js';
import { html, useState } from '../html.js';
import { Card, Choice, Empty, Loaded, MemberLink, Said } from '../parts.js';
import { linkTo } from '../route.js';
import { Paged } from './paged.js';

const KINDS = ['personal_ticket', 'leave_due', 'removal', 'stranger'];
const OVER = ['closing', 'archived'];
const PLANS = ['plan_requested', 'plan_proposed', 'plan_failed', 'outcome'];
const GROUPS = ['group_opened', 'group_updated', 'group_state', 'day_closed'];
const PEOPLE = ['invited', 'joined', 'left', 'declined', 'expired', 'duplicate_found', 'day_closed'];

export function Tasks() {
  const { words, route } = useConsole();
  const said = words.tasks;
  const [kind, setKind] = useState(KINDS.includes(route.query.kind) ? route.query.kind : KINDS[0]);
  return html`<h1>${said.title}</h1>
    <div class="grid"><${Deciding} /><${NotReady} /></div>
    <div class="filters"><${Choice} label=${said.kind} value=${kind} onChoose=${setKind} options=${KINDS.map((one) => [one, said.kinds[one]])} /></div>
    <${ToDo} key=${kind} kind=${kind} />`;
}

function Deciding() {
  const { store, words, formats } = useConsole();
  const said = words.tasks;
  const load = async () => {
    const { data: matrix, asOf } = await read(`/v1/stores/${store}/matrix`);
    const plan = matrix.plan && (await read(`/v1/plans/${encodeURIComponent(matrix.plan)}?limit=1`)).data;
    return { data: { isAsked: Boolean(matrix.requested_plan), plan, open: plan ? countOf(plan.counts, 'proposed') : 0 }, asOf };
  };
  const state = useLoad(load, [store], { stale: ({ event, data }) => data && data.store_id === store && PLANS.includes(event) });
  return html`<${Card} title=${said.plan}>
    <${Loaded} of=${state}>${({ isAsked, plan, open }) => (open
      ? html`<p class="lead">${said.toDecide(formats.number(open), formats.day(plan.day || plan.requested_day))}</p>
          <p><a class="button" href=${linkTo('plan', '', { store })}>${words.matrix.toPlan}</a></p>`
      : html`<${Empty} icon="plan">${isAsked ? words.plan.making : said.noPlan}<//>`)}<//>
  <//>`;
}

function NotReady() {
  const { store, words, formats } = useConsole();
  const said = words.tasks;
  const load = () => readAll(`/v1/stores/${store}/groups`, { most: 5000 }).then(({ items, asOf }) => ({
    data: items.filter(({ is_ready: ready, state }) => !ready && !OVER.includes(state)), asOf,
  }));
  const groups = useLoad(load, [store], { stale: ({ event, data }) => data && data.store_id === store && GROUPS.includes(event) });
  return html`<${Card} title=${said.groups} note=${said.groupsNote}>
    <${Loaded} of=${groups}>${(rows) => (rows.length
      ? html`<ul class="history">${rows.map((group) => html`<li key=${group.group_id}>
          <a href=${linkTo('group', group.group_id, { store })}>${group.name}</a> <span class="pill state-${group.state}">${words.states[group.state]}</span>
          <span class="note">${formats.number(group.heads)} ${words.group.heads}</span></li>`)}</ul>`
      : html`<${Empty} icon="matrix">${said.allReady}<//>`)}<//>
  <//>`;
}

/** `since` means a day of invitation or of joining; nobody knows since when somebody should leave. */
function ToDo({ kind }) {
  const { store, words, formats, may } = useConsole();
  const said = words.tasks;
  const names = useGroupNames(store);
  const order = useCommand();
  const person = (row) => (kind === 'stranger' ? row.person : html`<${MemberLink} id=${row.person} />`);
  const columns = (reload) => [
    { key: 'person', label: words.group.person, show: person },
    { key: 'group', label: words.pages.group, show: ({ group_id: id }) => html`<${GroupLink} id=${id} names=${names} store=${store} />` },
    ['personal_ticket', 'stranger'].includes(kind) && { key: 'since', label: words.group.since, end: true, hide: true, show: ({ since }) => formats.day(since) },
    may('commands:write') && { key: 'act', label: html`<span class="hidden">${said.done}</span>`, end: true, show: (row) => html`<${Actions} row=${row} order=${order} reload=${reload} />` },
  ].filter(Boolean);
  const stale = ({ event, data }) => data && data.store_id === store && PEOPLE.includes(event);
  return html`<${Paged} path=${`/v1/stores/${store}/tasks?kind=${kind}`} title=${said.kinds[kind]} note=${said.notes[kind]} columns=${columns} stale=${stale}
    keyOf=${(row) => `${row.person}/${row.group_id}`} empty=${said.empty[kind]} file=${kind}
    aside=${order.told && html`<${Said} tone=${order.tone}>${order.told}<//>`} />`;
}

/** The chat platform reports what people do; where it has not, the manager says so. */
function Actions({ row, order, reload }) {
  const { words } = useConsole();
  const said = words.tasks;
  const group = `/v1/groups/${encodeURIComponent(row.group_id)}`;
  const act = async (path, body) => {
    await order.give('POST', path, body, { done: said.noted(row.person) });
    reload();
  };
  const report = (what) => act(`${group}/${what}`, { at: Date.now(), member_id: row.person });
  const button = (label, run) => html`<button class="button quiet" disabled=${order.isBusy} aria-label=${`${label}: ${row.person}`} onClick=${run}>${label}</button>`;
  if (row.kind !== 'personal_ticket') return button(said.hasLeft, () => report('leaves'));
  return html`<div class="buttons tight">${button(said.hasJoined, () => report('joins'))}
    ${button(said.declined, () => act(`/v1/placements/${encodeURIComponent(row.placement_id)}/decline`))}</div>`;
}
