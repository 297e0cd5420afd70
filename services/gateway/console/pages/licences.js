// Whose work the console is drawn by, and under which licences.

import { useConsole } from '../context.js';
import { html, useEffect, useState } from '../html.js';
import { Card, Failed } from '../parts.js';

export function Licences() {
  const { words } = useConsole();
  const [state, setState] = useState({ items: [], error: null });
  useEffect(() => {
    fetch(new URL('../vendor/licences.json', import.meta.url))
      .then((answer) => answer.json())
      .then((items) => setState({ items, error: null }), (error) => setState({ items: [], error }));
  }, []);
  return html`<h1>${words.licences.title}</h1>
    <p>${words.licences.note} ${words.licences.own}</p>
    ${state.error && html`<${Failed} error=${state.error} />`}
    ${state.items.map(({ name, version, licence, text }) => html`<${Card} key=${name} title=${`${name} ${version}`} note=${licence} wide=${true}>
      <details><summary>${licence}</summary><pre class="licence" tabindex="0">${text}</pre></details>
    <//>`)}`;
}
