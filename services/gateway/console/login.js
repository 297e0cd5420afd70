// For those who are not in: how to get in.

import { Console } from './context.js';
import { html } from './html.js';
import { Failed } from './parts.js';
import { languageNow } from './settings.js';
import { wordsFor } from './words.js';

export function Login({ state, retry }) {
  const words = wordsFor(languageNow());
  return html`<${Console.Provider} value=${{ words }}>
    <main class="gate">
      <div class="gate-card">
        <p class="brand"><span class="mark" aria-hidden="true"></span>${words.product}</p>
        ${state && state.failed && html`<${Failed} error=${state.failed} retry=${retry} />`}
        ${!state && html`<p role="status">${words.login.working} …</p>`}
        ${state && state.why && html`<${HowIn} words=${words.login} why=${state.why} />`}
      </div>
    </main>
  <//>`;
}

function HowIn({ words, why }) {
  const [title, lead] =
    why === 'over' ? [words.over, words.overLead]
    : why === 'spent' ? [words.spent, words.spentLead]
    : [words.title, words.lead];
  return html`<h1>${title}</h1><p>${lead}</p><p class="note">${words.how}</p><pre><code>qunli console</code></pre>`;
}
