// What a page has loaded, and how frames of the stream keep it fresh.

import { useEffect, useRef, useState } from './html.js';
import { onFrame } from './live.js';
import { parseAsOf } from './positions.js';

const SOON_MS = 300; // so that a burst of frames makes one read
const SELDOM_MS = 2000; // between two reads
const AGAIN_MS = 5000; // after a failure that may pass

/**
 * { data, asOf, error, loading, reload }. `load(signal)` gives { data, asOf }; it is called anew when `deps` change, on
 * frames for which `stale` says so, every `every` ms while the page is seen, and after a failure that may pass.
 * `apply(data, frame, asOf)` puts a frame into the data at once.
 */
export function useLoad(load, deps, { stale = () => false, apply = null, every = 0 } = {}) {
  const [state, setState] = useState({ loading: true, data: null, asOf: null, error: null });
  const now = useRef({});
  Object.assign(now.current, { load, stale, apply });

  useEffect(() => {
    const work = new AbortController();
    const { current } = now;
    let timer = null;
    let due = 0;
    let last = 0;
    let early = []; // frames that came while an answer was on its way: it may not hold them

    async function run() {
      timer = null;
      last = Date.now();
      early = [];
      setState((old) => ({ ...old, loading: true }));
      try {
        const { data, asOf } = await current.load(work.signal);
        if (work.signal.aborted) return;
        const held = parseAsOf(asOf);
        const whole = current.apply ? early.reduce((rows, frame) => current.apply(rows, frame, held), data) : data;
        setState({ loading: false, data: whole, asOf: held, error: null });
        if (every) wake(every, poll);
      } catch (error) {
        if (work.signal.aborted) return;
        setState((old) => ({ ...old, loading: false, error }));
        if (error.status === 0 || error.status === 503) wake(AGAIN_MS);
      }
    }

    function poll() {
      timer = null;
      if (document.hidden) wake(every, poll);
      else run();
    }

    function wake(ms, then = run) {
      const at = Date.now() + ms;
      if (timer && due <= at) return;
      clearTimeout(timer);
      due = at;
      timer = setTimeout(then, ms);
    }

    current.soon = () => wake(Math.max(SOON_MS, last + SELDOM_MS - Date.now()));
    current.reload = () => wake(0);
    const forget = onFrame((frame) => {
      if (current.apply) {
        early.push(frame);
        setState((old) => (old.data ? { ...old, data: current.apply(old.data, frame, old.asOf) } : old));
      }
      if (frame.event === 'reset' || current.stale(frame)) current.soon();
    });
    setState((old) => ({ ...old, data: null, error: null, loading: true }));
    run();
    return () => {
      work.abort();
      clearTimeout(timer);
      forget();
    };
  }, deps);

  return { ...state, reload: () => now.current.reload() };
}
