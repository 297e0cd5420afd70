// What every page knows: words, formats, the session, the chosen store.

import { createContext, useContext } from './html.js';

export const Console = createContext(null);

export function useConsole() {
  return useContext(Console);
}
