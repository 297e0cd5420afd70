// The parts that pages are put together from.

import { useConsole } from './context.js';
import { html, useEffect, useRef } from './html.js';
import { Icon } from './icons.js';
import { linkTo } from './route.js';

export function Card({ title, note, aside, children, wide = false, flush = false }) {
  return html`<section class="card ${wide ? 'wide' : ''} ${flush ? 'flush' : ''}" aria-label=${title}>
    <header class="card-head">
      <div><h2>${title}</h2>${note && html`<p class="note">${note}</p>`}</div>
      ${aside && html`<div class="card-aside">${aside}</div>`}
    </header>
    ${children}
  </section>`;
}

export function Figure({ label, value, note, big = false, tone = '' }) {
  return html`<div class="figure ${big ? 'big' : ''} ${tone}">
    <dt>${label}</dt><dd><span class="value">${value}</span>${note && html`<span class="note">${note}</span>`}</dd>
  </div>`;
}

export function Tier({ tier }) {
  const { words } = useConsole();
  if (!tier) return html`<span class="muted">${words.none}</span>`;
  return html`<span class="tier" title=${words.tierMeans[tier]}><i class="dot tier-${tier}"></i>${words.tiers[tier]}</span>`;
}

export function State({ state }) {
  const { words } = useConsole();
  return html`<span class="pill state-${state}">${words.states[state]}</span>`;
}

export function MemberLink({ id }) {
  const { store } = useConsole();
  return html`<a class="member" href=${linkTo('member', id, { store })}>${id}</a>`;
}

export function Empty({ title, children, icon = 'leaf' }) {
  return html`<div class="empty"><${Icon} name=${icon} />${title && html`<p class="empty-title">${title}</p>`}<p>${children}</p></div>`;
}

/** What went wrong, and what to do. */
export function Failed({ error, retry }) {
  const { words } = useConsole();
  const said = words.problems;
  const what =
    error.status === 0 ? said.unreachable
    : error.status === 503 ? said.unavailable
    : error.status === 404 ? said.not_found
    : said.other(error.message);
  return html`<div class="empty failed" role="alert">
    <${Icon} name="warn" /><p class="empty-title">${said.title}</p><p>${what}</p>
    ${retry && html`<button class="button quiet" onClick=${retry}>${words.retry}</button>`}
  </div>`;
}

/** The content once it is loaded; before, what holds its place; or what went wrong. */
export function Loaded({ of, lines = 4, children }) {
  const { words } = useConsole();
  if (of.data) return children(of.data);
  if (of.error) return html`<${Failed} error=${of.error} retry=${of.reload} />`;
  return html`<div class="skeleton" role="status" aria-label=${words.loading}>
    ${Array.from({ length: lines }, (_, at) => html`<span key=${at}></span>`)}
  </div>`;
}

/** `columns`: { key, label, show(row), end?: at the right, sort?: value(row), hide?: on phones }. */
export function Table({ columns, rows, keyOf, label, order, onOrder, rowClass }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table>
      <thead><tr>${columns.map((column) => html`<${Head} key=${column.key} column=${column} order=${order} onOrder=${onOrder} />`)}</tr></thead>
      <tbody>${rows.map(
        (row) => html`<tr key=${keyOf(row)} class=${rowClass ? rowClass(row) : ''}>
          ${columns.map(({ key, show, end, hide }) => html`<td key=${key} class="col-${key} ${end ? 'end' : ''} ${hide ? 'hide' : ''}">${show(row)}</td>`)}
        </tr>`,
      )}</tbody>
    </table>
  </div>`;
}

function Head({ column, order, onOrder }) {
  const { key, label, sort, end, hide, title } = column;
  const look = `col-${key} ${end ? 'end' : ''} ${hide ? 'hide' : ''}`;
  if (!sort) return html`<th scope="col" class=${look}>${label}</th>`;
  const chosen = order && order.key === key;
  const way = chosen ? (order.up ? 'ascending' : 'descending') : undefined;
  const next = { key, up: chosen ? !order.up : false };
  return html`<th scope="col" class=${look} aria-sort=${way}>
    <button class="sort" title=${title} onClick=${() => onOrder(next)}>${label}${chosen && html`<${Icon} name=${order.up ? 'up' : 'down'} />`}</button>
  </th>`;
}

/** One of several: `options` are [value, label]. */
export function Choice({ label, options, value, onChoose }) {
  return html`<div class="choice" role="group" aria-label=${label}>
    ${options.map(([option, name]) => html`<button key=${option} aria-pressed=${option === value} onClick=${() => onChoose(option)}>${name}</button>`)}
  </div>`;
}

/** A dialog as the browser has it: Escape closes it, the focus stays inside and returns. */
export function Dialog({ title, onClose, children }) {
  const { words } = useConsole();
  const ref = useRef(null);
  useEffect(() => {
    const opener = document.activeElement;
    ref.current.showModal();
    return () => opener && opener.focus && opener.focus();
  }, []);
  return html`<dialog ref=${ref} class="dialog" aria-label=${title} onClose=${onClose}>
    <header class="card-head"><h2>${title}</h2>
      <button class="icon-button" aria-label=${words.close} onClick=${() => ref.current.close()}><${Icon} name="cross" /></button>
    </header>
    ${children}
  </dialog>`;
}

/** Text that a screen reader says when it changes. */
export function Said({ children, tone = '' }) {
  return html`<p class="said ${tone}" role="status">${children}</p>`;
}
