"""A store's life, a day after the other. Pure: who is here and what they feel goes in, what happens comes out.

Groups matter by one rule: who sits in a group that is alive comes more often from day to day, who sits in one that is
not comes less. Without a group people keep to their pace.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from deploy.local.town.chatter import draw_messages
from deploy.local.town.comings import REJOINS, draw_joins, draw_leaves, founders, newcomers
from deploy.local.town.happened import Happened, Messages
from deploy.local.town.hours import OPENS, weekday_factor
from deploy.local.town.people import LAPSING, Bools, Floats, Ints, People
from deploy.local.town.shopping import draw_check_ins, draw_purchases
from deploy.local.town.town import Store

COMES = np.array([0.0, 0.05, 0.30, 0.87, 0.97])  # chance of an active day, by pace
LAPSING_BEGINS, LAPSING_FADES, LAPSING_ENDS = 0.5, 0.82, 0.012  # the lapsing ones: at first, a day, at last
COMES_ON_FIRST_DAY = 0.6
VISITS, MORE_VISITS = 0.55, 0.12
BUYS = 0.36
VIP_BUYS = 0.75
ALIVE = 0.05  # of a group's heads must write on a day
FEWEST_WRITERS = 2
WARMER, COOLER, KEPT = 0.1, 0.1, 0.9  # a day; without a group warmth fades
WARMEST = 2.0

Groups = Mapping[str, str]  # member -> group
GroupsOf = Callable[["Life"], Groups]  # at the beginning of a day


@dataclass(frozen=True, slots=True)
class Life:
    """A store at the beginning of `day`, its rows the people that have come or are to come.

    `present`, `left`: members, and who were some. `since`: day of the last join. `warmth`: -WARMEST .. WARMEST;
    the chance that somebody stays away is raised to 2^warmth.
    """

    store: Store
    day: int
    people: People
    present: Bools
    left: Bools
    since: Ints
    warmth: Floats


def nobody_in_groups(_: Life) -> Groups:
    """A store without groups."""
    return {}


def begin(store: Store) -> Life:
    """A store on the morning of its first day: its founders are still to come."""
    return _with_people(store, store.town.first_day, founders(store))


def _with_people(store: Store, day: int, people: People) -> Life:
    nobody = np.zeros(len(people), dtype=np.bool_)
    return Life(store, day, people, nobody, nobody, people.joins, np.zeros(len(people)))


def _with_newcomers(life: Life) -> Life:
    more = _with_people(life.store, life.day, newcomers(life.store, life.day))
    return Life(
        life.store,
        life.day,
        life.people + more.people,
        np.concatenate((life.present, more.present)),
        np.concatenate((life.left, more.left)),
        np.concatenate((life.since, more.since)),
        np.concatenate((life.warmth, more.warmth)),
    )


def days_of_life(store: Store, groups_of: GroupsOf) -> Iterator[tuple[Life, Happened]]:
    """Every day of a store, without end: the store after it, and what happened."""
    life = begin(store)
    while True:
        life, happened = live(life, groups_of(life))
        yield life, happened


def live(life: Life, groups: Groups, silent: Collection[str] = ()) -> tuple[Life, Happened]:
    """One day: the store on the next morning, and what happened. `groups`: of members who are in one.

    `silent`: groups in which nobody writes; their people talk elsewhere.
    """
    if life.day > life.store.town.first_day:
        life = _with_newcomers(life)
    rng, people = life.store.day_chance(life.day), life.people
    ids, group_of = seated(life, groups)
    is_silent = np.array([*(group in silent for group in ids), False])  # the last: no group
    comes = people.joins == life.day
    comes |= life.left & (rng.random(len(people)) < REJOINS)
    joins = draw_joins(rng, people, np.flatnonzero(comes), life.present)
    present = life.present | comes
    here_from = np.full(len(people), OPENS)
    here_from[joins.member] = joins.at
    writers, visitors, buyers = _who_does_what(rng, life, present, comes)
    happened = Happened(
        day=life.day,
        groups=ids,
        joins=joins,
        check_ins=draw_check_ins(rng, visitors, here_from),
        purchases=draw_purchases(rng, people, buyers, here_from),
        messages=draw_messages(rng, people, writers, here_from, np.where(is_silent[group_of], -1, group_of)),
        leaves=draw_leaves(rng, people, present),
    )
    return _next_morning(life, happened, group_of, present, comes), happened


def seated(life: Life, groups: Groups) -> tuple[tuple[str, ...], Ints]:
    """The ids of the groups in order, and the number of everybody's among them; -1 = in none, or not here."""
    ids = tuple(sorted(set(groups.values())))
    if not ids:
        return (), np.full(len(life.people), -1)
    numbers = {group: number for number, group in enumerate(ids)} | {"": -1}
    of = [numbers[groups.get(life.store.member_id(person), "")] for person in range(len(life.people))]
    return ids, np.where(life.present, np.array(of), -1)


def _who_does_what(rng: np.random.Generator, life: Life, present: Bools, comes: Bools) -> tuple[Ints, Ints, Ints]:
    """Members, as often as they write, visit and buy; everybody active does at least one of it."""
    people = life.people
    active = present & (rng.random(len(people)) < chance_of_a_day(life, comes))
    writes = np.where(active, rng.poisson(people.chat), 0)
    buys = active & (rng.random(len(people)) < np.where(people.vip, VIP_BUYS, BUYS))
    chance = rng.random(len(people))
    visits = np.where(active, (chance < VISITS).astype(np.int64) + (chance < MORE_VISITS), 0)
    visits = np.maximum(visits, active & ~buys & (writes == 0))
    everybody = np.arange(len(people))
    return np.repeat(everybody, writes), np.repeat(everybody, visits), np.flatnonzero(buys)


def chance_of_a_day(life: Life, comes: Bools) -> Floats:
    """Everybody's chance to be active, were they here. `comes`: who joins today."""
    people = life.people
    fading = LAPSING_ENDS + LAPSING_BEGINS * LAPSING_FADES ** np.maximum(life.day - life.since, 0)
    plain = np.where(people.pace == LAPSING, fading, COMES[people.pace])
    warm = 1 - (1 - plain) ** (2.0**life.warmth * weekday_factor(life.day))
    chance: Floats = np.where(comes, COMES_ON_FIRST_DAY, warm)
    return np.where(people.freeloader, 0.0, chance)


def _next_morning(life: Life, happened: Happened, group_of: Ints, present: Bools, comes: Bools) -> Life:
    gone = np.zeros(len(life.people), dtype=np.bool_)
    gone[happened.leaves.member] = True
    return replace(
        life,
        day=life.day + 1,
        present=present & ~gone,
        left=(life.left & ~comes) | gone,
        since=np.where(comes, life.day, life.since),
        warmth=_warmth(life.warmth, group_of, alive_groups(happened.messages, group_of, len(happened.groups))),
    )


def alive_groups(messages: Messages, group_of: Ints, count: int) -> Bools:
    """Which of `count` groups had enough writers for their heads."""
    writers = np.unique(messages.group * len(group_of) + messages.member) // len(group_of)
    writers = np.bincount(writers[writers >= 0], minlength=count)
    heads = np.bincount(group_of[group_of >= 0], minlength=count)
    alive: Bools = writers >= np.maximum(FEWEST_WRITERS, ALIVE * heads)
    return alive


def _warmth(warmth: Floats, group_of: Ints, alive: Bools) -> Floats:
    in_alive = np.append(alive, False)[group_of]  # -1 is the last: no group
    moved = np.where(in_alive, warmth + WARMER, warmth - COOLER)
    return np.where(group_of < 0, warmth * KEPT, np.clip(moved, -WARMEST, WARMEST))
