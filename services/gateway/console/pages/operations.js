// Operations: how far the processors are behind, rates, records that could not be applied, and their traces.

import { read } from '../api.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { Card, Empty, Figure, Loaded, Table } from '../parts.js';
import { traceHome, traceLink, traceOf } from '../templates.js';

const LOOK_AGAIN_MS = 5000;

export function Operations() {
  const { words, may, me } = useConsole();
  if (!may('ops')) return html`<h1>${words.ops.title}</h1><${Empty} icon="operations">${words.problems.noOps}<//>`;
  return html`
    <div class="head"><h1>${words.ops.title}</h1>
      ${me.trace_url && html`<a class="button quiet" href=${traceHome(me.trace_url)} target="_blank" rel="noopener noreferrer">${words.ops.traces}<${Icon} name="open" /></a>`}</div>
    <${Lag} />
    <${Rates} />
    <${Letters} />`;
}

function Lag() {
  const { words, formats } = useConsole();
  const said = words.ops;
  const lag = useLoad(() => read('/v1/ops/lag'), [], { every: LOOK_AGAIN_MS });
  return html`<${Loaded} of=${lag} lines=${3}>${(data) => html`
    <dl class="glance">
      <${Figure} big=${true} tone=${data.lag > 1000 ? 'bad' : ''} label=${said.lag} value=${formats.number(data.lag)} note=${said.lagNote} />
      <${Figure} label=${said.outbox} value=${formats.number(data.outbox)} />
    </dl>
    <p class="said ${data.lag ? '' : 'good'}">${data.lag ? said.behind(formats.number(data.lag)) : said.inStep}</p>
    <${Partitions} items=${data.items} />`}<//>`;
}

function Rates() {
  const { words, formats } = useConsole();
  const said = words.ops;
  const rates = useLoad(() => read('/v1/ops/rates'), [], { every: LOOK_AGAIN_MS });
  const columns = [
    { key: 'topic', label: said.log, show: ({ topic }) => nameOf(topic, said) },
    { key: 'appended', label: said.appended, end: true, show: ({ appended }) => formats.score(appended) },
    { key: 'applied', label: said.applied, end: true, show: ({ applied }) => formats.score(applied) },
    { key: 'lag', label: said.lag, end: true, show: ({ lag }) => formats.number(lag) },
    { key: 'caught', label: said.caughtUp, end: true, show: (row) => (row.caught_up_in === null ? said.never : said.seconds(formats.number(Math.ceil(row.caught_up_in)))) },
  ];
  return html`<${Card} title=${said.rates} note=${said.ratesNote} wide=${true}>
    <${Loaded} of=${rates} lines=${2}>${({ items }) => html`<${Table} columns=${columns} rows=${items} keyOf=${({ topic }) => topic} label=${said.rates} />`}<//>
  <//>`;
}

function nameOf(topic, said) {
  return topic.endsWith('member-events') ? said.topics.events : said.topics.feed;
}

function Partitions({ items }) {
  const { words, formats } = useConsole();
  const said = words.ops;
  const columns = [
    { key: 'partition', label: said.partition, show: ({ partition }) => partition },
    { key: 'lag', label: said.lag, end: true, show: ({ lag }) => html`<b class=${lag ? 'warn' : ''}>${formats.number(lag)}</b>` },
    { key: 'next', label: said.next, end: true, hide: true, show: (row) => formats.number(row.next_offset) },
    { key: 'end', label: said.end, end: true, hide: true, show: (row) => formats.number(row.log_end) },
    { key: 'outbox', label: said.outbox, end: true, show: ({ outbox }) => formats.number(outbox) },
    { key: 'closed', label: said.closed, show: (row) => (row.close_day ? said.closing(formats.day(row.close_day)) : formats.day(row.closed_day)) },
    { key: 'duplicates', label: said.duplicates, end: true, hide: true, show: ({ duplicates }) => formats.number(duplicates) },
    { key: 'updated', label: said.updated, end: true, show: (row) => formats.instant(row.updated_at) },
  ];
  const topics = [...new Set(items.map(({ topic }) => topic))];
  return html`<div class="grid">${topics.map(
    (topic) => html`<${Card} key=${topic} title=${nameOf(topic, said)} note=${topic}>
      <${Table} columns=${columns} rows=${items.filter((row) => row.topic === topic)} keyOf=${({ partition }) => partition} label=${`${said.partitions}: ${topic}`} />
    <//>`,
  )}</div>`;
}

function Letters() {
  const { words, formats, me } = useConsole();
  const said = words.ops;
  const letters = useLoad(() => read('/v1/ops/dead-letters?limit=100'), [], { every: 6 * LOOK_AGAIN_MS });
  const columns = [
    { key: 'id', label: said.id, show: ({ id }) => html`<code>${id}</code>` },
    { key: 'code', label: said.code, show: (row) => html`<b>${row.code}</b> ${row.replayed_offset !== null && html`<span class="pill">${said.replayed}</span>`}<br /><span class="note">${row.detail}</span>` },
    { key: 'preview', label: said.preview, hide: true, show: ({ preview }) => html`<code class="preview">${(preview || '').slice(0, 120)}</code>` },
    { key: 'at', label: said.at, end: true, show: (row) => formats.instant(row.written_at) },
    { key: 'trace', label: said.trace, show: (row) => html`<${Trace} link=${traceLink(me.trace_url, traceOf(row.headers))} />` },
  ];
  return html`<${Card} title=${said.letters} note=${said.lettersNote} wide=${true}>
    <${Loaded} of=${letters}>${({ items }) => (items.length
      ? html`<${Table} columns=${columns} rows=${items} keyOf=${({ id }) => id} label=${said.letters} />`
      : html`<${Empty}>${said.lettersEmpty}<//>`)}<//>
  <//>`;
}

function Trace({ link }) {
  const { words } = useConsole();
  return link && html`<a href=${link} target="_blank" rel="noopener noreferrer">${words.ops.trace}</a>`;
}
