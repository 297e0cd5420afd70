// Where a member stands in the groups, what it likes, and whether it wants invitations.

import { command, outcomeOf } from '../api.js';
import { useConsole } from '../context.js';
import { html, useState } from '../html.js';
import { Card, Empty, Said } from '../parts.js';
import { linkTo } from '../route.js';

const LIKES = 10;

export function Places({ membership, reload }) {
  const { words, formats, store } = useConsole();
  const said = words.member;
  const place = membership.groups;
  const placements = place ? place.placements : [];
  const inGroup = place && place.group_id;
  const name = (id) => (placements.find(({ group_id: group }) => group === id) || { group_name: id }).group_name;
  return html`<${Card} title=${said.groups}>
    ${inGroup && html`<p>${said.current}: <a href=${linkTo('group', place.group_id, { store })}>${name(place.group_id)}</a></p>`}
    ${place && place.waiting_since && html`<p>${said.waiting(formats.day(place.waiting_since))}</p>`}
    ${placements.length
      ? html`<ul class="placements">${placements.map((one) => html`<li key=${one.placement_id}>
          <a href=${linkTo('group', one.group_id, { store })}>${one.group_name}</a> <span class="pill">${said.placements[one.state]}</span>
          <time class="note">${formats.day(one.day)}</time></li>`)}</ul>`
      : !inGroup && html`<${Empty} icon="matrix">${said.groupsEmpty}<//>`}
    ${membership.interests.length > 0 && html`<h3>${said.interests}</h3><p class="tags">${membership.interests.slice(0, LIKES).map(({ tag }) => html`<span key=${tag} class="tag">${tag}</span>`)}</p>`}
    ${place && html`<${Wish} membership=${membership} reload=${reload} />`}
  <//>`;
}

function Wish({ membership, reload }) {
  const { store, words, may } = useConsole();
  const said = words.member;
  const [told, setTold] = useState('');
  const wantsNone = membership.groups.no_invitations;
  if (!may('commands:write')) return wantsNone && html`<p class="pill">${said.noInvitations}</p>`;
  async function change() {
    setTold(words.plan.sent);
    try {
      const path = `/v1/stores/${store}/members/${encodeURIComponent(membership.member_id)}/no_invitations`;
      const outcome = await outcomeOf(await command('PUT', path, { no_invitations: !wantsNone }));
      setTold(outcome && outcome.state === 'refused' ? words.refusal(outcome.reason) : '');
      reload();
    } catch (error) {
      setTold(words.problems.other(error.message));
    }
  }
  return html`<div class="buttons wish">${wantsNone && html`<span class="pill">${said.noInvitations}</span>`}
    <button class="button quiet" onClick=${change}>${wantsNone ? said.allow : said.forbid}</button><${Said}>${told}<//></div>`;
}
