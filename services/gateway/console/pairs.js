// Pairs of districts and how near they are. Pure.

/** The pairs with one put in; a pair of value 0 is none. */
export function withPair(pairs, a, b, value) {
  const [first, second] = [a, b].sort();
  const others = pairs.filter((pair) => !(pair.a === a && pair.b === b) && !(pair.a === b && pair.b === a));
  return value ? [...others, { a: first, b: second, value }] : others;
}

/** How many lines of a CSV are pairs: the first one names the columns. */
export function pairsIn(text) {
  return Math.max(0, text.split(/\r?\n/).filter((line) => line.trim()).length - 1);
}
