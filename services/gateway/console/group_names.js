// What a store's groups are called, kept up by the stream.

import { readAll } from './api.js';
import { html, useEffect, useState } from './html.js';
import { onFrame } from './live.js';
import { linkTo } from './route.js';

/** id -> name. */
export function useGroupNames(store) {
  const [names, setNames] = useState({});
  useEffect(() => {
    const work = new AbortController();
    const load = () => readAll(`/v1/stores/${store}/groups`, { signal: work.signal }).then(
      ({ items }) => setNames(Object.fromEntries(items.map((group) => [group.group_id, group.name]))),
      () => {},
    );
    const forget = onFrame(({ event, data }) => {
      if (data && data.store_id === store && ['group_opened', 'group_updated'].includes(event))
        setNames((now) => ({ ...now, [data.group_id]: data.name }));
    });
    load();
    return () => {
      work.abort();
      forget();
    };
  }, [store]);
  return names;
}

/** A group by its name, leading to its page. */
export function GroupLink({ id, names, store }) {
  if (!id) return null;
  return html`<a href=${linkTo('group', id, { store })}>${names[id] || id}</a>`;
}
