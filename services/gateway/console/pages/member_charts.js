// A member's active days, score, and what the score is made of.

import { read } from '../api.js';
import { Chart } from '../charts.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { html, useMemo } from '../html.js';
import { calendarOption, scoreOption } from '../options.js';
import { Card, Empty, Loaded, Table } from '../parts.js';

const PARTS = 12; // days that are shown of what makes a score

export function Calendar({ membership }) {
  const { words, formats } = useConsole();
  const said = words.member;
  const { calendar, day } = membership;
  const option = useMemo(() => (around) => calendarOption(calendar, day, around), [calendar, day]);
  const rows = [[words.dayWord, said.calendar], ...[...calendar].reverse().map((row) => [formats.dayAndYear(row.day), said.hours(row.occasions)])];
  return html`<${Card} title=${said.calendar} note=${said.calendarNote}>
    <${Chart} option=${option} rows=${rows} label=${`${said.calendar}: ${formats.number(calendar.length)}`} height=${200} />
  <//>`;
}

export function Scores({ path, isMine }) {
  const { store, words } = useConsole();
  const scores = useLoad(() => read(`${path}/scores?days=90`), [path], { stale: isMine });
  return html`<${Card} title=${words.member.scoreTitle}>
    <${Loaded} of=${scores}>${({ memberships }) => {
      const mine = memberships.find((one) => one.store_id === store);
      return mine ? html`<${ScorePicture} days=${mine.days} />` : html`<${Empty}>${words.member.scoreEmpty}<//>`;
    }}<//>
  <//>`;
}

function ScorePicture({ days }) {
  const { words, formats } = useConsole();
  const option = useMemo(() => (around) => scoreOption(days, around), [days]);
  const rows = [[words.dayWord, words.member.score], ...[...days].reverse().map(({ day, score }) => [formats.dayAndYear(day), formats.score(score)])];
  return html`<${Chart} option=${option} rows=${rows} label=${words.member.scoreTitle} height=${200} />`;
}

export function Made({ why }) {
  const { words, formats } = useConsole();
  const said = words.member;
  const most = Math.max(1, ...why.days.map(({ part }) => part));
  const columns = [
    { key: 'day', label: words.dayWord, show: ({ day }) => formats.day(day) },
    { key: 'events', label: said.events, show: (row) => counts(row, said) },
    { key: 'value', label: said.value, end: true, hide: true, show: ({ value }) => formats.number(value) },
    { key: 'part', label: said.worth, end: true, show: ({ part }) => html`<span class="worth"><i aria-hidden="true" style=${{ width: `${(60 * part) / most}px` }}></i>${formats.score(part)}</span>` },
  ];
  return html`<${Card} title=${said.made} note=${said.madeNote(why.rules.half_life)}>
    ${why.days.length ? html`<${Table} columns=${columns} rows=${why.days.slice(0, PARTS)} keyOf=${({ day }) => day} label=${said.made} />` : html`<${Empty}>${said.scoreEmpty}<//>`}
  <//>`;
}

function counts(row, said) {
  return ['join', 'message', 'check_in', 'purchase'].filter((type) => row[type]).map((type) => `${said.types[type]}${row[type] > 1 ? ` × ${row[type]}` : ''}`).join(', ');
}
