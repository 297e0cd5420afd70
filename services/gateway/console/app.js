// The frame around every page: where to go, which store, which language and colours.

import { read } from './api.js';
import { Console, useConsole } from './context.js';
import { formats } from './format.js';
import { html, useEffect, useMemo, useRef, useState } from './html.js';
import { Icon } from './icons.js';
import { onState } from './live.js';
import { Group } from './pages/group.js';
import { Licences } from './pages/licences.js';
import { Matrix } from './pages/matrix.js';
import { Member } from './pages/member.js';
import { Operations } from './pages/operations.js';
import { Plan } from './pages/plan.js';
import { Settings } from './pages/settings.js';
import { Tasks } from './pages/tasks.js';
import { Today } from './pages/today.js';
import { linkTo, parseRoute } from './route.js';
import { coloursNow, keep, kept, languageNow, paint, speak } from './settings.js';
import { wordsFor } from './words.js';

const PAGES = {
  today: Today, matrix: Matrix, plan: Plan, tasks: Tasks, member: Member, settings: Settings, operations: Operations, group: Group,
  licences: Licences,
};
const IN_MENU = ['today', 'matrix', 'plan', 'tasks', 'member', 'settings', 'operations'];
const ALL_STORES = '*';

export function App({ me, leave }) {
  const route = useRoute();
  const [language, setLanguage] = useState(languageNow());
  const [colours, setColours] = useState(coloursNow());
  const stores = useStores(me);
  const store = chosenStore(route, stores);
  const words = wordsFor(language);
  const timeZone = me.timezone || me.time_zone;
  const shown = useMemo(() => formats(language, timeZone), [language, timeZone]);
  const value = {
    me, words, formats: shown, language, colours, store, route,
    may: (scope) => me.scopes.includes(scope),
    go: (page, id, query) => { location.hash = linkTo(page, id, { store, ...query }); },
  };

  useEffect(() => {
    if (store) keep('store', store);
  }, [store]);
  useEffect(() => {
    document.title = `${words.pages[route.page]} · ${words.product}`;
  }, [route.page, language]);
  const look = {
    speak(other) { speak(other); setLanguage(other); },
    paint(other) { paint(other); setColours(other); },
  };

  const Page = PAGES[route.page];
  return html`<${Console.Provider} value=${value}>
    <a class="skip" href="#page" onClick=${(event) => { event.preventDefault(); document.getElementById('page').focus(); }}>${words.skip}</a>
    <div class="frame">
      <${Side} stores=${stores} look=${look} leave=${leave} />
      <main id="page" tabindex="-1" class="page page-${route.page}">
        ${store && html`<${Page} key=${`${route.page}/${store}/${route.id}`} id=${route.id} />`}
      </main>
    </div>
  <//>`;
}

function Side({ stores, look, leave }) {
  const { words, store, me } = useConsole();
  return html`<header class="side">
    <a class="brand" href=${linkTo('today', '', { store })}><span class="mark" aria-hidden="true"></span><span>${words.product}<small>${words.productNote}</small></span></a>
    <${StoreChoice} stores=${stores} />
    <nav class="menu" aria-label=${words.nav}>${IN_MENU.map((page) => html`<${MenuItem} key=${page} page=${page} />`)}</nav>
    <div class="side-foot">
      <${LiveSign} />
      <${LookButtons} look=${look} />
      <${OutButton} name=${me.name} leave=${leave} />
    </div>
  </header>`;
}

function MenuItem({ page }) {
  const { words, store, route } = useConsole();
  const isHere = route.page === page || (page === 'matrix' && route.page === 'group');
  return html`<a href=${linkTo(page, '', { store })} aria-current=${isHere ? 'page' : undefined}><${Icon} name=${page} /><span>${words.pages[page]}</span></a>`;
}

function StoreChoice({ stores }) {
  const { words, store, route } = useConsole();
  if (!stores.length) return null;
  if (stores.length === 1) return html`<p class="store"><span class="note">${words.store}</span>${store}</p>`;
  const page = route.page === 'group' ? 'matrix' : route.page;
  return html`<label class="store"><span class="note">${words.store}</span>
    <select value=${store} onChange=${(event) => { location.hash = linkTo(page, '', { store: event.target.value }); }}>
      ${stores.map((id) => html`<option key=${id} value=${id} selected=${id === store}>${id}</option>`)}
    </select>
  </label>`;
}

function LiveSign() {
  const { words } = useConsole();
  const [state, setState] = useState('connecting');
  useEffect(() => onState(setState), []);
  return html`<p class="live live-${state}" role="status"><i class="dot"></i>${words.live[state]}</p>`;
}

function LookButtons({ look }) {
  const { words, language, colours } = useConsole();
  const other = colours === 'dark' ? 'light' : 'dark';
  return html`<div class="buttons">
    <button class="button quiet" lang=${language === 'zh' ? 'en' : 'zh-CN'} onClick=${() => look.speak(language === 'zh' ? 'en' : 'zh')}>${words.otherLanguage}</button>
    <button class="icon-button" aria-label=${words.theme[other]} title=${words.theme[other]} onClick=${() => look.paint(other)}><${Icon} name=${other === 'dark' ? 'moon' : 'sun'} /></button>
  </div>`;
}

function OutButton({ name, leave }) {
  const { words, store } = useConsole();
  return html`<div class="who">
    <span class="note" title=${words.loggedInAs(name)}>${name}</span>
    <button class="icon-button" aria-label=${words.logOut} title=${words.logOut} onClick=${leave}><${Icon} name="out" /></button>
    <a class="note licences-link" href=${linkTo('licences', '', { store })}>${words.pages.licences}</a>
  </div>`;
}

function useRoute() {
  const [route, setRoute] = useState(parseRoute(location.hash));
  const last = useRef(route.page + route.id);
  useEffect(() => {
    const moved = () => {
      const now = parseRoute(location.hash);
      if (last.current !== now.page + now.id) scrollTo(0, 0);
      last.current = now.page + now.id;
      setRoute(now);
    };
    window.addEventListener('hashchange', moved);
    return () => window.removeEventListener('hashchange', moved);
  }, []);
  return route;
}

/** The stores of a session; for all stores, those that have had a member. */
function useStores(me) {
  const named = me.stores.filter((store) => store !== ALL_STORES);
  const [stores, setStores] = useState(named);
  useEffect(() => {
    if (!me.stores.includes(ALL_STORES)) return;
    read('/v1/stores?limit=200').then(
      ({ data }) => setStores([...new Set([...named, ...data.items.map(({ store_id: id }) => id)])]),
      () => {},
    );
  }, []);
  return stores;
}

function chosenStore({ query }, stores) {
  const wanted = [query.store, kept('store')].find((store) => stores.includes(store));
  return wanted || stores[0] || '';
}
