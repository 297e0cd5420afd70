// Members: find one; and all there is to know of one.

import { read } from '../api.js';
import { useConsole } from '../context.js';
import { useLoad } from '../data.js';
import { daysBetween } from '../format.js';
import { html, useEffect, useRef, useState } from '../html.js';
import { Icon } from '../icons.js';
import { Card, Choice, Empty, Failed, Figure, Loaded, MemberLink, Table, Tier } from '../parts.js';
import { linkTo } from '../route.js';
import { memberLink } from '../templates.js';
import { TIERS } from '../tiers.js';
import { Calendar, Made, Scores } from './member_charts.js';
import { Places } from './member_places.js';
import { LISTS, People } from './people.js';
import { Timeline } from './timeline.js';

const TYPING_MS = 250;

export function Member({ id }) {
  const { route } = useConsole();
  if (id) return html`<${Find} isSmall=${true} /><${Profile} id=${id} />`;
  const list = LISTS.includes(route.query.list) ? route.query.list : '';
  return html`<${Lists} list=${list} />${list ? html`<${People} list=${list} />` : html`<${Find} />`}`;
}

/** Which members are listed: all by their scores, or those that are something to the groups. */
function Lists({ list }) {
  const { words, go } = useConsole();
  const said = words.people;
  const options = [['', said.all], ...LISTS.map((one) => [one, said.lists[one]])];
  return html`<h1>${words.member.title}</h1>
    <div class="filters"><${Choice} label=${said.list} value=${list} onChoose=${(one) => go('member', '', { list: one })} options=${options} /></div>`;
}

function Find({ isSmall = false }) {
  const { words, route, go } = useConsole();
  const [q, setQ] = useState(route.query.q || '');
  const [tier, setTier] = useState('');
  const field = useRef(null);
  useEffect(() => {
    const hurry = (event) => {
      if (event.key !== '/' || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
      event.preventDefault();
      field.current.focus();
    };
    window.addEventListener('keydown', hurry);
    return () => window.removeEventListener('keydown', hurry);
  }, []);
  const said = words.member;
  const leave = (event) => {
    event.preventDefault();
    if (q.trim() && isSmall) go('member', q.trim());
  };
  return html`
    <form class="find" role="search" onSubmit=${leave}>
      <label><span class="hidden">${said.find}</span><${Icon} name="search" />
        <input ref=${field} type="search" name="q" value=${q} placeholder=${`${said.find}: ${said.findNote}`} autocomplete="off"
          onInput=${(event) => setQ(event.target.value)} /></label>
    </form>
    ${!isSmall && html`
      <div class="filters"><${Choice} label=${said.tierFilter} value=${tier} onChoose=${setTier} options=${[['', words.all], ...TIERS.map((one) => [one, words.tiers[one]])]} /></div>
      <${Found} q=${q.trim()} tier=${tier} />`}`;
}

function Found({ q, tier }) {
  const { store, words, formats } = useConsole();
  const wanted = useSettled(q);
  const [limit, setLimit] = useState(50);
  const isId = /^[A-Za-z0-9._:-]{0,64}$/.test(wanted);
  const query = new URLSearchParams({ sort: 'score', limit, ...(wanted && isId && { q: wanted }), ...(tier && { tier }) });
  const found = useLoad(() => (isId ? read(`/v1/stores/${store}/members?${query}`) : { data: { items: [] }, asOf: null }), [store, String(query), isId]);
  const said = words.member;
  const columns = [
    { key: 'member', label: words.plan.member, show: ({ member_id: id }) => html`<${MemberLink} id=${id} />` },
    { key: 'tier', label: said.tier, show: ({ tier: one }) => html`<${Tier} tier=${one} />` },
    { key: 'score', label: said.score, end: true, show: ({ score }) => formats.score(score) },
    { key: 'week', label: said.week, end: true, hide: true, show: ({ n7 }) => formats.number(n7) },
    { key: 'month', label: said.month, end: true, hide: true, show: ({ n30 }) => formats.number(n30) },
    { key: 'seen', label: said.seen, end: true, show: ({ last_active: seen }) => formats.day(seen) },
  ];
  return html`<${Card} title=${said.title} note=${said.choose} wide=${true}>
    <${Loaded} of=${found} lines=${8}>${({ items, next_cursor: more }) => (items.length
      ? html`<${Table} columns=${columns} rows=${items} keyOf=${({ member_id: id }) => id} label=${said.title} />
          ${more && limit < 200 && html`<button class="button quiet" onClick=${() => setLimit(200)}>${words.more}</button>`}`
      : html`<${Empty} icon="member">${wanted ? said.noneFound(wanted) : words.today.noMembersLead}<//>`)}<//>
  <//>`;
}

/** A value, once it has not changed for a moment. */
function useSettled(value) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPING_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function Profile({ id }) {
  const { store, words } = useConsole();
  const path = `/v1/members/${encodeURIComponent(id)}`;
  const isMine = ({ data }) => data && data.member_id === id;
  const member = useLoad(() => read(path), [id], { stale: isMine });
  const explained = useLoad(() => read(`${path}/explain`), [id], { stale: isMine });
  if (!member.data && member.error) return html`<h1>${id}</h1><${Failed} error=${member.error} retry=${member.reload} />`;
  return html`<${Loaded} of=${member} lines=${8}>${({ memberships }) => {
    const here = memberships.find((one) => one.store_id === store);
    const others = memberships.filter((one) => one.store_id !== store);
    const why = explained.data && explained.data.memberships.find((one) => one.store_id === store);
    return html`
      <${Head} id=${id} membership=${here} others=${others} />
      ${here && here.left_at && html`<p class="lead">${words.member.ended(here.left_at.slice(0, 10))}</p>`}
      ${here && why && html`<${Sentence} why=${why} /><${Standing} membership=${here} />`}
      ${here && html`<div class="grid">
        ${!here.left_at && html`<${Calendar} membership=${here} />`}
        ${!here.left_at && html`<${Scores} path=${path} isMine=${isMine} />`}
        ${why && html`<${Made} why=${why} />`}
        <${Places} membership=${here} reload=${member.reload} />
        <${Timeline} path=${path} id=${id} />
      </div>`}`;
  }}<//>`;
}

function Head({ id, membership, others }) {
  const { words, me, store } = useConsole();
  const link = memberLink(me.member_url, id, store);
  return html`<div class="head">
    <h1>${id} ${membership && html`<${Tier} tier=${membership.tier} />`}
      ${membership && membership.groups && membership.groups.is_seed && html`<span class="pill">${words.member.seed}</span>`}
      ${membership && membership.groups && membership.groups.is_vip && html`<span class="pill">${words.member.vip}</span>`}</h1>
    <div class="buttons">
      ${others.length > 0 && html`<span class="note">${words.member.otherStores} ${others.map(({ store_id: other }) => html`<a key=${other} href=${linkTo('member', id, { store: other })}>${other}</a> `)}</span>`}
      ${link && html`<a class="button quiet" href=${link} target="_blank" rel="noopener noreferrer">${words.member.crm}<${Icon} name="open" /></a>`}
    </div>
  </div>`;
}

function Sentence({ why }) {
  const { words, formats } = useConsole();
  const said = words.member;
  const tier = words.tiers[why.tier];
  const [first, then] = why.lapse
    ? [said.daysLeft(daysBetween(why.day, why.lapse.day), tier), said.lapses(formats.day(why.lapse.day), words.tiers[why.lapse.tier])]
    : [said.isLost, ''];
  const need = why.next
    ? said.needs(formats.number(why.next.more), said.of[why.next.of](why.next.more), why.next.by && formats.day(why.next.by), words.tiers[why.next.tier])
    : said.top;
  return html`<div class="sentence tier-edge-${why.tier}"><p class="lead">${first}</p><p>${then} ${need}</p></div>`;
}

function Standing({ membership }) {
  const { words, formats } = useConsole();
  const said = words.member;
  return html`<dl class="glance">
    <${Figure} big=${true} label=${said.score} value=${formats.score(membership.score)} />
    <${Figure} label=${said.tier} value=${words.tiers[membership.tier]} note=${membership.since && said.since(formats.day(membership.since))} />
    <${Figure} label=${said.week} value=${formats.number(membership.n7)} />
    <${Figure} label=${said.month} value=${formats.number(membership.n30)} />
    <${Figure} label=${said.streak} value=${formats.number(membership.streak)} />
    <${Figure} label=${said.seen} value=${formats.day(membership.last_active)} />
  </dl>`;
}
