// The set of themes: add, remove, save. It replaces just the set that was read.

import { command, outcomeOf, read } from '../api.js';
import { useConsole } from '../context.js';
import { html, useEffect, useState } from '../html.js';
import { Icon } from '../icons.js';
import { Dialog, Failed, Said } from '../parts.js';
import { themeName } from '../naming.js';

const NEW = { id: '', name: '', name_en: '', tags: '' };

export function Themes({ onClose }) {
  const { store, words } = useConsole();
  const [loaded, setLoaded] = useState(null);
  const [error, setError] = useState(null);
  const [told, setTold] = useState(['', '']);
  const load = () =>
    read(`/v1/stores/${store}/themes`).then(
      ({ data }) => { setLoaded(data); setError(null); },
      setError,
    );
  useEffect(() => { load(); }, []);
  return html`<${Dialog} title=${words.matrix.themes} onClose=${onClose}>
    <p class="note">${words.matrix.themesLead}</p>
    ${error && html`<${Failed} error=${error} retry=${load} />`}
    ${loaded && html`<${Editor} key=${loaded.version} loaded=${loaded} reload=${load} told=${told} setTold=${setTold} />`}
  <//>`;
}

function Editor({ loaded, reload, told, setTold }) {
  const { store, words } = useConsole();
  const said = words.matrix;
  const [themes, setThemes] = useState(loaded.themes);
  const [added, setAdded] = useState(null);
  const [isBusy, setBusy] = useState(false);

  async function save(event) {
    event.preventDefault();
    const all = added ? [...themes, themeOf(added)] : themes;
    if (!all.every(isWhole)) return setTold([said.needName, 'bad']);
    setBusy(true);
    setTold([words.plan.sent, '']);
    try {
      const body = { themes: all.map(bodyOf) };
      const outcome = await outcomeOf(await command('PUT', `/v1/stores/${store}/themes`, body, { 'If-Match': `"${loaded.version}"` }));
      setTold(toldOf(outcome, words));
      if (outcome) await reload();
    } catch (error) {
      setTold([error.path ? `${error.path}: ${error.message}` : words.problems.other(error.message), 'bad']);
    }
    setBusy(false);
    return undefined;
  }

  return html`<form onSubmit=${save}>
    <ul class="theme-list">${themes.map((theme) => html`<${ThemeRow} key=${theme.id} theme=${theme} onRemove=${() => setThemes(themes.filter(({ id }) => id !== theme.id))} />`)}</ul>
    ${added ? html`<${Fields} theme=${added} onChange=${setAdded} />`
      : html`<button type="button" class="button quiet" onClick=${() => setAdded(NEW)}><${Icon} name="plus" />${said.addTheme}</button>`}
    <footer class="dialog-foot"><${Said} tone=${told[1]}>${told[0]}<//><button class="button" disabled=${isBusy}>${said.save}</button></footer>
  </form>`;
}

function ThemeRow({ theme, onRemove }) {
  const { words, language } = useConsole();
  const name = themeName(theme, language);
  return html`<li><span><b>${name}</b> <span class="note">${theme.tags.join(', ')}</span></span>
    <button type="button" class="icon-button" aria-label=${words.matrix.removeTheme(name)} onClick=${onRemove}><${Icon} name="cross" /></button></li>`;
}

function Fields({ theme, onChange }) {
  const { words } = useConsole();
  const said = words.matrix;
  const input = (field, label, more = {}) => html`<label>${label}
    <input name=${field} value=${theme[field]} onInput=${(event) => onChange({ ...theme, [field]: event.target.value })} ...${more} /></label>`;
  return html`<fieldset class="fields"><legend>${said.addTheme}</legend>
    ${input('name', said.themeName, { required: true, maxlength: 128 })}
    ${input('name_en', said.themeNameEn, { maxlength: 128 })}
    ${input('id', `${said.themeId} (${said.themeIdNote})`, { required: true, pattern: '[A-Za-z0-9._:\\-]{1,64}' })}
    ${input('tags', said.themeTags, { required: true })}
  </fieldset>`;
}

/** A theme as it was written into the fields. */
export function themeOf({ id, name, name_en: english, tags }) {
  const split = tags.split(/[,，、;；]/).map((tag) => tag.trim()).filter(Boolean);
  return { id: id.trim(), name: name.trim(), name_en: english.trim() || null, tags: split };
}

export function isWhole({ id, name, tags }) {
  return Boolean(id && name && tags.length);
}

function bodyOf({ id, name, name_en: english, tags }) {
  return english ? { id, name, name_en: english, tags } : { id, name, tags };
}

function toldOf(outcome, words) {
  if (!outcome) return [words.plan.unknown, ''];
  if (outcome.state === 'done') return [words.matrix.saved, 'good'];
  return [outcome.reason === 'version_conflict' ? words.matrix.conflict : words.refusal(outcome.reason), 'bad'];
}
