// A list that comes page by page, as a table; and the whole of it as a file.

import { read } from '../api.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { allOf, save } from '../download.js';
import { html, useState } from '../html.js';
import { Icon } from '../icons.js';
import { Card, Empty, Loaded, Said, Table } from '../parts.js';

const ROWS = 50;

/** `path`: of the list, without its page. `columns(reload)`: as Table has them. `file`: the name of its file. */
export function Paged({ path, title, note, columns, keyOf, empty, stale, file, aside }) {
  const [cursors, setCursors] = useState([]); // of the pages so far, but the first
  const cursor = cursors.at(-1) || '';
  const joint = path.includes('?') ? '&' : '?';
  const page = useLoad(() => read(`${path}${joint}limit=${ROWS}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`), [path, cursor], { stale });
  const next = page.data && page.data.next_cursor;
  const tools = html`<div class="buttons">${aside}<${Download} path=${path} file=${file} /></div>`;
  return html`<${Card} title=${title} note=${note} wide=${true} aside=${tools}>
    <${Loaded} of=${page}>${({ items }) => (items.length || cursors.length
      ? html`<${Table} columns=${columns(page.reload)} rows=${items} keyOf=${keyOf} label=${title} />`
      : html`<${Empty}>${empty}<//>`)}<//>
    ${(next || cursors.length > 0) && html`<${Pager} number=${cursors.length + 1} next=${next}
      back=${() => setCursors(cursors.slice(0, -1))} on=${() => setCursors([...cursors, next])} />`}
  <//>`;
}

function Pager({ number, next, back, on }) {
  const { words, formats } = useConsole();
  return html`<div class="pager buttons">
    <button class="button quiet" disabled=${number === 1} onClick=${back}><${Icon} name="left" />${words.before}</button>
    <span class="note" role="status">${words.page(formats.number(number))}</span>
    <button class="button quiet" disabled=${!next} onClick=${on}>${words.next}<${Icon} name="right" /></button>
  </div>`;
}

function Download({ path, file }) {
  const { words, formats, store } = useConsole();
  const [told, setTold] = useState('');
  const [isBusy, setBusy] = useState(false);
  async function download() {
    setBusy(true);
    try {
      const joint = path.includes('?') ? '&' : '?';
      const text = await allOf(`${path}${joint}limit=200`, (lines) => setTold(words.lines(formats.number(lines))));
      save(text, `${store}-${file}.csv`);
    } catch (error) {
      setTold(words.problems.other(error.message));
    }
    setBusy(false);
  }
  return html`<${Said}>${told}<//><button class="button quiet" disabled=${isBusy} onClick=${download}><${Icon} name="down" />${words.csv}</button>`;
}
