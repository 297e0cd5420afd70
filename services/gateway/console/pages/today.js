// Today: who is active, who moved up, who slid, whom to win back, and what happens right now.

import { read } from '../api.js';
import { Chart } from '../charts.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { dayAfter, daysBetween } from '../format.js';
import { applyToSlipping, applyToStore } from '../frames.js';
import { html, useMemo } from '../html.js';
import { conversionsOption, flowOption } from '../options.js';
import { Card, Empty, Failed, Figure, Loaded, MemberLink, Table, Tier } from '../parts.js';
import { direction, TIERS } from '../tiers.js';
import { Ticker } from './ticker.js';

const DAYS = 90;
const SLIPPED_WITHIN = 7; // days
const SHOWN = 10;
const LOOK_AGAIN_MS = 10000; // actives change without a frame where nobody's tier does

export function Today() {
  const { store, words, formats } = useConsole();
  const today = useLoad(() => read(`/v1/stores/${store}`), [store], {
    apply: (data, frame, asOf) => applyToStore(data, asOf, frame),
    stale: ({ event, data }) => ['transition', 'day_closed'].includes(event) && data.store_id === store,
    every: LOOK_AGAIN_MS,
  });
  if (!today.data && today.error && today.error.status === 404)
    return html`<h1>${words.today.title}</h1><${Empty} title=${words.today.noMembers}>${words.today.noMembersLead}<//>`;
  return html`
    <h1>${words.today.title} ${today.data && html`<small>${formats.longDay(today.data.day)}</small>`}</h1>
    <${Loaded} of=${today} lines=${3}>${(data) => html`<${Glance} store=${data} />`}<//>
    ${today.data && html`<${Days} day=${today.data.day} />`}
    ${!today.data && today.error && html`<${Failed} error=${today.error} retry=${today.reload} />`}`;
}

function Days({ day }) {
  return html`<div class="grid today-grid">
    <${Flow} day=${day} />
    <${Ticker} day=${day} />
    <${Conversions} day=${day} />
    <${Slipping} day=${day} />
  </div>`;
}

function Glance({ store }) {
  const { words, formats } = useConsole();
  const said = words.today;
  return html`<dl class="glance">
    <${Figure} big=${true} label=${said.activeNow} value=${formats.number(store.active_now)} note=${store.dau === null ? '' : said.activeNote(formats.number(store.dau))} />
    <${Figure} label=${said.wau} value=${formats.number(store.wau)} />
    <${Figure} label=${said.mau} value=${formats.number(store.mau)} />
    <${Figure} label=${said.stickiness} value=${formats.share(store.stickiness)} note=${said.stickinessNote} />
    <div class="figure tiers-figure">
      <dt>${said.byTier}</dt>
      <dd><${TierBar} tiers=${store.by_tier} total=${store.members} /></dd>
    </div>
  </dl>`;
}

function TierBar({ tiers, total }) {
  const { words, formats } = useConsole();
  const shown = TIERS.filter((tier) => tiers[tier] > 0);
  return html`<span class="tier-bar" aria-hidden="true">${shown.map(
      (tier) => html`<i key=${tier} class="tier-${tier}" style=${{ flexGrow: tiers[tier] }}></i>`,
    )}</span>
    <ul class="tier-list">${TIERS.map(
      (tier) => html`<li key=${tier}><${Tier} tier=${tier} /> <b>${formats.number(tiers[tier])}</b>
        <span class="muted">${total ? formats.share(tiers[tier] / total) : ''}</span></li>`,
    )}</ul>
    <span class="hidden">${formats.number(total)} ${words.today.members}</span>`;
}

function Flow({ day }) {
  const { store, words, formats } = useConsole();
  const flow = useLoad(() => read(`/v1/stores/${store}/flow`), [store, day], {
    stale: ({ event, data }) => ['transition', 'day_closed'].includes(event) && data.store_id === store,
  });
  return html`<${Card} title=${words.today.flow} note=${words.today.flowNote}>
    <${Loaded} of=${flow} lines=${6}>${(data) => html`<${FlowPicture} cells=${data.items} />`}<//>
  <//>`;
}

function FlowPicture({ cells }) {
  const { words, formats } = useConsole();
  const said = words.today;
  const option = useMemo(() => (around) => flowOption(cells, around), [cells]);
  const sum = (holds) => cells.filter(holds).reduce((n, { count }) => n + count, 0);
  const parts = [
    ['up', sum(({ from, to }) => direction(from, to) > 0), said.flowUp],
    ['down', sum(({ from, to }) => direction(from, to) < 0), said.flowDown],
    ['', sum(({ from, to }) => !from && to), said.flowCame],
    ['', sum(({ from, to }) => from && !to), said.flowLeft],
  ].filter(([, n]) => n > 0);
  const name = (tier) => words.tiers[tier || 'none'];
  const rows = [[said.before, said.now, said.members], ...cells.map(({ from, to, count }) => [name(from), name(to), formats.number(count)])];
  if (!cells.length) return html`<${Empty}>${said.noMembersLead}<//>`;
  return html`<p class="tags">${parts.map(([tone, n, say]) => html`<span key=${say} class="tag ${tone}">${say(formats.number(n))}</span>`)}</p>
    <${Chart} option=${option} rows=${rows} height=${340} label=${`${said.flow}: ${parts.map(([, n, say]) => say(formats.number(n))).join(', ')}`} />`;
}

function Conversions({ day }) {
  const { store, words } = useConsole();
  const query = `from=${dayAfter(day, 1 - DAYS)}&to=${day}&limit=${DAYS}`;
  const days = useLoad(() => read(`/v1/stores/${store}/activity?${query}`), [store, day], {
    stale: ({ event, data }) => data && data.store_id === store && (event === 'day_closed' || (event === 'transition' && data.from === 'weekly')),
  });
  return html`<${Card} title=${words.today.conversions} note=${words.today.conversionsNote}>
    <${Loaded} of=${days} lines=${6}>${(data) => html`<${ConversionsPicture} days=${data.items} />`}<//>
  <//>`;
}

function ConversionsPicture({ days }) {
  const { words, formats } = useConsole();
  const said = words.today;
  const option = useMemo(() => (around) => conversionsOption(days, around), [days]);
  const sum = (field) => days.reduce((n, row) => n + row[field], 0);
  const rows = [
    [words.dayWord, said.toDaily, said.toMonthly],
    ...[...days].reverse().map((row) => [formats.dayAndYear(row.day), formats.number(row.weekly_to_daily), formats.number(row.weekly_to_monthly)]),
  ];
  const label = `${said.toDaily}: ${formats.number(sum('weekly_to_daily'))}, ${said.toMonthly}: ${formats.number(sum('weekly_to_monthly'))}`;
  return html`<${Chart} option=${option} rows=${rows} label=${label} height=${400} />`;
}

function Slipping({ day }) {
  const { store, words } = useConsole();
  const slipping = useLoad(() => loadSlipping(store, day), [store, day], {
    apply: (data, frame, asOf) => ({ ...data, members: applyToSlipping(data.members, store, asOf, frame) }),
    stale: ({ event, data }) => data && data.store_id === store && (event === 'day_closed' || (event === 'transition' && data.to === 'monthly')),
  });
  return html`<${Card} title=${words.today.slipping}>
    <${Loaded} of=${slipping}>${(data) => html`<${SlippingList} ...${data} />`}<//>
  <//>`;
}

/** Of the members of tier monthly with the highest scores, those that fell from weekly in the last days. */
async function loadSlipping(store, day) {
  const first = dayAfter(day, 1 - SLIPPED_WITHIN);
  const [members, moves] = await Promise.all([
    read(`/v1/stores/${store}/members?tier=monthly&sort=score&limit=200`),
    read(`/v1/stores/${store}/transitions?from=weekly&to=monthly&day=${first}..${day}&limit=1`),
  ]);
  const cell = moves.data.matrix.find(({ from, to }) => from === 'weekly' && to === 'monthly');
  const slipped = members.data.items.filter(({ since }) => since && daysBetween(since, day) < SLIPPED_WITHIN);
  return { data: { members: slipped, total: cell ? cell.count : 0 }, asOf: members.asOf };
}

function SlippingList({ members, total }) {
  const { words, formats } = useConsole();
  const said = words.today;
  if (!members.length) return html`<${Empty}>${said.slippingEmpty}<//>`;
  const columns = [
    { key: 'member', label: words.plan.member, show: ({ member_id: id }) => html`<${MemberLink} id=${id} />` },
    { key: 'score', label: said.score, end: true, show: ({ score }) => formats.score(score) },
    { key: 'seen', label: said.lastSeen, end: true, show: ({ last_active: seen }) => formats.day(seen) },
  ];
  return html`<p class="note">${said.slippingNote(formats.number(total))}</p>
    <${Table} columns=${columns} rows=${members.slice(0, SHOWN)} keyOf=${({ member_id: id }) => id} label=${said.slipping} />`;
}
