// The plan: what is proposed and why; approve or reject some or all, and watch it land.

import { command, outcomeOf, read, readAll } from '../api.js';
import { countOf, isOpen, shownItems, withNeeds } from '../choosing.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { applyToItems } from '../frames.js';
import { html, useState } from '../html.js';
import { Card, Choice, Dialog, Empty, Loaded, Said } from '../parts.js';
import { PlanTable } from './plan_table.js';

const MOST_ITEMS = 2000;
const ROWS = 100;
const KINDS = ['open', 'close', 'place', 'move', 'remove'];
const CHANGES = ['plan_requested', 'plan_proposed', 'plan_failed'];

export function Plan() {
  const { store, words } = useConsole();
  const matrix = useLoad(() => read(`/v1/stores/${store}/matrix`), [store], {
    stale: ({ event, data }) => [...CHANGES, 'group_opened', 'group_updated'].includes(event) && data.store_id === store,
  });
  return html`<h1>${words.plan.title}</h1>
    <${Loaded} of=${matrix}>${(data) =>
      data.plan ? html`<${Proposal} key=${data.plan} id=${data.plan} matrix=${data} />` : html`<${NoPlan} matrix=${data} />`}<//>
    <${History} />`;
}

function NoPlan({ matrix }) {
  const { words } = useConsole();
  return html`<${Card} title=${words.plan.none} wide=${true}>
    <${Empty} icon="plan">${matrix.requested_plan ? words.plan.making : words.plan.noneLead}<//>
    ${!matrix.requested_plan && html`<${Ask} />`}
  <//>`;
}

function Ask() {
  const { store, words, may } = useConsole();
  const [told, setTold] = useState('');
  if (!may('commands:write')) return null;
  async function ask() {
    setTold(words.plan.sent);
    try {
      const outcome = await outcomeOf(await command('POST', `/v1/stores/${store}/plans`));
      setTold(outcome && outcome.state === 'refused' ? words.refusal(outcome.reason) : words.plan.making);
    } catch (error) {
      setTold(words.problems.other(error.message));
    }
  }
  return html`<p class="centre"><button class="button" onClick=${ask}>${words.plan.ask}</button><${Said}>${told}<//></p>`;
}

function Proposal({ id, matrix }) {
  const path = `/v1/plans/${encodeURIComponent(id)}`;
  const load = async () => {
    const { items, asOf, more, first } = await readAll(`${path}?sort=number`, { most: MOST_ITEMS });
    return { data: { ...first, items, more }, asOf };
  };
  const plan = useLoad(load, [id], {
    apply: (data, frame, asOf) => ({ ...data, items: applyToItems(data.items, asOf, frame) }),
    stale: ({ event, data }) => event === 'outcome' && ['approve_plan', 'reject_plan'].includes(data.command) && data.subject === id,
  });
  return html`<${Loaded} of=${plan} lines=${8}>${(data) => html`<${Items} plan=${data} path=${path} matrix=${matrix} reload=${plan.reload} />`}<//>`;
}

function Items({ plan, path, matrix, reload }) {
  const { words, formats, may } = useConsole();
  const said = words.plan;
  const [filter, setFilter] = useState({ kind: '', state: 'proposed' });
  const [order, setOrder] = useState({ key: 'gain', up: false });
  const [chosen, setChosen] = useState(new Set());
  const [rows, setRows] = useState(ROWS);
  const [added, setAdded] = useState(0);
  const items = shownItems(plan.items, filter, order);
  const open = countOf(plan.counts, 'proposed');
  const here = new Set(plan.items.filter(isOpen).map(({ item_id: item }) => item));
  const still = [...chosen].filter((item) => here.has(item));

  function choose(ids, isChosen) {
    const next = new Set(still);
    ids.forEach((item) => (isChosen ? next.add(item) : next.delete(item)));
    const whole = isChosen ? withNeeds([...next], plan.items) : { chosen: next, added: 0 };
    setAdded(whole.added);
    setChosen(whole.chosen);
  }

  const kinds = KINDS.filter((kind) => plan.items.some((item) => item.kind === kind));
  const states = ['proposed', 'approved', 'rejected', 'superseded'].filter((state) => plan.items.some((item) => item.state === state));
  return html`<${Card} title=${said.lead(formats.number(open), formats.day(plan.day || plan.requested_day))} wide=${true}>
    ${may('commands:write') ? html`<${Deciding} path=${path} chosen=${still} open=${open} onDone=${() => { setChosen(new Set()); setAdded(0); reload(); }} />`
      : html`<p class="note">${words.problems.noCommands}</p>`}
    ${added > 0 && html`<p class="said" role="status">${said.added(added)}</p>`}
    <div class="filters">
      ${kinds.length > 1 && html`<${Choice} label=${said.filterKind} value=${filter.kind} onChoose=${(kind) => setFilter({ ...filter, kind })}
        options=${[['', words.all], ...kinds.map((kind) => [kind, said.kinds[kind]])]} />`}
      <${Choice} label=${said.filterState} value=${filter.state} onChoose=${(state) => setFilter({ ...filter, state })}
        options=${[['', words.all], ...states.map((state) => [state, said.states[state]])]} />
    </div>
    ${items.length
      ? html`<${PlanTable} items=${items.slice(0, rows)} plan=${plan} chosen=${new Set(still)} choose=${choose} order=${order} setOrder=${setOrder} matrix=${matrix} />`
      : html`<${Empty} icon="plan">${open ? said.empty : said.decidedAll}<//>`}
    ${items.length > rows && html`<button class="button quiet" onClick=${() => setRows(rows + ROWS)}>${words.more}</button>`}
    ${plan.more && html`<p class="note">${said.more(formats.number(plan.items.length))}</p>`}
  <//>`;
}

/** Approve or reject what is chosen, or approve all; and what became of it. */
function Deciding({ path, chosen, open, onDone }) {
  const { words, formats } = useConsole();
  const said = words.plan;
  const [told, setTold] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const [isAsking, setAsking] = useState(false);

  async function decide(what, body) {
    setAsking(false);
    setBusy(true);
    setTold({ text: said.sent });
    try {
      const outcome = await outcomeOf(await command('POST', `${path}/${what}`, body));
      setTold(outcome ? { ...toldOf(outcome, words, formats), what } : { text: said.unknown });
      onDone();
    } catch (error) {
      setTold({ text: words.problems.other(error.message), tone: 'bad' });
    }
    setBusy(false);
  }

  return html`<div class="deciding">
    <div class="buttons">
      <button class="button" disabled=${isBusy || !chosen.length} onClick=${() => decide('approve', { items: chosen })}>${said.approve(formats.number(chosen.length))}</button>
      <button class="button quiet" disabled=${isBusy || !chosen.length} onClick=${() => decide('reject', { items: chosen })}>${said.reject(formats.number(chosen.length))}</button>
      <button class="button quiet" disabled=${isBusy || !open} onClick=${() => setAsking(true)}>${said.approveAll(formats.number(open))}</button>
    </div>
    <${Said} tone=${told ? told.tone : ''}>${told && html`<span class="outcome" data-state=${told.state}>${told.text}</span>`}<//>
    ${isAsking && html`<${Dialog} title=${said.approveAll(formats.number(open))} onClose=${() => setAsking(false)}>
      <p>${said.confirmAll(formats.number(open))}</p>
      <footer class="dialog-foot"><button class="button" onClick=${() => decide('approve', { all: true })}>${said.approveAll(formats.number(open))}</button></footer>
    <//>`}
  </div>`;
}

/** 'Approval: done. 12 approved, 3 group full.' */
function toldOf(outcome, words, formats) {
  if (outcome.state === 'refused') return { text: words.refusal(outcome.reason), tone: 'bad', state: 'refused' };
  const { tally } = words.plan;
  const parts = Object.entries(outcome.counts).map(([what, n]) => (tally[what] ? tally[what](formats.number(n)) : `${formats.number(n)} ${words.refusal(what)}`));
  return { text: parts.join(' · ') || words.plan.decidedAll, tone: 'good', state: 'done' };
}

function History() {
  const { store, words, formats } = useConsole();
  const said = words.plan;
  const plans = useLoad(() => read(`/v1/stores/${store}/plans?limit=10`), [store], {
    stale: ({ event, data }) => CHANGES.includes(event) && data.store_id === store,
  });
  if (!plans.data || !plans.data.items.length) return null;
  return html`<${Card} title=${said.history} wide=${true}><ul class="history">${plans.data.items.map(
    (plan) => html`<li key=${plan.plan_id}>
      <b>${said.modes[plan.mode]}</b> <time>${formats.day(plan.day || plan.requested_day)}</time>
      <span class="pill">${said.historyStates[plan.state]}</span>
      <span class="note">${plan.reason ? said.failed(words.refusal(plan.reason)) : plan.counts.map(({ kind, state, items }) => `${said.kinds[kind]} ${formats.number(items)} ${said.states[state]}`).join(' · ')}</span>
    </li>`,
  )}</ul><//>`;
}
