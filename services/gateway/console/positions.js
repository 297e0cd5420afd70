// Where answers and frames stand on the log, and which of them is newer. Pure.

/** `X-Qunli-As-Of` as { 'topic/partition': { next, close } }: `close` is the offset of a close that is running. */
export function parseAsOf(text) {
  const found = {};
  for (const part of (text || '').split(',')) {
    const match = /^\s*([^/\s]+\/\d+)=(\d+)(?:;close=(\d+))?\s*$/.exec(part);
    if (match) found[match[1]] = { next: Number(match[2]), close: match[3] === undefined ? null : Number(match[3]) };
  }
  return found;
}

/**
 * Whether an answer does not hold a frame yet. A partition that the answer says nothing of is news; so is what belongs
 * to a close that is still running.
 */
export function isNews(asOf, source) {
  const here = asOf && source && asOf[`${source.topic}/${source.partition}`];
  return !here || source.offset >= here.next || source.offset === here.close;
}

/** Whether a frame's source is above a row's, of the same partition. */
export function isAbove(source, row) {
  if (source.partition !== row.partition) return true;
  return source.offset > row.offset || (source.offset === row.offset && source.index > row.index);
}

/** A text that is the same for the same effect on the log, and for no other. */
export function identity(source, subject = '') {
  return `${source.partition}/${source.offset}/${source.index}/${subject}`;
}
