// What a store's groups are planned by: how near its districts are, and sizes, weights and costs.

import { read, readAll } from '../api.js';
import { isDone, useCommand } from '../commanding.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { html, useRef, useState } from '../html.js';
import { pairsIn, withPair } from '../pairs.js';
import { Card, Loaded, Said } from '../parts.js';
import { Paged } from './paged.js';

const NUMBERS = {
  size_min: [1, 300], size_target: [1, 300], size_high: [1, 300], size_max: [1, 300], weight_interest: [0, 10000], weight_district: [0, 10000],
  move_cost: [0, 10000], seed_move_cost: [0, 10000], moves_per_mille: [0, 1000],
};
const SWITCHES = ['auto_open', 'auto_design'];
const MOST_PAIRS = 5000;
const MOST_BYTES = 900000; // a command may have a million

export function Settings() {
  const { words, may } = useConsole();
  return html`<h1>${words.settings.title}</h1>
    ${!may('commands:write') && html`<p class="note">${words.problems.noCommands}</p>`}
    <${Districts} /><${Planned} />`;
}

function Districts() {
  const { store, words, formats, may } = useConsole();
  const said = words.settings;
  const path = `/v1/stores/${store}/districts`;
  const columns = () => [
    { key: 'a', label: said.district, show: ({ a }) => a },
    { key: 'b', label: said.other, show: ({ b }) => b },
    { key: 'value', label: said.nearness, end: true, show: ({ value }) => formats.perMille(value) },
  ];
  const stale = ({ event, data }) => event === 'districts_defined' && data.store_id === store;
  return html`
    <${Paged} path=${path} title=${said.districts} note=${said.districtsNote} columns=${columns} keyOf=${({ a, b }) => `${a}/${b}`}
      empty=${said.noDistricts} stale=${stale} file="districts" />
    ${may('commands:write') && html`<div class="grid"><${OnePair} path=${path} /><${Upload} path=${path} /></div>`}`;
}

function OnePair({ path }) {
  const { words } = useConsole();
  const said = words.settings;
  const order = useCommand();
  const [pair, setPair] = useState({ a: '', b: '', value: '50' });
  const set = (field) => (event) => setPair({ ...pair, [field]: event.target.value });
  async function save(event) {
    event.preventDefault();
    const [a, b] = [pair.a.trim(), pair.b.trim()];
    if (!a || !b || a === b) return order.tell(said.twoDistricts, 'bad');
    try {
      const { items, more } = await readAll(path, { most: MOST_PAIRS });
      if (more) return order.tell(said.tooMany, 'bad');
      await order.give('PUT', path, { proximities: withPair(items, a, b, Math.round(10 * Number(pair.value))) }, { done: said.pairSaved(a, b) });
    } catch (error) {
      order.tell(words.problems.other(error.message), 'bad');
    }
    return undefined;
  }
  return html`<${Card} title=${said.onePair} note=${said.onePairNote}>
    <form class="fields plain" onSubmit=${save}>
      <label>${said.district}<input name="a" required value=${pair.a} onInput=${set('a')} maxlength="64" /></label>
      <label>${said.other}<input name="b" required value=${pair.b} onInput=${set('b')} maxlength="64" /></label>
      <label>${said.nearness}, %<input name="value" type="number" required min="0" max="100" step="0.1" value=${pair.value} onInput=${set('value')} /></label>
      <footer class="dialog-foot"><${Said} tone=${order.tone}>${order.told}<//><button class="button" disabled=${order.isBusy}>${said.savePair}</button></footer>
    </form>
  <//>`;
}

function Upload({ path }) {
  const { words, formats } = useConsole();
  const said = words.settings;
  const order = useCommand();
  const [chosen, setChosen] = useState(null);
  const field = useRef(null);
  async function choose(event) {
    const [file] = event.target.files;
    order.tell('');
    setChosen(null);
    if (!file) return undefined;
    if (file.size > MOST_BYTES) return order.tell(said.fileTooLarge, 'bad');
    return setChosen({ name: file.name, text: await file.text() });
  }
  async function send(event) {
    event.preventDefault();
    if (!chosen) return order.tell(said.chooseFile, 'bad');
    if (isDone(await order.give('PUT', path, chosen.text, { done: said.uploaded(formats.number(pairsIn(chosen.text))) }))) {
      setChosen(null);
      field.current.value = '';
    }
    return undefined;
  }
  return html`<${Card} title=${said.upload} note=${said.uploadNote}>
    <form class="fields plain" onSubmit=${send}>
      <label>${said.file}<input ref=${field} name="file" type="file" accept=".csv,text/csv" onChange=${choose} /></label>
      <footer class="dialog-foot"><${Said} tone=${order.tone}>${order.told || (chosen && said.ready(formats.number(pairsIn(chosen.text))))}<//>
        <button class="button" disabled=${order.isBusy}>${said.replaceAll}</button></footer>
    </form>
  <//>`;
}

function Planned() {
  const { store, words } = useConsole();
  const path = `/v1/stores/${store}/settings`;
  const settings = useLoad(() => read(path), [store]); // not anew when somebody changes them: what is being written would go
  const order = useCommand();
  return html`<${Card} title=${words.settings.planned} note=${words.settings.plannedNote} wide=${true}>
    <${Loaded} of=${settings} lines=${6}>${(data) => html`<${Form} key=${told(data)} loaded=${data} path=${path} order=${order} reload=${settings.reload} />`}<//>
  <//>`;
}

function told({ settings }) {
  return JSON.stringify(settings);
}

function Form({ loaded, path, order, reload }) {
  const { words, may } = useConsole();
  const said = words.settings;
  const [now, setNow] = useState(loaded.settings);
  const mayNot = !may('commands:write');
  async function save(event) {
    event.preventDefault();
    try {
      const { data } = await read(path);
      if (told(data) !== told(loaded)) {
        order.tell(said.conflict, 'bad');
        return reload();
      }
    } catch (error) {
      return order.tell(words.problems.other(error.message), 'bad');
    }
    if (isDone(await order.give('PUT', path, now, { done: said.saved }))) reload();
    return undefined;
  }
  return html`<form class="fields plain" onSubmit=${save}>
    ${Object.entries(NUMBERS).map(([name, [min, max]]) => html`<label key=${name}>${said.names[name]}
      <input name=${name} type="number" required min=${min} max=${max} disabled=${mayNot} value=${now[name]} onInput=${(event) => setNow({ ...now, [name]: Number(event.target.value) })} /></label>`)}
    ${SWITCHES.map((name) => html`<label key=${name} class="switch"><input name=${name} type="checkbox" disabled=${mayNot} checked=${now[name]}
      onChange=${(event) => setNow({ ...now, [name]: event.target.checked })} /> ${said.names[name]}</label>`)}
    ${!mayNot && html`<footer class="dialog-foot"><${Said} tone=${order.tone}>${order.told}<//><button class="button" disabled=${order.isBusy}>${said.save}</button></footer>`}
  </form>`;
}
