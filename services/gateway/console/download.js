// A list as a file: all of its pages as CSV, one after the other.

import { readCsv } from './api.js';

const MARK = '\ufeff'; // a spreadsheet takes the file for UTF-8 by it

/** All pages as one text with one line of names; `onPage(lines)` is told how far it is. */
export async function allOf(path, onPage = () => {}, readPage = readCsv) {
  const parts = [];
  let lines = 0;
  for (let next = path; next; ) {
    const page = await readPage(next);
    const text = parts.length ? withoutNames(page.text) : page.text;
    parts.push(text);
    lines += Math.max(0, text.split('\n').length - (parts.length === 1 ? 2 : 1));
    onPage(lines);
    next = page.next;
  }
  return parts.join('');
}

/** No name of a column has a line break in it. */
function withoutNames(text) {
  return text.slice(text.indexOf('\n') + 1);
}

/** Hand a text to the browser as a file. */
export function save(text, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([MARK, text], { type: 'text/csv;charset=utf-8' }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
