"""What is true of a town, which nobody who reads its events is told: to hold what Qunli finds against it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec
import numpy as np

from deploy.local.town.happened import Happened
from deploy.local.town.life import GroupsOf, Life, days_of_life
from deploy.local.town.people import PACES
from deploy.local.town.town import FORMAT, Town, stores_of
from deploy.local.town.words import TOPICS
from libs.common.days import day_to_iso


class District(msgspec.Struct, frozen=True):
    """A place on a plane of 1 x 1, the store at its centre. `proximity`: to each district, in order, 0..1000."""

    name: str
    x: float
    y: float
    proximity: list[int]


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """`likes`: topics, the best liked first. `pace`: how often they come of themselves."""

    district: str
    likes: list[str]
    pace: str
    influential: bool = False
    vip: bool = False
    freeloader: bool = False


class StoreTruth(msgspec.Struct, frozen=True):
    """`members`: everybody who ever joined. `present`: how many are members at the end."""

    store_id: str
    districts: list[District]
    present: int
    events: dict[str, int]
    members: dict[str, Member]

    def who(self, role: str) -> list[str]:
        """The members of a role: influential, vip or freeloader."""
        return [name for name, member in self.members.items() if getattr(member, role)]


class TownTruth(msgspec.Struct, frozen=True):
    """A town from its first day to its last; both are ISO dates."""

    format: int
    seed: int
    first: str
    last: str
    stores: list[StoreTruth]


@dataclass(frozen=True, slots=True)
class Story:
    """A store after some days, and how many events of each type they had."""

    life: Life
    events: Counter[str]


def stories(town: Town, last: int, groups_of: GroupsOf) -> Sequence[Story]:
    """Every store, lived through from the first day to the day `last`."""
    return [_story(days_of_life(store, groups_of), last - town.first_day + 1) for store in stores_of(town)]


def _story(days: Iterator[tuple[Life, Happened]], count: int) -> Story:
    lived = [(life, happened.counts()) for life, happened in islice(days, count)]
    return Story(lived[-1][0], sum((Counter(counts) for _, counts in lived), Counter()))


def truth_of(town: Town, last: int, groups_of: GroupsOf) -> TownTruth:
    """The truth of a town on the evening of the day `last`."""
    return truth_of_stories(town, last, stories(town, last, groups_of))


def truth_of_stories(town: Town, last: int, lived: Sequence[Story]) -> TownTruth:
    """The same of stores that were lived through."""
    stores = [_store(story) for story in lived]
    return TownTruth(FORMAT, town.seed, day_to_iso(town.first_day), day_to_iso(last), stores)


def _store(story: Story) -> StoreTruth:
    life = story.life
    return StoreTruth(
        store_id=life.store.id,
        districts=_districts(life),
        present=int(life.present.sum()),
        events=dict(story.events),
        members={
            life.store.member_id(who): _member(life, who) for who in np.flatnonzero(life.present | life.left).tolist()
        },
    )


def _districts(life: Life) -> list[District]:
    places = life.store.places
    points, proximity = places.points.tolist(), places.proximity().tolist()
    return [District(name, x, y, near) for name, (x, y), near in zip(places.names, points, proximity, strict=True)]


def _member(life: Life, who: int) -> Member:
    people = life.people
    return Member(
        district=life.store.places.names[people.district[who]],
        likes=[TOPICS[topic] for topic in (people.main[who], people.second[who]) if topic >= 0],
        pace=PACES[people.pace[who]],
        influential=bool(people.influential[who]),
        vip=bool(people.vip[who]),
        freeloader=bool(people.freeloader[who]),
    )
