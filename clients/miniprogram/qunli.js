/**
 * Posts a member's events to Qunli from a mini-program (wx.request) or a page (fetch). Copy this file; it needs nothing.
 *
 * An event gets its id and time when it is tracked and stands in storage before it is sent, so it survives the end of
 * the app. It goes again, under the same id, until the door has said accepted or rejected: Qunli counts an id once.
 */

const MAX_BYTES = 1 << 20; // the door's limits of a request
const MAX_EVENTS = 1000;
const STAMP_DIGITS = 9; // of milliseconds in base 36
const ID_LETTERS = '0123456789abcdefghijklmnopqrstuv';
const VERDICTS = ['accepted', 'rejected', 'unknown'];
const PAUSES = { first: 1000, longest: 60000 }; // while the door is away or busy
const REFUSED_PAUSES = { first: 30000, longest: 600000 }; // while it refuses this caller: someone must look after that
const LONGEST_RETRY_AFTER = 600000;
const KEEPALIVE_CHARACTERS = 20000; // at most 60 of the 64 KiB that a browser still sends for a page that is closed

export function createClient(options) {
  const settings = Object.assign(
    { batch: 100, limit: 1000, interval: 2000, timeout: 30000, random: Math.random, timers: systemTimers() },
    options
  );
  const { timers } = settings;
  const platform = platformOf(settings);
  const queue = createQueue(platform.storage, `qunli/${settings.memberId}/`, settings);
  let most = Math.min(settings.batch, MAX_EVENTS); // events in a request; a 413 lowers it for good
  let size = most; // the same, smaller while a bad event is being singled out
  let failures = 0; // requests in a row that brought no verdict
  let refusals = 0; // requests in a row that this caller was refused
  let refreshed = false; // whether the token has been replaced since it was last taken
  let token = null;
  let notBefore = 0; // what Retry-After asked for
  let timer = null;
  let due = Infinity;
  let round = null; // the sending that is under way
  let stopped = false;

  function track(type, data) {
    const now = timers.now();
    const event = { id: newId(queue.nextStamp(now), settings.random), type, store_id: settings.storeId };
    Object.assign(event, { member_id: settings.memberId, occurred_at: rfc3339(now), data: data || {} });
    let text;
    try {
      text = JSON.stringify(event, wellFormed);
    } catch (error) {
      tell(settings.onRejected, event, { result: 'rejected', code: 'unserializable', detail: String(error) });
      return null;
    }
    report(queue.add(event.id, text));
    wake(queue.length() >= size ? 0 : settings.interval);
    return event.id;
  }

  /** Send in `pause` ms; a time set by a failure is not brought forward. */
  function wake(pause) {
    const at = timers.now() + pause;
    if (stopped || round || (timer !== null && (failures + refusals > 0 || due <= at))) return;
    timers.clear(timer);
    due = at;
    timer = timers.set(flush, pause);
  }

  function flush() {
    timers.clear(timer);
    timer = null;
    if (!round) round = send().catch(() => failed()).then(settle);
    return round;
  }

  function settle(pause) {
    round = null;
    if (pause > 0 || queue.length() > 0) wake(pause || settings.interval);
    return pause === 0 && queue.length() === 0;
  }

  /** Send batch after batch; the pause before the next try, 0 if nothing waits. */
  async function send() {
    for (;;) {
      const wait = notBefore - timers.now();
      if (stopped || wait > 0) return Math.max(0, wait);
      const batch = queue.oldest(size, MAX_BYTES);
      report(batch.lost);
      if (batch.events.length === 0) return 0;
      const pause = read(batch.events, await post(batch.events));
      if (pause > 0) return pause;
    }
  }

  /** The answer; null where none came. */
  async function post(events) {
    try {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${await currentToken()}` };
      const body = `[${events.map((event) => event.text).join(',')}]`;
      const sent = platform.post(`${settings.url}/v1/events`, headers, body, settings.timeout);
      return await within(timers, settings.timeout, sent.answer, sent.abort);
    } catch (error) {
      return null;
    }
  }

  async function currentToken() {
    if (token && timers.now() < token.until) return token.text;
    const given = await within(timers, settings.timeout, settings.getToken());
    const text = typeof given === 'string' ? given : given.token;
    if (!text) throw new Error('no token');
    // A fifth of its life early, so that it does not end on its way.
    token = { text, until: given.expiresIn ? timers.now() + given.expiresIn * 800 : Infinity };
    return text;
  }

  /** Act on an answer; the pause before the next request. */
  function read(events, answer) {
    if (!answer) return failed();
    const body = parsed(answer.text);
    if (answer.status !== 401) refreshed = false;
    if ([202, 207, 422, 503].includes(answer.status) && answers(body, events)) {
      return take(events, body.results, answer);
    }
    if (answer.status === 401 && !refreshed) return refresh();
    if (answer.status === 413 || ([400, 422].includes(answer.status) && body.code)) {
      return divide(events, answer.status, body);
    }
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429) {
      return refused(answer.status, body);
    }
    return failed(answer);
  }

  function take(events, results, answer) {
    const done = events.filter((event, index) => results[index].result !== 'unknown');
    queue.remove(done.map((event) => event.key));
    events.forEach((event, index) => {
      if (results[index].result === 'rejected') tell(settings.onRejected, event.event, results[index]);
    });
    refusals = 0;
    if (done.length > 0) failures = 0;
    if (done.length < events.length) return failed(answer);
    size = Math.min(most, size * 2);
    return 0;
  }

  function refresh() {
    refreshed = true;
    token = null;
    return 0;
  }

  /** The door cannot take these together: ask about fewer, and give up one that it does not take alone. */
  function divide(events, status, body) {
    size = Math.ceil(events.length / 2);
    if (status === 413) most = size;
    if (events.length > 1) return 0;
    queue.remove([events[0].key]);
    const code = body.code || 'too_large';
    tell(settings.onRejected, events[0].event, { id: events[0].event.id, result: 'rejected', code, detail: body.detail });
    return 0;
  }

  function refused(status, body) {
    token = null;
    tell(settings.onProblem, { status, code: body.code, detail: body.detail });
    return backOff(REFUSED_PAUSES, refusals++);
  }

  function failed(answer) {
    const pause = backOff(PAUSES, failures++);
    const asked = answer ? retryAfter(answer.header('retry-after'), timers.now()) : 0;
    if (asked > 0) notBefore = timers.now() + asked + pause;
    return asked + pause;
  }

  /** Full jitter: anything up to a bound that doubles, so that a crowd does not come back all at once. */
  function backOff(pauses, tries) {
    const bound = Math.min(pauses.longest, pauses.first * Math.pow(2, Math.min(tries, 20)));
    return Math.max(1, settings.random() * bound);
  }

  function report(lost) {
    if (lost > 0) tell(settings.onDropped, lost);
  }

  function start() {
    stopped = false;
    failures = 0;
    refusals = 0;
    return flush();
  }

  wake(settings.interval); // for what an earlier run of the app has left
  return {
    track,
    flush,
    join: (data) => track('join', data),
    leave: (data) => track('leave', data),
    message: (data) => track('message', data),
    checkIn: (data) => track('check_in', data),
    onHide: () => flush(),
    onShow: () => start(),
    stop() {
      stopped = true;
      timers.clear(timer);
      timer = null;
    },
    stats: () => queue.stats(),
  };
}

/**
 * What waits, oldest first: one storage key for each event, so that two pages on one storage never write the same key
 * and neither can undo what the other has added. What storage does not take is kept in memory.
 */
function createQueue(storage, prefix, settings) {
  const memory = new Map();
  const gone = new Set(); // sent, but storage would not remove them
  let keys = [];
  let last = 0;
  let dropped = 0;

  function refresh() {
    Array.from(gone).forEach(erase);
    const stored = quietly(() => storage.keys().filter((key) => key.startsWith(prefix)), keys);
    keys = Array.from(new Set(stored.concat(Array.from(memory.keys())))).filter((key) => !gone.has(key)).sort();
    if (keys.length > 0) last = Math.max(last, stampOf(keys[keys.length - 1]));
  }

  function erase(key) {
    memory.delete(key);
    gone.add(key);
    quietly(() => {
      storage.remove(key);
      gone.delete(key);
    });
  }

  function stampOf(key) {
    return parseInt(key.slice(prefix.length, prefix.length + STAMP_DIGITS), 36) || 0;
  }

  function remove(those) {
    those.forEach(erase);
    const removed = new Set(those);
    keys = keys.filter((key) => !removed.has(key));
  }

  function drop(those) {
    dropped += those.length;
    if (those.length > 0) remove(those);
    return those.length;
  }

  refresh();
  return {
    length: () => keys.length,
    /** Later than every stamp before, though the clock may be set back: keys sort in the order of tracking. */
    nextStamp: (now) => (last = Math.max(now, last + 1)),
    /** How many of the oldest had to go for it. */
    add(id, text) {
      const key = prefix + id;
      if (!quietly(() => storage.set(key, text) || true, false)) memory.set(key, text);
      keys.push(key);
      return drop(keys.slice(0, Math.max(0, keys.length - settings.limit)));
    },
    /** At most so many, in a body of at most so many bytes; and how many could not be read any more. */
    oldest(most, bytes) {
      refresh();
      const events = [];
      const unreadable = [];
      let total = 1; // [ ] and commas: one byte more than there are events
      for (const key of keys) {
        const text = memory.get(key) || quietly(() => storage.get(key));
        if (typeof text !== 'string' || text === '') continue; // another page has sent it, or storage fails just now
        const event = quietly(() => JSON.parse(text), null);
        total += utf8Length(text) + 1;
        if (events.length === most || (total > bytes && events.length > 0)) break;
        if (event && event.id) events.push({ key, text, event });
        else unreadable.push(key);
      }
      return { events, lost: drop(unreadable) };
    },
    remove,
    stats: () => ({ waiting: keys.length, dropped, unstored: memory.size }),
  };
}

function platformOf(settings) {
  const mini = settings.wx || (!settings.fetch && typeof wx !== 'undefined' && wx.request ? wx : null);
  if (mini) return { storage: miniStorage(mini), post: miniPost(mini) };
  return { storage: webStorage(settings), post: webPost(settings.fetch || ((...args) => fetch(...args))) };
}

function miniStorage(mini) {
  return {
    keys: () => mini.getStorageInfoSync().keys,
    get: (key) => mini.getStorageSync(key),
    set: (key, text) => mini.setStorageSync(key, text),
    remove: (key) => mini.removeStorageSync(key),
  };
}

function webStorage(settings) {
  const store = () => settings.storage || localStorage; // asked for each time: a browser may refuse it by throwing
  return {
    keys: () => Array.from({ length: store().length }, (_, index) => store().key(index)).filter((key) => key !== null),
    get: (key) => store().getItem(key),
    set: (key, text) => store().setItem(key, text),
    remove: (key) => store().removeItem(key),
  };
}

function miniPost(mini) {
  return (url, header, data, timeout) => {
    let task;
    const answer = new Promise((success, fail) => {
      // A dataType other than json: the answer stays text.
      task = mini.request({ url, method: 'POST', header, data, timeout, dataType: 'text', success, fail });
    });
    return {
      answer: answer.then((said) => ({ status: said.statusCode, header: headerOf(said.header), text: said.data })),
      abort: () => task && task.abort && task.abort(),
    };
  };
}

function headerOf(headers) {
  return (name) => {
    const key = Object.keys(headers || {}).find((candidate) => candidate.toLowerCase() === name);
    return key ? String(headers[key]) : null;
  };
}

function webPost(request) {
  return (url, headers, body) => {
    const controller = typeof AbortController === 'undefined' ? null : new AbortController();
    const keepalive = body.length < KEEPALIVE_CHARACTERS;
    const signal = controller ? controller.signal : undefined;
    const asked = request(url, { method: 'POST', headers, body, keepalive, signal, redirect: 'error', credentials: 'omit' });
    const answer = asked.then((said) =>
      said.text().then((text) => ({ status: said.status, header: (name) => said.headers.get(name), text }))
    );
    return { answer, abort: () => controller && controller.abort() };
  };
}

function systemTimers() {
  return { now: () => Date.now(), set: (action, ms) => setTimeout(action, ms), clear: (timer) => clearTimeout(timer) };
}

/** What a promise gives, unless that takes more than `ms`. */
function within(timers, ms, promise, abort) {
  return new Promise((resolve, reject) => {
    const timer = timers.set(() => {
      reject(new Error('no answer in time'));
      quietly(abort);
    }, ms);
    const ending = (settle) => (value) => {
      timers.clear(timer);
      settle(value);
    };
    Promise.resolve(promise).then(ending(resolve), ending(reject));
  });
}

function quietly(action, otherwise) {
  try {
    return action();
  } catch (error) {
    return otherwise;
  }
}

/** An app's mistake in a callback must not end the sending. */
function tell(callback, ...what) {
  if (callback) quietly(() => callback(...what));
}

function parsed(text) {
  return quietly(() => JSON.parse(text)) || {};
}

/** Whether a body is the door's: a verdict for each event, in order. Anybody on the way may answer something else. */
function answers(body, events) {
  const { results } = body;
  return (
    Array.isArray(results) &&
    results.length === events.length &&
    results.every((one, index) => one && VERDICTS.includes(one.result) && one.id === events[index].event.id)
  );
}

/** Milliseconds that a Retry-After asks for, given in seconds or as a date; 0 if it is neither. */
function retryAfter(text, now) {
  const asked = /^\d+$/.test(text || '') ? Number(text) * 1000 : Date.parse(text || '') - now;
  return Math.min(LONGEST_RETRY_AFTER, Math.max(0, asked || 0));
}

/** Sorts by time; the rest is random, 80 bits of it. */
function newId(stamp, random) {
  let id = stamp.toString(36).padStart(STAMP_DIGITS, '0') + '-';
  for (let index = 0; index < 16; index += 1) id += ID_LETTERS[Math.floor(random() * 32)];
  return id;
}

/** The device's own time, with its offset. */
function rfc3339(ms) {
  const ahead = -new Date(ms).getTimezoneOffset();
  const two = (number) => String(Math.floor(number)).padStart(2, '0');
  const offset = `${ahead < 0 ? '-' : '+'}${two(Math.abs(ahead) / 60)}:${two(Math.abs(ahead) % 60)}`;
  return new Date(ms + ahead * 60000).toISOString().slice(0, -1) + offset;
}

/** Half an emoji, as a cut text may end with, would make the whole request unreadable. */
function wellFormed(_, value) {
  return typeof value === 'string' ? value.replace(/[\ud800-\udfff]/gu, '\ufffd') : value;
}

function utf8Length(text) {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
