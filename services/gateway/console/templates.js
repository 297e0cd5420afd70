// Links to the retailer's CRM and to the trace UI, by the addresses that the gateway was given. Pure.

/** Where a member is looked up; null where nowhere. */
export function memberLink(template, member, store) {
  return template ? filled(template, { member_id: member, store_id: store }) : null;
}

/** Where a trace is looked up; null without a trace UI or a trace. */
export function traceLink(template, trace) {
  return template && trace ? filled(template, { trace_id: trace }) : null;
}

/** Where the trace UI begins. */
export function traceHome(template) {
  return template ? new URL(template).origin : null;
}

function filled(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? encodeURIComponent(values[name]) : whole));
}

/** The trace id in a record's headers: [name, base64] pairs. */
export function traceOf(headers) {
  const found = (headers || []).find(([name]) => name === 'traceparent');
  const match = found && /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(plain(found[1]));
  return match ? match[1] : null;
}

function plain(base64) {
  try {
    return atob(base64);
  } catch {
    return '';
  }
}
