"""A store and the chat platform, a day at a time: what Qunli told in the morning goes in, what happens out. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from deploy.local.town.facts import Joined, News, Ticket
from deploy.local.town.happened import Happened
from deploy.local.town.life import Life, begin, live
from deploy.local.town.platform import Chat, Platform, fall_silent, groups_of, play_day, questions_of
from deploy.local.town.town import Store
from libs.common.days import day_start_ms


class StoreNews(msgspec.Struct, frozen=True):
    """What Qunli tells of a store in the morning, groups by their platform names: managers of each, new tickets, and
    which of them it calls failing or dead.
    """

    managers: dict[str, tuple[str, ...]] = {}
    tickets: tuple[Ticket, ...] = ()
    failing: tuple[str, ...] = ()


class Morning(msgspec.Struct, frozen=True):
    """What Qunli tells on the morning of `day` (a day number), by store."""

    day: int
    stores: dict[str, StoreNews]

    @property
    def placements(self) -> set[str]:
        """The placements whose tickets are told."""
        return {ticket.placement for news in self.stores.values() for ticket in news.tickets}


@dataclass(frozen=True, slots=True)
class Together:
    """A store on a morning. `events`, `tickets`, `by_ticket`, `wandered`: how many there were so far: events by type,
    invitations, who came by one, who came by themselves. `seen`: of groups that fell silent, the first morning on
    which Qunli called them failing or dead.
    """

    life: Life
    platform: Platform
    events: Counter[str]
    tickets: int = 0
    by_ticket: int = 0
    wandered: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.life.store


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a store: the people's side and the platform's. `life`: after it."""

    life: Life
    happened: Happened
    chat: Chat


def at_first(store: Store) -> Together:
    """A store on its first morning: no groups yet."""
    return Together(begin(store), Platform(store.town.seed), Counter())


def spend_day(before: Together, news: StoreNews, zone: ZoneInfo) -> tuple[Together, Day]:
    """One day, in the groups that the platform has in the morning."""
    platform = fall_silent(before.platform, before.life.day)
    life, happened = live(before.life, groups_of(platform.rooms), platform.silent)
    told = News(news.managers, news.tickets, questions_of(life, happened, zone), _gone(life))
    platform, chat = play_day(platform, day_start_ms(happened.day, zone), told)
    joined = [fact.placement is not None for fact in chat.happened if isinstance(fact, Joined)]
    after = Together(
        life,
        platform,
        before.events + Counter(happened.counts()),
        before.tickets + len(news.tickets),
        before.by_ticket + sum(joined),
        before.wandered + len(joined) - sum(joined),
        dict.fromkeys((group for group in news.failing if group in before.platform.silent), happened.day)
        | dict(before.seen),
    )
    return after, Day(life, happened, chat)


def _gone(life: Life) -> frozenset[str]:
    """Whose membership has ended."""
    return frozenset(life.store.member_id(who) for who in np.flatnonzero(life.left & ~life.present).tolist())


def present_with(life: Life, role: str) -> set[str]:
    """The members of a role (influential, vip, freeloader) who are here."""
    mask = getattr(life.people, role) & life.present
    return {life.store.member_id(who) for who in np.flatnonzero(mask).tolist()}


def all_news(mornings: Mapping[int, Morning], day: int, store: str) -> StoreNews:
    """What was told of a store on a day; nothing where it was not there yet."""
    return mornings[day].stores.get(store, StoreNews()) if day in mornings else StoreNews()
