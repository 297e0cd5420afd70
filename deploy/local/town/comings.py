"""Who comes and who goes on a day."""

import numpy as np

from deploy.local.town.happened import CHANNELS, Joins, Leaves
from deploy.local.town.hours import LEAVES_FROM, LEAVES_TO, SHOP, draw_times, weekday_factor
from deploy.local.town.people import Bools, Ints, People, draw_people
from deploy.local.town.town import Store
from deploy.local.town.words import LEAVE_REASONS

FOUNDERS = (0.5, 0.3, 0.2)  # of a store's members join on its first, second and third day
NEWCOMERS = 0.005  # a day, of the members at the start
REJOINS = 0.01  # a day, of those who left
LEAVES = np.array([0.006, 0.003, 0.001, 0.0003, 0.0002])  # a day, by pace
REFERRED, BY_INFLUENTIAL = 0.35, 0.9
CHANNEL_SHARES = (0.5, 0.2, 0.3)  # of joins that nobody invited
REFERRAL = CHANNELS.index("referral")


def founders(store: Store) -> People:
    """The members of a store at its start, the first of whom is influential: somebody must begin to talk."""
    first = store.town.first_day
    ends = np.rint(np.cumsum(FOUNDERS) * store.size).astype(np.int64)
    joins = first + np.searchsorted(ends, np.arange(store.size), side="right")
    people = draw_people(store.people_chance(first), joins, store.places, store.liked)
    for role, value in ((people.influential, True), (people.vip, False), (people.freeloader, False)):
        role[:1] = value
    return people


def newcomers(store: Store, day: int) -> People:
    """Who hears of the store and joins on a day that is not its first."""
    rng = store.people_chance(day)
    count = int(rng.poisson(NEWCOMERS * store.size * weekday_factor(day)))
    return draw_people(rng, np.full(count, day), store.places, store.liked)


def draw_joins(rng: np.random.Generator, people: People, members: Ints, present: Bools) -> Joins:
    """The joins of `members`, at most one each, some of them invited by those who are here."""
    count = len(members)
    inviter = _inviters(rng, people, present, count)
    channel = np.where(inviter >= 0, REFERRAL, rng.choice(len(CHANNELS) - 1, count, p=CHANNEL_SHARES))
    return Joins(members, draw_times(rng, SHOP, count), channel, inviter)


def _inviters(rng: np.random.Generator, people: People, present: Bools, count: int) -> Ints:
    chance, pick = rng.random((2, count))
    known, anybody = np.flatnonzero(present & people.influential), np.flatnonzero(present & ~people.freeloader)
    by_known, by_anybody = _pick(known, pick), _pick(anybody, pick)
    inviter = np.where((chance < REFERRED * BY_INFLUENTIAL) & (by_known >= 0), by_known, by_anybody)
    return np.where(chance < REFERRED, inviter, -1)


def _pick(some: Ints, chance: np.ndarray) -> Ints:
    return some[(chance * len(some)).astype(np.int64)] if len(some) else np.full(len(chance), -1)


def draw_leaves(rng: np.random.Generator, people: People, present: Bools) -> Leaves:
    """Who of those present leaves in the evening: whoever comes seldom, and nobody whom the town is about."""
    stays = people.influential | people.vip | people.freeloader
    goes = (rng.random(len(people)) < LEAVES[people.pace]) & present & ~stays
    members = np.flatnonzero(goes)
    at = rng.integers(LEAVES_FROM, LEAVES_TO, size=len(members))
    return Leaves(members, at, rng.integers(len(LEAVE_REASONS), size=len(members)))
