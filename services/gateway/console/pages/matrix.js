// The matrix: themes down, districts across, each field with its people and how active they are.

import { command, outcomeOf, read, readAll } from '../api.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { html, useState } from '../html.js';
import { areaName, themeName } from '../naming.js';
import { Card, Empty, Loaded, Said, State } from '../parts.js';
import { linkTo } from '../route.js';
import { OpenGroup } from './group_editing.js';
import { Themes } from './themes.js';

const CHANGES = ['group_opened', 'group_updated', 'group_state', 'joined', 'left', 'invited', 'expired', 'declined', 'themes_defined', 'plan_proposed', 'day_closed'];
const STEPS = [100, 250, 400]; // 1/1000 of a group's members are active: the bounds of the colours

export function Matrix() {
  const { store, words, formats, route } = useConsole();
  const said = words.matrix;
  const matrix = useLoad(() => read(`/v1/stores/${store}/matrix`), [store], {
    stale: ({ event, data }) => CHANGES.includes(event) && data.store_id === store,
  });
  const chosen = route.query.theme && route.query.area ? { theme: route.query.theme, area: route.query.area } : null;
  return html`
    <div class="head"><h1>${said.title}</h1><${Orders} matrix=${matrix.data} /></div>
    <${Loaded} of=${matrix} lines=${8}>${(data) =>
      data.items.length || data.areas.length
        ? html`<${Card} title=${said.heat} wide=${true} note=${said.note} aside=${data.designed_on && said.designedOn(formats.day(data.designed_on))}>
              <${Heat} matrix=${data} chosen=${chosen} /><${Legend} />
            <//>
            ${chosen && html`<${Cell} matrix=${data} ...${chosen} />`}
            <${Others} />`
        : html`<${Card} title=${said.noDesign} wide=${true}><${Empty}>${said.noDesignLead}<//><//>`}<//>`;
}

/** What a manager can ask for here. */
function Orders({ matrix }) {
  const { store, words, may } = useConsole();
  const said = words.matrix;
  const [open, setOpen] = useState('');
  const [told, setTold] = useState('');
  if (!may('commands:write')) return html`<p class="note">${words.problems.noCommands}</p>`;
  async function ask(what) {
    setTold(words.plan.sent);
    try {
      const outcome = await outcomeOf(await command('POST', `/v1/stores/${store}/${what}`));
      setTold(outcome && outcome.state === 'refused' ? words.refusal(outcome.reason) : said.asked);
    } catch (error) {
      setTold(words.problems.other(error.message));
    }
  }
  return html`<div class="buttons">
    <${Said}>${told}<//>
    <button class="button quiet" onClick=${() => setOpen('themes')}>${said.themes}</button>
    ${matrix && html`<button class="button quiet" onClick=${() => setOpen('group')}>${words.editing.open}</button>`}
    <button class="button quiet" onClick=${() => ask('designs')}>${said.design}</button>
    ${matrix && matrix.designed_on && html`<button class="button" onClick=${() => ask('plans')}>${said.plan}</button>`}
    ${open === 'themes' && html`<${Themes} onClose=${() => setOpen('')} />`}
    ${open === 'group' && html`<${OpenGroup} matrix=${matrix} onClose=${() => setOpen('')} />`}
  </div>`;
}

function Heat({ matrix, chosen }) {
  const { words, language } = useConsole();
  const blocks = Object.fromEntries(matrix.items.map((block) => [`${block.theme}/${block.area}`, block]));
  const areas = withUnknown(matrix.areas, matrix.items, 'area', (id) => ({ id, districts: [] }));
  const themes = withUnknown(matrix.themes, matrix.items, 'theme', (id) => ({ id, name: id }));
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${words.matrix.heat}>
    <table class="heat">
      <thead><tr><th scope="col">${words.matrix.theme}</th>${areas.map((area) => html`<th key=${area.id} scope="col" title=${area.districts.join(' · ')}>${areaName(area, words)}</th>`)}</tr></thead>
      <tbody>${themes.map(
        (theme) => html`<tr key=${theme.id}><th scope="row">${themeName(theme, language)}</th>
          ${areas.map((area) => html`<td key=${area.id}><${Field} block=${blocks[`${theme.id}/${area.id}`]} theme=${theme} area=${area} chosen=${chosen} /></td>`)}</tr>`,
      )}</tbody>
    </table>
  </div>`;
}

/** Groups of a theme or area that is in force no more are shown all the same. */
function withUnknown(known, items, field, make) {
  const ids = new Set(known.map(({ id }) => id));
  const others = [...new Set(items.map((item) => item[field]))].filter((id) => !ids.has(id));
  return [...known, ...others.map(make)];
}

export function heatOf(share) {
  return share === null || share === undefined ? 0 : 1 + STEPS.filter((step) => share >= step).length;
}

function Field({ block, theme, area, chosen }) {
  const { words, formats, language, store } = useConsole();
  if (!block || !block.groups) return html`<span class="field nobody" title=${words.matrix.empty}>·</span>`;
  const said = words.matrix;
  const isChosen = chosen && chosen.theme === theme.id && chosen.area === area.id;
  const target = 200 * block.groups;
  const health = block.active_share === null ? said.noHealth : `${formats.perMille(block.active_share)} ${said.active}`;
  const troubled = (block.states.failing || 0) + (block.states.dead || 0);
  return html`<a class="field heat-${heatOf(block.active_share)}" aria-current=${isChosen ? 'true' : undefined}
      href=${linkTo('matrix', '', { store, theme: theme.id, area: area.id })}>
    <span class="hidden">${said.inCell(themeName(theme, language), areaName(area, words))}</span>
    <b>${formats.number(block.size)}<span class="hidden"> ${said.peopleWord}</span></b>
    <span>${said.groups(block.groups)}</span>
    <span>${health}</span>
    ${troubled > 0 && html`<span class="trouble">${troubled} ${words.states.failing}</span>`}
    <i class="fill" aria-hidden="true"><i style=${{ width: `${Math.min(100, (100 * block.size) / target)}%` }}></i></i>
  </a>`;
}

function Legend() {
  const { words, formats } = useConsole();
  const bounds = [`< ${formats.perMille(STEPS[0])}`, ...STEPS.map((step) => `≥ ${formats.perMille(step)}`)];
  return html`<p class="legend"><span class="note">${words.matrix.legend}</span>${bounds.map(
    (bound, at) => html`<span key=${bound} class="swatch heat-${at + 1}">${bound}</span>`,
  )}</p>`;
}

function Cell({ matrix, theme, area }) {
  const { store, words, language } = useConsole();
  const query = `theme=${encodeURIComponent(theme)}&area=${encodeURIComponent(area)}`;
  const groups = useLoad(() => readAll(`/v1/stores/${store}/groups?${query}`).then(({ items, asOf }) => ({ data: items, asOf })), [store, theme, area], {
    stale: ({ event, data }) => CHANGES.includes(event) && data.store_id === store,
  });
  const named = matrix.themes.find(({ id }) => id === theme) || { name: theme };
  const where = matrix.areas.find(({ id }) => id === area) || { districts: [] };
  return html`<${Card} title=${words.matrix.inCell(themeName(named, language), areaName(where, words))} wide=${true}>
    <${Loaded} of=${groups}>${(data) => html`<${GroupList} groups=${data} />`}<//>
  <//>`;
}

function Others() {
  const { store, words } = useConsole();
  const groups = useLoad(() => readAll(`/v1/stores/${store}/groups`).then(({ items, asOf }) => ({ data: items.filter(({ theme, state }) => !theme && state !== 'archived'), asOf })), [store], {
    stale: ({ event, data }) => CHANGES.includes(event) && data.store_id === store,
  });
  if (!groups.data || !groups.data.length) return null;
  return html`<${Card} title=${words.matrix.others} note=${words.matrix.othersNote} wide=${true}><${GroupList} groups=${groups.data} /><//>`;
}

function GroupList({ groups }) {
  const { words } = useConsole();
  if (!groups.length) return html`<${Empty}>${words.matrix.empty}<//>`;
  return html`<ul class="group-list">${groups.map((group) => html`<li key=${group.group_id}><${GroupTile} group=${group} /></li>`)}</ul>`;
}

function GroupTile({ group }) {
  const { words, formats, store } = useConsole();
  return html`<a class="tile" href=${linkTo('group', group.group_id, { store })}>
    <span class="tile-head"><b>${group.name}</b><${State} state=${group.state} /></span>
    <span class="tile-size"><b>${formats.number(group.heads)}</b> ${words.group.heads}${group.seats > 0 && html` · ${formats.number(group.seats)} ${words.group.seats}`}</span>
    <span class="note">${group.overlay ? `${words.matrix.overlays[group.overlay]} · ` : ''}${words.group.silent}: ${group.last_message ? formats.day(group.last_message) : words.group.never}</span>
    ${!group.is_ready && group.state !== 'archived' && html`<span class="note warn">${words.group.notReady}</span>`}
  </a>`;
}
