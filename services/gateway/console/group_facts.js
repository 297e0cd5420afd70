// What a manager writes into the fields of a group, as commands have it. Pure.

const FACTS = ['name', 'platform_id', 'join_url', 'qr_url', 'qr_expires', 'managers'];

/** What is sent to open a group as it was written into the fields. */
export function openBody({ name, place, theme, area, platform_id: platform }) {
  const body = { name: name.trim() };
  if (place === 'matrix') Object.assign(body, { theme }, area && { area });
  else if (place !== 'none') body.overlay = place;
  if (platform.trim()) body.platform_id = platform.trim();
  return body;
}

/** A group's facts as fields hold them. */
export function fieldsOf(group) {
  return Object.fromEntries(FACTS.map((fact) => [fact, fact === 'managers' ? group.managers.join(', ') : group[fact] || '']));
}

/** What differs from the group in the fields: null where something was taken away. */
export function changesOf(group, facts) {
  const before = fieldsOf(group);
  const changed = FACTS.filter((fact) => facts[fact].trim() !== before[fact]);
  return Object.fromEntries(changed.map((fact) => [fact, fact === 'managers' ? namesIn(facts.managers) : facts[fact].trim() || null]));
}

function namesIn(text) {
  return [...new Set(text.split(/[\s,，、;；]+/).filter(Boolean))];
}
