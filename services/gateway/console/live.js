// The stream as pages use it: subscribe to frames and to its state.

import { read } from './api.js';
import { shareStream } from './stream.js';

const listeners = new Set();
const watchers = new Set();
let end = null;
let state = 'connecting';

/** Begin, or begin anew after another login. */
export function startLive() {
  stopLive();
  const told = {
    frame: (frame) => listeners.forEach((listen) => listen(frame)),
    state(now) {
      state = now;
      watchers.forEach((watch) => watch(now));
    },
  };
  end = shareStream('/v1/stream', told, {
    EventSource,
    BroadcastChannel,
    locks: navigator.locks,
    timers: { set: (run, ms) => setTimeout(run, ms), clear: (timer) => clearTimeout(timer) },
    isAlive,
  });
}

export function stopLive() {
  if (end) end();
  end = null;
}

/** Whether the session is still known; an API that does not answer says nothing about that. */
async function isAlive() {
  try {
    await read('/v1/me');
    return true;
  } catch (error) {
    return error.status !== 401;
  }
}

export function onFrame(listen) {
  listeners.add(listen);
  return () => listeners.delete(listen);
}

/** Calls back with the state as it is, and with each later one. */
export function onState(watch) {
  watchers.add(watch);
  watch(state);
  return () => watchers.delete(watch);
}
