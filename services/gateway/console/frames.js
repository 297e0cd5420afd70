// What a frame of the stream changes in what a page has loaded. Pure: nothing given is changed.

import { identity, isAbove, isNews } from './positions.js';
import { direction } from './tiers.js';

export const PLACEMENTS = [
  'placed', 'proposed', 'invited', 'seen', 'joined', 'left', 'expired', 'declined', 'waiting', 'no_capacity',
  'duplicate_found', 'seed_changed', 'vip_changed', 'plan_requested', 'plan_proposed', 'plan_failed', 'item_decided',
  'themes_defined', 'districts_defined', 'settings_changed', 'group_opened', 'group_updated', 'group_state',
];
export const EVENTS = ['transition', 'outcome', 'day_closed', 'lagged', 'reset', ...PLACEMENTS];
/** Not told one by one: they come by the thousand, or say nothing to a person. */
const QUIET = ['item_decided', 'placed', 'proposed', 'waiting', 'lagged', 'reset'];

/** A line of the ticker for a frame, or null for one that it does not tell. */
export function tickerLine(frame) {
  const { event, data } = frame;
  if (QUIET.includes(event) || !data || (event === 'plan_proposed' && data.part > 0)) return null;
  return {
    key: `${event}/${identity(data.source || {}, data.member_id || '')}`,
    event,
    direction: event === 'transition' ? direction(data.from, data.to) : 0,
    data,
  };
}

/** A transition that was loaded, as the same line that its frame makes. */
export function tickerOfRow(row) {
  return tickerLine({ event: 'transition', data: row });
}

/** Lines with new ones in front, each once, at most `most`. */
export function mergeTicker(lines, news, most = 60) {
  const known = new Set(lines.map(({ key }) => key));
  const fresh = news.filter((line) => line && !known.has(line.key));
  return fresh.length ? [...fresh, ...lines].slice(0, most) : lines;
}

/** A store with a transition counted in, unless its answer holds it already. */
export function applyToStore(store, asOf, { event, data }) {
  if (event !== 'transition' || data.store_id !== store.store_id || !isNews(asOf, data.source)) return store;
  const tiers = { ...store.by_tier };
  if (data.from) tiers[data.from] = Math.max(0, tiers[data.from] - 1);
  if (data.to) tiers[data.to] += 1;
  return { ...store, by_tier: tiers };
}

/** Items of a plan with what was decided of them. */
export function applyToItems(items, asOf, { event, data }) {
  if (event !== 'item_decided' || !isNews(asOf, data.source)) return items;
  const at = items.findIndex(({ item_id: id }) => id === data.item_id);
  if (at < 0) return items;
  const changed = [...items];
  changed[at] = { ...items[at], state: stateAfter(items[at], data), refusal: data.reason || null };
  return changed;
}

/** A refused item stays as it stood: it may be approved later. */
function stateAfter(item, { decision, reason }) {
  if (decision !== 'refused') return decision;
  return reason === 'superseded' ? 'superseded' : item.state;
}

/** A member's timeline with a transition in front, if it is above the rows of its partition. */
export function applyToTimeline(rows, { event, data }) {
  if (event !== 'transition' || !rows.every((row) => isAbove(data.source, row.source))) return rows;
  return [{ ...data, kind: 'transition' }, ...rows];
}

/** Members that slipped, without one that has come back or left. */
export function applyToSlipping(members, storeId, asOf, { event, data }) {
  if (event !== 'transition' || data.store_id !== storeId || !isNews(asOf, data.source)) return members;
  return data.to === 'monthly' ? members : members.filter(({ member_id: id }) => id !== data.member_id);
}
