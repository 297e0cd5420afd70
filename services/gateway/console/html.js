// The one place that knows what draws the page: Preact, with htm for markup in plain modules.

import { h, render } from './vendor/preact.js';
import htm from './vendor/htm.js';

export { createContext, Fragment } from './vendor/preact.js';
export {
  useCallback,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from './vendor/hooks.js';
export const html = htm.bind(h);
export { render };
