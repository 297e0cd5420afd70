// Where the console stands, as the address says after its #: '#/member/m-42?store=sh-001'. Pure.

export const PAGES = ['today', 'matrix', 'plan', 'tasks', 'member', 'settings', 'operations', 'group', 'licences'];

const HOME = { page: 'today', id: '', query: {} };

/** { page, id, query } of an address; what leads nowhere leads home. */
export function parseRoute(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page, ...rest] = path.split('/');
  if (!PAGES.includes(page)) return { ...HOME, query: queryOf(query) };
  return { page, id: decoded(rest.join('/')), query: queryOf(query) };
}

/** The address of a page. Values of the query that are empty are left out. */
export function linkTo(page, id = '', query = {}) {
  const chosen = Object.entries(query).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  const search = new URLSearchParams(chosen).toString();
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ''}${search ? `?${search}` : ''}`;
}

/** The one-use login in an address, if it has one. */
export function loginIn(hash) {
  const found = /^#login=([A-Za-z0-9._~-]{1,4096})$/.exec(hash);
  return found && found[1];
}

function queryOf(text) {
  return Object.fromEntries(new URLSearchParams(text));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
