// One stream for all tabs of a browser: who holds a lock reads it, and tells the others over a channel.

import { EVENTS } from './frames.js';

const PAUSES = { first: 1000, longest: 30000 }; // while the door is away
const LOCK = 'qunli.stream';

/**
 * Frames of the stream, whichever tab reads it. A tab that takes over goes on after the last frame that was told.
 *
 * `parts`: { EventSource, BroadcastChannel, locks, timers, isAlive }; without locks every tab has a stream of its own.
 * `told`: { frame({ event, id, data }), state('connecting' | 'live' | 'waiting' | 'over') }. Gives a function to end it.
 */
export function shareStream(url, told, parts) {
  const { BroadcastChannel, locks, timers } = parts;
  const channel = new BroadcastChannel(LOCK);
  const ended = new AbortController();
  let lastId = null;
  let state = 'connecting';
  let reader = null;

  function say(message) {
    channel.postMessage(message);
    hear(message);
  }

  function hear(message) {
    if (message.frame) {
      lastId = message.frame.id || lastId;
      told.frame(message.frame);
    }
    if (message.state && message.state !== state) {
      state = message.state;
      told.state(state);
    }
  }

  channel.onmessage = ({ data }) => {
    if (data.who && reader) channel.postMessage({ state, lastId });
    else if (!data.who) {
      lastId = data.lastId || lastId;
      hear(data);
    }
  };
  channel.postMessage({ who: true });

  function lead() {
    return new Promise((resolve) => {
      if (ended.signal.aborted) return resolve();
      reader = readStream(() => addressOf(url, lastId), say, parts, timers);
      ended.signal.addEventListener('abort', () => {
        reader.close();
        resolve();
      });
      return undefined;
    });
  }

  if (locks) locks.request(LOCK, { signal: ended.signal }, lead).catch(() => {});
  else lead();
  return () => {
    ended.abort();
    channel.close();
  };
}

function addressOf(url, lastId) {
  return lastId ? `${url}${url.includes('?') ? '&' : '?'}last_event_id=${encodeURIComponent(lastId)}` : url;
}

/** Reads until it is closed: an EventSource comes back by itself after a cut, but gives up on any other status. */
function readStream(address, say, { EventSource, isAlive }, timers) {
  let source = null;
  let timer = null;
  let pause = PAUSES.first;
  let closed = false;

  function open() {
    say({ state: 'connecting' });
    source = new EventSource(address());
    source.onopen = () => {
      pause = PAUSES.first;
      say({ state: 'live' });
    };
    source.onerror = () => failed();
    for (const event of EVENTS) source.addEventListener(event, (message) => frame(event, message));
  }

  function frame(event, { data, lastEventId }) {
    say({ frame: { event, id: lastEventId || null, data: data ? JSON.parse(data) : null } });
  }

  async function failed() {
    if (closed) return;
    say({ state: 'waiting' });
    if (source.readyState !== EventSource.CLOSED) return;
    source.close();
    if (!(await isAlive())) {
      if (!closed) say({ state: 'over' });
      return;
    }
    if (closed) return;
    timer = timers.set(open, pause);
    pause = Math.min(pause * 2, PAUSES.longest);
  }

  open();
  return {
    close() {
      closed = true;
      timers.clear(timer);
      source.close();
    },
  };
}
