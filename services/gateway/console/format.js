// Numbers, days and instants as people read them, in one language and one time zone. Pure.

const DAY_MS = 86400000;

export function formats(language, timeZone) {
  const locale = language === 'zh' ? 'zh-CN' : 'en-GB';
  const numbers = new Intl.NumberFormat(locale);
  const shares = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
  const scores = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const signed = new Intl.NumberFormat(locale, { signDisplay: 'exceptZero', minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const days = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone: 'UTC' });
  const years = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
  const long = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', timeZone: 'UTC' });
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone });
  const instants = new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone,
  });
  const none = '–';
  const or = (show) => (value) => (value === null || value === undefined ? none : show(value));
  return {
    number: or((value) => numbers.format(value)),
    share: or((value) => shares.format(value)),
    perMille: or((value) => shares.format(value / 1000)),
    score: or((value) => scores.format(value)),
    gain: or((value) => signed.format(value / 1000)),
    day: or((iso) => days.format(instantOf(iso))),
    dayAndYear: or((iso) => years.format(instantOf(iso))),
    longDay: or((iso) => long.format(instantOf(iso))),
    clock: or((instant) => clock.format(new Date(instant))),
    instant: or((when) => instants.format(new Date(when))),
    weekdays: weekdays(locale),
    months: months(locale),
  };
}

function instantOf(iso) {
  return new Date(`${iso}T00:00:00Z`);
}

function weekdays(locale) {
  const names = new Intl.DateTimeFormat(locale, { weekday: 'narrow', timeZone: 'UTC' });
  return [4, 5, 6, 7, 8, 9, 10].map((day) => names.format(new Date(Date.UTC(1970, 0, day)))); // from Sunday
}

function months(locale) {
  const names = new Intl.DateTimeFormat(locale, { month: 'short', timeZone: 'UTC' });
  return Array.from({ length: 12 }, (_, month) => names.format(new Date(Date.UTC(1970, month, 1))));
}

/** Days from one ISO day to another; negative where it is earlier. */
export function daysBetween(first, last) {
  return Math.round((instantOf(last) - instantOf(first)) / DAY_MS);
}

/** The ISO day that is `days` after another. */
export function dayAfter(iso, days) {
  return new Date(instantOf(iso).getTime() + days * DAY_MS).toISOString().slice(0, 10);
}
