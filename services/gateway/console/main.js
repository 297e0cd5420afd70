// Begins: spends a login, asks who is there, and shows the pages or how to get in.

import { Problem, post, read, openSession } from './api.js';
import { App } from './app.js';
import { html, render, useEffect, useState } from './html.js';
import { startLive, stopLive } from './live.js';
import { Login } from './login.js';
import { loginIn } from './route.js';

/** { me } of the session, or why there is none. */
async function enter() {
  const login = loginIn(location.hash);
  if (login) {
    history.replaceState(null, '', `${location.pathname}#/today`); // a link works once: it need not stand in the address
    try {
      const { data } = await post('/v1/console/sessions', { login });
      openSession(data.csrf, () => {});
    } catch (error) {
      if (error.status === 0 || error.status >= 500) return { failed: error };
      return { why: 'spent' };
    }
  }
  return whoIsThere();
}

async function whoIsThere() {
  try {
    const { data } = await read('/v1/me');
    return { me: data };
  } catch (error) {
    return error.status === 401 ? { why: 'none' } : { failed: error };
  }
}

function Root() {
  const [state, setState] = useState(null);
  const begin = () => enter().then(setState, (error) => setState({ failed: new Problem(0, 'unexpected', String(error)) }));
  const over = (why) => {
    openSession(null, () => {});
    stopLive();
    setState({ why });
  };
  async function leave() {
    openSession(state.me.csrf, () => {}); // reads that are on their way may find the session gone
    await post('/v1/console/sessions', undefined, 'DELETE').catch(() => {});
    over('out');
  }

  useEffect(() => {
    const entered = () => loginIn(location.hash) && begin();
    window.addEventListener('hashchange', entered);
    begin();
    return () => window.removeEventListener('hashchange', entered);
  }, []);
  useEffect(() => {
    if (!state || !state.me) return;
    openSession(state.me.csrf, () => over('over'));
    startLive();
  }, [state]);

  if (state && state.me) return html`<${App} me=${state.me} leave=${leave} />`;
  return html`<${Login} state=${state} retry=${begin} />`;
}

const place = document.getElementById('app');
place.textContent = '';
render(html`<${Root} />`, place);
