// One group: how it lives day by day, who is in it, its seed users, who is invited.

import { read, readAll } from '../api.js';
import { Chart } from '../charts.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { html, useMemo, useState } from '../html.js';
import { Icon } from '../icons.js';
import { groupOption } from '../options.js';
import { Card, Choice, Empty, Figure, Loaded, MemberLink, State, Table, Tier } from '../parts.js';
import { linkTo } from '../route.js';
import { CloseGroup, EditGroup } from './group_editing.js';

const CHANGES = ['group_updated', 'group_state', 'joined', 'left', 'invited', 'expired', 'declined', 'seed_changed', 'vip_changed', 'day_closed'];
const ROWS = 20; // at first, and more of them each time

export function Group({ id }) {
  const { store, words } = useConsole();
  const path = `/v1/groups/${encodeURIComponent(id)}`;
  const touches = ({ event, data }) => CHANGES.includes(event) && data.store_id === store && (!data.group_id || data.group_id === id);
  const group = useLoad(() => read(path), [path], { stale: touches });
  return html`
    <p><a class="back" href=${linkTo('matrix', '', { store, theme: group.data && group.data.theme, area: group.data && group.data.area })}><${Icon} name="left" />${words.group.back}</a></p>
    <${Loaded} of=${group}>${(data) => html`<${Facts} group=${data} reload=${group.reload} />`}<//>
    ${group.data && html`<div class="grid">
      <${Activity} path=${path} touches=${touches} />
      <${People} path=${path} touches=${touches} />
      ${group.data.seats > 0 && html`<${Invited} path=${path} touches=${touches} />`}
    </div>`}`;
}

function Facts({ group, reload }) {
  const { words, formats } = useConsole();
  const said = words.group;
  const { health } = group;
  return html`
    <div class="head"><h1>${group.name} <${State} state=${group.state} /></h1><${Orders} group=${group} reload=${reload} /></div>
    ${!group.is_ready && group.state !== 'archived' && html`<p class="said bad">${said.notReady}</p>`}
    <dl class="glance">
      <${Figure} big=${true} label=${said.heads} value=${formats.number(group.heads)} />
      <${Figure} label=${said.seats} value=${formats.number(group.seats)} />
      <${Figure} label=${said.active} value=${health ? formats.perMille(health.active_share) : formats.number(null)} note=${health ? '' : words.matrix.noHealth} />
      <${Figure} label=${said.seeds} value=${formats.number(health && health.seeds)} />
      <${Figure} label=${said.silent} value=${silence(health, said)} />
      <${Figure} label=${said.answer} value=${health && health.answer_median !== null ? said.minutes(health.answer_median) : formats.number(null)}
        note=${health && health.answered_in_15 !== null ? said.answerNote(formats.perMille(health.answered_in_15)) : ''} />
    </dl>
    <p class="note">${group.managers.length > 0 && said.managers(group.managers.join(', '))}
      ${group.join_url && html` <a href=${group.join_url} rel="noreferrer noopener" target="_blank">${said.way}<${Icon} name="open" /></a>`}</p>`;
}

/** What a manager can do with a group that lives. */
function Orders({ group, reload }) {
  const { words, may } = useConsole();
  const [open, setOpen] = useState('');
  if (!may('commands:write') || ['closing', 'archived'].includes(group.state)) return null;
  const close = () => setOpen('');
  const done = () => { close(); reload(); };
  return html`<div class="buttons">
    <button class="button quiet" onClick=${() => setOpen('edit')}>${words.editing.edit}</button>
    <button class="button quiet" onClick=${() => setOpen('close')}>${words.editing.close}</button>
    ${open === 'edit' && html`<${EditGroup} group=${group} onClose=${close} onDone=${done} />`}
    ${open === 'close' && html`<${CloseGroup} group=${group} onClose=${close} onDone=${done} />`}
  </div>`;
}

function silence(health, said) {
  if (!health) return '–';
  return health.silent_days === null ? said.never : said.silentDays(health.silent_days);
}

function Activity({ path, touches }) {
  const { words } = useConsole();
  const days = useLoad(() => read(`${path}/activity`), [path], { stale: touches });
  return html`<${Card} title=${words.group.activity}>
    <${Loaded} of=${days} lines=${6}>${({ items }) => (items.length ? html`<${ActivityPicture} days=${items} />` : html`<${Empty}>${words.group.activityEmpty}<//>`)}<//>
  <//>`;
}

function ActivityPicture({ days }) {
  const { words, formats } = useConsole();
  const said = words.group;
  const option = useMemo(() => (around) => groupOption(days, around), [days]);
  const rows = [
    [words.dayWord, said.messages, said.writers, said.share, said.heads],
    ...[...days].reverse().map((row) => [formats.dayAndYear(row.day), formats.number(row.messages), formats.number(row.writers), formats.perMille(row.active_share), formats.number(row.heads)]),
  ];
  return html`<${Chart} option=${option} rows=${rows} label=${said.activity} height=${260} />`;
}

function People({ path, touches }) {
  const { words } = useConsole();
  const people = useLoad(() => readAll(`${path}/members`, { most: 600 }).then(({ items, asOf }) => ({ data: items, asOf })), [path], { stale: touches });
  const [only, setOnly] = useState('all');
  const aside = html`<${Choice} label=${words.group.role} options=${[['all', words.group.everybody], ['seeds', words.group.onlySeeds]]} value=${only} onChoose=${setOnly} />`;
  return html`<${Card} title=${words.group.members} aside=${aside}>
    <${Loaded} of=${people}>${(rows) => html`<${PeopleList} rows=${only === 'seeds' ? rows.filter(({ is_seed: seed }) => seed) : rows} empty=${only === 'seeds' ? words.group.seedsEmpty : words.group.membersEmpty} />`}<//>
  <//>`;
}

function PeopleList({ rows, empty }) {
  const { words, formats } = useConsole();
  const [shown, setShown] = useState(ROWS);
  const said = words.group;
  if (!rows.length) return html`<${Empty}>${empty}<//>`;
  const columns = [
    { key: 'person', label: said.person, show: (row) => (row.is_member ? html`<${MemberLink} id=${row.person} />` : row.person) },
    { key: 'tier', label: said.tier, show: ({ tier }) => html`<${Tier} tier=${tier} />` },
    { key: 'role', label: said.role, show: (row) => roles(row, said).map((role) => html`<span key=${role} class="pill">${role}</span> `) },
    { key: 'since', label: said.since, end: true, hide: true, show: ({ day }) => formats.day(day) },
  ];
  return html`<${Table} columns=${columns} rows=${rows.slice(0, shown)} keyOf=${({ person }) => person} label=${said.members} />
    ${rows.length > shown && html`<button class="button quiet" onClick=${() => setShown(shown + ROWS)}>${words.more}</button>`}`;
}

function roles(row, said) {
  return [row.is_manager && said.manager, row.is_stranger && said.stranger, row.is_seed && said.seed, row.is_vip && said.vip].filter(Boolean);
}

function Invited({ path, touches }) {
  const { words, formats } = useConsole();
  const invited = useLoad(() => read(`${path}/invitations?limit=100`), [path], { stale: touches });
  const columns = [
    { key: 'member', label: words.plan.member, show: ({ member_id: member }) => html`<${MemberLink} id=${member} />` },
    { key: 'expires', label: words.member.placements.expired, end: true, show: ({ expires }) => formats.day(expires) },
  ];
  return html`<${Card} title=${words.group.invited}>
    <${Loaded} of=${invited}>${({ items }) => html`<${Table} columns=${columns} rows=${items} keyOf=${({ placement_id: id }) => id} label=${words.group.invited} />`}<//>
  <//>`;
}
