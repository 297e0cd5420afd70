// What has been recorded of a member, newest first, with the traces of what brought it.

import { read } from '../api.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { applyToTimeline } from '../frames.js';
import { html, useState } from '../html.js';
import { Icon } from '../icons.js';
import { Card, Empty, Loaded, Tier } from '../parts.js';
import { traceLink } from '../templates.js';
import { direction } from '../tiers.js';

const ICONS = { join: 'plus', message: 'today', check_in: 'member', purchase: 'plan', leave: 'out' };

export function Timeline({ path, id }) {
  const { words } = useConsole();
  const said = words.member;
  const isMine = ({ data }) => data && data.member_id === id;
  const [older, setOlder] = useState({ items: [], cursor: null });
  const newest = useLoad(() => read(`${path}/timeline?limit=20`), [path], {
    stale: isMine,
    apply: (data, frame) => (isMine(frame) ? { ...data, items: applyToTimeline(data.items, frame) } : data),
  });
  const cursor = older.cursor || (newest.data && newest.data.next_cursor);
  const more = () =>
    read(`${path}/timeline?limit=50&cursor=${encodeURIComponent(cursor)}`).then(({ data }) =>
      setOlder({ items: [...older.items, ...data.items], cursor: data.next_cursor || 'end' }),
    );
  return html`<${Card} title=${said.timeline} wide=${true}>
    <${Loaded} of=${newest} lines=${6}>${({ items }) => (items.length
      ? html`<ol class="timeline">${unique([...items, ...older.items]).map((item) => html`<${Item} key=${keyOf(item)} item=${item} />`)}</ol>
        ${cursor && cursor !== 'end' && html`<button class="button quiet" onClick=${more}>${words.more}</button>`}`
      : html`<${Empty}>${said.timelineEmpty}<//>`)}<//>
  <//>`;
}

function keyOf({ kind, source, id, store_id: store }) {
  return `${kind}/${store}/${source.partition}/${source.offset}/${source.index}/${id || ''}`;
}

function unique(items) {
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
}

function Item({ item }) {
  const { words, formats, me, store } = useConsole();
  const said = words.member;
  const elsewhere = item.store_id && item.store_id !== store ? item.store_id : '';
  const trace = traceLink(me.trace_url, item.trace_id);
  return html`<li class="item ${item.kind}">
    <span class="item-mark"><${Icon} name=${item.kind === 'transition' ? wayOf(item) : ICONS[item.type] || 'today'} /></span>
    <span>${item.kind === 'transition' ? html`<${Tier} tier=${item.from} /> → <${Tier} tier=${item.to} /> ${!item.cause && html`<span class="note">${said.byTime}</span>`}`
      : html`${said.types[item.type] || item.type}${detail(item)} <span class="note">${said.outcomes[item.outcome]}</span>`}
      ${elsewhere && html` <span class="pill">${elsewhere}</span>`}</span>
    <span class="item-end">${trace && html`<a class="note" href=${trace} target="_blank" rel="noopener noreferrer">${said.trace}</a>`}
      <time class="note" datetime=${item.occurred_at}>${item.occurred_at ? formats.instant(item.occurred_at) : formats.day(item.day)}</time></span>
  </li>`;
}

function wayOf({ from, to }) {
  return { '-1': 'down', 0: 'member', 1: 'up' }[direction(from, to)];
}

/** What an event carried, in a few words. */
function detail({ type, data }) {
  if (!data) return '';
  if (type === 'purchase' && data.total_minor !== undefined) return `: ${data.currency} ${(data.total_minor / 100).toFixed(2)}`;
  if (type === 'check_in' && data.method) return `: ${data.method}`;
  if (type === 'message' && data.topics && data.topics.length) return `: ${data.topics.join(', ')}`;
  if (type === 'join' && data.channel) return `: ${data.channel}`;
  return '';
}
