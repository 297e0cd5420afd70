// Which items of a plan are chosen, sorted and shown. Pure.

/** Items that can be decided still. */
export function isOpen({ state }) {
  return state === 'proposed';
}

/** A choice with what its items need chosen too: { chosen, added }. An item may need an opening of the same plan. */
export function withNeeds(chosen, items) {
  const byId = new Map(items.map((item) => [item.item_id, item]));
  const whole = new Set(chosen);
  const queue = [...chosen];
  while (queue.length) {
    for (const need of (byId.get(queue.pop()) || { needs: [] }).needs) {
      const item = byId.get(need);
      if (item && isOpen(item) && !whole.has(need)) {
        whole.add(need);
        queue.push(need);
      }
    }
  }
  return { chosen: whole, added: whole.size - new Set(chosen).size };
}

/** Items of a kind and state ('' is any), in an order { key, up }; equal ones as they stand in the plan. */
export function shownItems(items, { kind = '', state = '' }, { key, up }) {
  const rows = items.filter((item) => (!kind || item.kind === kind) && (!state || item.state === state));
  const sign = up ? 1 : -1;
  return rows.sort((a, b) => sign * compare(a[key], b[key]) || a.number - b.number);
}

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return a < b ? -1 : 1;
}

/** How many items of a plan are in a state, by its counts. */
export function countOf(counts, state) {
  return counts.filter((row) => row.state === state).reduce((sum, { items }) => sum + items, 0);
}
