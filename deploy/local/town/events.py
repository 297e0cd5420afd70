"""What happens in a town as events, as the door takes them: JSON, whole days at once."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np

from deploy.local.importer.events import DayOfEvents
from deploy.local.town.happened import (
    CHANNELS,
    KINDS,
    LINK,
    METHODS,
    TEXT,
    CheckIns,
    Happened,
    Joins,
    Leaves,
    Messages,
    Purchases,
)
from deploy.local.town.life import GroupsOf, Life, days_of_life, nobody_in_groups
from deploy.local.town.people import Ints
from deploy.local.town.town import Town, stores_of
from deploy.local.town.words import LEAVE_REASONS, PRODUCTS, TEXT_JSON, TOPICS
from libs.common.days import day_start_ms, day_to_iso

TYPES = ("join", "check_in", "purchase", "message", "leave")  # of one instant, in this order
_TOLD = ["".join(f',"{topic}"' for place, topic in enumerate(TOPICS) if bits >> place & 1)[1:] for bits in range(256)]


def days_of_events(
    town: Town, days: tuple[int, int], zone: ZoneInfo, groups_of: GroupsOf = nobody_in_groups
) -> Iterator[DayOfEvents]:
    """The events of the days from the first to the last of `days`, in the order of time.

    Days before are lived through without being written, so that where a run begins changes nothing.
    """
    lives = [days_of_life(store, groups_of) for store in stores_of(town)]
    for day in range(town.first_day, days[1] + 1):
        of_stores = [next(life) for life in lives]
        if day >= days[0]:
            yield merged(day, [store_events(*one, zone) for one in of_stores])


def merged(day: int, stores: Sequence[tuple[Ints, list[bytes], list[int]]]) -> DayOfEvents:
    """Events of a day from several places (each in the order of time: ms of the day, JSON, lane) as one day's."""
    order = np.argsort(np.concatenate([at for at, _, _ in stores]), kind="stable").tolist()
    events = [event for _, some, _ in stores for event in some]
    lanes = [lane for _, _, some in stores for lane in some]
    return DayOfEvents(
        day, [events[place] for place in order], list(range(len(order))), [lanes[place] for place in order]
    )


def store_events(life: Life, happened: Happened, zone: ZoneInfo) -> tuple[Ints, list[bytes], list[int]]:
    """A store's events of a day in the order of time: when (ms of the day), JSON, lane. `life`: after the day."""
    tables = (happened.joins, happened.check_ins, happened.purchases, happened.messages, happened.leaves)
    names = [life.store.member_id(person) for person in range(len(life.people))]
    at = np.concatenate([table.at for table in tables])
    member = np.concatenate([table.member for table in tables])
    kind = np.repeat(np.arange(len(TYPES)), [len(table.at) for table in tables])
    data = [
        *_joins(happened.joins, life, names),
        *_check_ins(happened.check_ins),
        *_purchases(happened.purchases, happened.day),
        *_messages(happened.messages, happened.groups, names),
        *_leaves(happened.leaves),
    ]
    order = np.lexsort((member, kind, at))
    stamps = np.datetime_as_string((day_start_ms(happened.day, zone) + at[order]).astype("datetime64[ms]"))
    prefix, store = day_to_iso(happened.day), life.store.id
    events = [
        f'{{"id":"{prefix}-{number}","type":"{TYPES[of]}","store_id":"{store}","member_id":"{names[who]}",'
        f'"occurred_at":"{stamp}Z","data":{data[place]}}}'.encode()
        for number, (place, of, who, stamp) in enumerate(
            zip(order.tolist(), kind[order].tolist(), member[order].tolist(), stamps.tolist(), strict=True)
        )
    ]
    lanes = [crc32(names[who].encode()) & 0xFFFF for who in member[order].tolist()]
    return at[order], events, lanes


def _joins(joins: Joins, life: Life, names: list[str]) -> Iterable[str]:
    people, districts = life.people, life.store.places.names
    for who, channel, inviter in zip(
        joins.member.tolist(), joins.channel.tolist(), joins.invited_by.tolist(), strict=True
    ):
        invited = f',"invited_by":"{names[inviter]}"' if inviter >= 0 else ""
        district = f',"district":"{districts[people.district[who]]}"' if people.tells_district[who] else ""
        told = f',"interests":[{_TOLD[people.told[who]]}]' if people.told[who] else ""
        yield f'{{"channel":"{CHANNELS[channel]}"{invited}{district}{told}}}'


def _check_ins(check_ins: CheckIns) -> Iterable[str]:
    shown = [f'{{"method":"{method}"}}' for method in METHODS]
    return [shown[method] for method in check_ins.method.tolist()]


def _purchases(purchases: Purchases, day: int) -> Iterable[str]:
    items = [
        f'{{"sku":"{PRODUCTS[product].sku}","category":"{TOPICS[PRODUCTS[product].topic]}",'
        f'"quantity":{quantity},"amount_minor":{amount}}}'
        for product, quantity, amount in zip(
            purchases.product.tolist(), purchases.quantity.tolist(), purchases.amount.tolist(), strict=True
        )
    ]
    amounts = purchases.amount.tolist()
    ends = list(accumulate(purchases.lines.tolist()))
    for number, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
        yield (
            f'{{"order_id":"{day}-{number}","currency":"CNY","total_minor":{sum(amounts[begin:end])},'
            f'"items":[{",".join(items[begin:end])}]}}'
        )


def _messages(messages: Messages, groups: tuple[str, ...], names: list[str]) -> Iterable[str]:
    group_of = [*(f',"group_id":"{group}"' for group in groups), ""]
    said = [*(f',"topics":["{topic}"]' for topic in TOPICS), ""]
    columns = (messages.kind, messages.group, messages.topic, messages.text, messages.reply_to, messages.mention)
    for kind, group, topic, text, reply_to, mention in zip(*(column.tolist() for column in columns), strict=True):
        # An app may name the topics of what has no text: here it does so for links.
        content = f',"text":{TEXT_JSON[text]}' if kind == TEXT else said[topic] if kind == LINK else ""
        reply = f',"reply_to":"{names[reply_to]}"' if reply_to >= 0 else ""
        named = f',"mentions":["{names[mention]}"]' if mention >= 0 else ""
        yield f'{{"kind":"{KINDS[kind]}"{group_of[group]}{content}{reply}{named}}}'


def _leaves(leaves: Leaves) -> Iterable[str]:
    return [f'{{"reason":"{LEAVE_REASONS[reason]}"}}' for reason in leaves.reason.tolist()]
