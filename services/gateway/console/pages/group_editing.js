// Groups are opened, changed and closed here, each in a dialog.

import { readAll } from '../api.js';
import { isDone, useCommand } from '../commanding.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { changesOf, fieldsOf, openBody } from '../group_facts.js';
import { html, useState } from '../html.js';
import { areaName, themeName } from '../naming.js';
import { Dialog, Said } from '../parts.js';

const ID = '[A-Za-z0-9._:\\-]{1,64}';

function Field({ label, note, name, value, onInput, ...more }) {
  const about = note ? `about-${name}` : undefined;
  return html`<div><label>${label}<input name=${name} value=${value} aria-describedby=${about} onInput=${(event) => onInput(event.target.value)} ...${more} /></label>
    ${note && html`<span class="note" id=${about}>${note}</span>`}</div>`;
}

function Foot({ order, label, tone = '' }) {
  return html`<footer class="dialog-foot"><${Said} tone=${order.tone}>${order.told}<//><button class="button ${tone}" disabled=${order.isBusy}>${label}</button></footer>`;
}

/** Open a group, or adopt one that the chat platform has; its page follows, where it gets its manager and way in. */
export function OpenGroup({ matrix, onClose }) {
  const { store, words, language, go } = useConsole();
  const said = words.editing;
  const order = useCommand();
  const [group, setGroup] = useState({ name: '', place: matrix.themes.length ? 'matrix' : 'none', theme: '', area: '', platform_id: '' });
  const set = (field) => (value) => setGroup({ ...group, [field]: value });
  async function open(event) {
    event.preventDefault();
    const outcome = await order.give('POST', `/v1/stores/${store}/groups`, openBody(group), { done: said.opened });
    if (isDone(outcome)) go('group', outcome.subject);
  }
  return html`<${Dialog} title=${said.open} onClose=${onClose}>
    <p class="note">${said.openLead}</p>
    <form class="fields plain" onSubmit=${open}>
      <${Field} label=${said.name} name="name" value=${group.name} onInput=${set('name')} required=${true} maxlength=${128} />
      <label>${said.place}<select name="place" value=${group.place} onChange=${(event) => set('place')(event.target.value)}>
        ${['matrix', 'seeds', 'vips', 'none'].map((place) => html`<option key=${place} value=${place} selected=${place === group.place}>${said.places[place]}</option>`)}</select></label>
      ${group.place === 'matrix' && html`
        <${Select} label=${words.matrix.theme} name="theme" value=${group.theme} onChoose=${set('theme')} required=${true}
          options=${matrix.themes.map((theme) => [theme.id, themeName(theme, language)])} />
        <${Select} label=${said.area} name="area" value=${group.area} onChoose=${set('area')} none=${words.matrix.rest}
          options=${matrix.areas.map((area) => [area.id, areaName(area, words)])} />`}
      <${Field} label=${said.platformId} note=${said.platformNote} name="platform_id" value=${group.platform_id} onInput=${set('platform_id')} pattern=${ID} />
      <${Foot} order=${order} label=${said.open} />
    </form>
  <//>`;
}

function Select({ label, name, value, onChoose, options, none = '', required = false }) {
  return html`<label>${label}<select name=${name} required=${required} value=${value} onChange=${(event) => onChoose(event.target.value)}>
    <option value="" selected=${!value}>${none}</option>
    ${options.map(([id, text]) => html`<option key=${id} value=${id} selected=${id === value}>${text}</option>`)}</select></label>`;
}

export function EditGroup({ group, onClose, onDone }) {
  const { words } = useConsole();
  const said = words.editing;
  const order = useCommand();
  const [facts, setFacts] = useState(fieldsOf(group));
  const set = (field) => (value) => setFacts({ ...facts, [field]: value });
  async function save(event) {
    event.preventDefault();
    const body = changesOf(group, facts);
    if (!Object.keys(body).length) return order.tell(said.nothing);
    if (isDone(await order.give('PUT', `/v1/groups/${encodeURIComponent(group.group_id)}`, body, { done: said.saved }))) onDone();
    return undefined;
  }
  return html`<${Dialog} title=${said.edit} onClose=${onClose}>
    <form class="fields plain" onSubmit=${save}>
      <${Field} label=${said.name} name="name" value=${facts.name} onInput=${set('name')} required=${true} maxlength=${128} />
      <${Field} label=${said.managers} note=${said.managersNote} name="managers" value=${facts.managers} onInput=${set('managers')} />
      <${Field} label=${said.joinUrl} name="join_url" type="url" value=${facts.join_url} onInput=${set('join_url')} maxlength=${500} />
      <${Field} label=${said.qrUrl} name="qr_url" type="url" value=${facts.qr_url} onInput=${set('qr_url')} maxlength=${500} />
      <${Field} label=${said.qrExpires} name="qr_expires" type="date" value=${facts.qr_expires} onInput=${set('qr_expires')} />
      <${Field} label=${said.platformId} note=${said.platformNote} name="platform_id" value=${facts.platform_id} onInput=${set('platform_id')} pattern=${ID} />
      <${Foot} order=${order} label=${said.save} />
    </form>
  <//>`;
}

/** Close a group, its members invited into another one if one is named. */
export function CloseGroup({ group, onClose, onDone }) {
  const { store, words, formats } = useConsole();
  const said = words.editing;
  const order = useCommand();
  const [into, setInto] = useState('');
  const groups = useLoad(() => readAll(`/v1/stores/${store}/groups`, { most: 5000 }).then(({ items, asOf }) => ({ data: items.filter((one) => takesOver(one, group)), asOf })), [store]);
  async function close(event) {
    event.preventDefault();
    const path = `/v1/groups/${encodeURIComponent(group.group_id)}/close`;
    if (isDone(await order.give('POST', path, into ? { into } : {}, { done: said.closed }))) onDone();
  }
  return html`<${Dialog} title=${said.closeTitle(group.name)} onClose=${onClose}>
    <p>${said.closeLead(formats.number(group.heads))}</p>
    <form class="fields plain" onSubmit=${close}>
      ${group.theme && html`<${Select} label=${said.into} name="into" value=${into} onChoose=${setInto} none=${said.nowhere}
        options=${(groups.data || []).map((one) => [one.group_id, `${one.name} (${formats.number(one.size)})`])} />`}
      <${Foot} order=${order} label=${said.close} tone="danger" />
    </form>
  <//>`;
}

/** Whether a group of the matrix may take over the members of another. */
function takesOver({ group_id: id, theme, state }, group) {
  return Boolean(theme) && id !== group.group_id && !['closing', 'archived', 'dead'].includes(state);
}
