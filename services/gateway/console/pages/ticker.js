// The live ticker: what happens in the store, newest on top, from the stream.

import { read } from '../api.js';
import { useConsole } from '../context.js';
import { mergeTicker, tickerLine, tickerOfRow } from '../frames.js';
import { useGroupNames } from '../group_names.js';
import { html, useEffect, useRef, useState } from '../html.js';
import { Icon } from '../icons.js';
import { onFrame } from '../live.js';
import { Card, Empty, MemberLink } from '../parts.js';
import { linkTo } from '../route.js';
import { dayAfter } from '../format.js';

const SHOWN = 40;
const BEFORE = 20; // transitions that are shown at the beginning

export function Ticker({ day }) {
  const { store, words } = useConsole();
  const lines = useLines(store, day);
  const names = useGroupNames(store);
  return html`<${Card} title=${words.today.ticker} flush=${true}>
    ${lines.length
      ? html`<div class="ticker" tabindex="0" role="log" aria-live="off" aria-label=${words.today.ticker}>
          <ol>${lines.slice(0, SHOWN).map((line) => html`<${Line} key=${line.key} line=${line} names=${names} day=${day} />`)}</ol>
        </div>`
      : html`<${Empty}>${words.today.tickerEmpty}<//>`}
  <//>`;
}

/**
 * The stream first, then what was before: so nothing falls between them, and nothing stands twice. What was told of a day
 * stays when the next one begins, its close first of all.
 */
function useLines(store, day) {
  const [lines, setLines] = useState([]);
  const today = useRef(day);
  today.current = day;
  useEffect(() => {
    const work = new AbortController();
    setLines([]);
    const load = () => read(`/v1/stores/${store}/transitions?day=${dayAfter(today.current, -1)}..${today.current}&limit=${BEFORE}`, { signal: work.signal }).then(
      ({ data }) => setLines((now) => mergeBehind(now, latestFirst(data.items).map((row) => tickerOfRow({ ...row, store_id: store })))),
      () => {}, // then the ticker begins empty: frames fill it
    );
    const forget = onFrame((frame) => {
      if (frame.event === 'reset') load();
      else if (frame.data && frame.data.store_id === store) setLines((now) => mergeTicker(now, [tickerLine(frame)]));
    });
    load();
    return () => {
      work.abort();
      forget();
    };
  }, [store]);
  return lines;
}

function latestFirst(rows) {
  return [...rows].sort((a, b) => Date.parse(b.occurred_at) - Date.parse(a.occurred_at));
}

function mergeBehind(now, older) {
  const known = new Set(now.map(({ key }) => key));
  return [...now, ...older.filter(({ key }) => !known.has(key))];
}

function Line({ line, names, day }) {
  const { words, formats, store } = useConsole();
  const { event, data } = line;
  const tell = words.tells[event];
  if (!tell) return null;
  const name = (group) => names[group] || group;
  const way = line.direction > 0 ? 'up' : line.direction < 0 ? 'down' : '';
  return html`<li class="line ${way}">
    <${Icon} name=${way || iconOf(event)} />
    <span>${data.member_id && html`<${MemberLink} id=${data.member_id} /> `}${tell(data, words, formats, name)}
      ${event === 'plan_proposed' && html` <a href=${linkTo('plan', '', { store })}>${words.matrix.toPlan}</a>`}</span>
    ${data.day && html`<time class="note">${data.day === day && data.occurred_at ? formats.clock(data.occurred_at) : formats.day(data.day)}</time>`}
  </li>`;
}

function iconOf(event) {
  if (event.startsWith('plan') || event === 'outcome') return 'plan';
  if (event.startsWith('group') || event.endsWith('defined')) return 'matrix';
  if (event === 'day_closed') return 'moon';
  return 'member';
}
