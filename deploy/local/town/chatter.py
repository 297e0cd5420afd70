"""The messages of a day: who writes what to whom. People answer and name those whom the store listens to."""

import numpy as np

from deploy.local.town.happened import ANSWER, ASK, KINDS, TELL, TEXT, Messages
from deploy.local.town.hours import CHAT, after, draw_times
from deploy.local.town.people import Bools, Ints, People, draw_topics
from deploy.local.town.words import NO_TOPIC, TEXT_COUNTS

KIND_SHARES = (0.80, 0.12, 0.03, 0.03, 0.02)
SMALL_TALK, QUESTIONS = 0.22, 0.2
REPLIES, MENTIONS = 0.3, 0.08
TO_INFLUENTIAL = 0.8  # of replies and mentions, where somebody influential has written before
_COUNTS = np.array(TEXT_COUNTS)
_FIRST = np.concatenate(([0], np.cumsum(_COUNTS.ravel())[:-1])).reshape(_COUNTS.shape)


def draw_messages(rng: np.random.Generator, people: People, members: Ints, begin: Ints, group_of: Ints) -> Messages:
    """A message of each of `members`, who may write more than once. Of everybody: `begin`, from when on in the day
    they are here; `group_of`, -1 = none.
    """
    at = after(draw_times(rng, CHAT, len(members)), begin[members])
    order = np.lexsort((members, at, group_of[members]))
    member, at = members[order], at[order]
    group = group_of[member]
    topic = np.where(rng.random(len(member)) < SMALL_TALK, NO_TOPIC, draw_topics(rng, people.taste[member]))
    replied = _addressed(rng, member, group, people.influential[member], REPLIES)
    mentioned = _addressed(rng, member, group, people.influential[member], MENTIONS)
    topic = np.where(replied >= 0, topic[replied], topic)  # one step is enough: threads keep to their topic
    sort = np.where(rng.random(len(member)) < QUESTIONS, ASK, TELL)
    sort = np.where(replied >= 0, ANSWER, sort)
    kind = rng.choice(len(KINDS), len(member), p=KIND_SHARES)
    return Messages(
        member=member,
        at=at,
        group=group,
        kind=np.where(replied >= 0, TEXT, kind),
        topic=topic,
        sort=sort,
        text=_FIRST[topic, sort] + (rng.random(len(member)) * _COUNTS[topic, sort]).astype(np.int64),
        reply_to=np.where(replied >= 0, member[replied], -1),
        mention=np.where(mentioned >= 0, member[mentioned], -1),
    )


def _addressed(rng: np.random.Generator, member: Ints, group: Ints, influential: Bools, share: float) -> Ints:
    """For each message the place of an earlier one of its group by somebody else whom it speaks to; -1 = none."""
    count = len(member)
    place = np.arange(count)
    begin = np.searchsorted(group, group)  # groups stand in order
    pick, any_of = rng.random(count), rng.random(count)
    earlier = begin + (any_of * (place - begin)).astype(np.int64)
    known = np.flatnonzero(influential)
    before = np.searchsorted(known, place)  # how many of the influential ones stand before
    of_group = np.searchsorted(known, begin)
    by_known = of_group + (any_of * (before - of_group)).astype(np.int64)
    listens = (pick < share * TO_INFLUENTIAL) & (before > of_group)
    chosen = np.where(listens, np.append(known, 0)[np.minimum(by_known, len(known))], earlier)
    speaks = (pick < share) & (place > begin) & (member[chosen] != member)
    return np.where(speaks, chosen, -1)
