"""When a store's day is over: once every source partition has closed it."""

from msgspec.structs import replace

from libs.common.days import day_number
from libs.common.events import PartitionClosed
from services.segmentation.domain.rows import Row


class Feed(Row, frozen=True, kw_only=True):
    """What a partition of store-feed knows of the closes of the source: the latest day of each of its partitions."""

    closes: tuple[int | None, ...]
    closed: int | None = None  # the last complete close
    half_life: int = 7
    settings_number: int = 0


def closed_by(feed: Feed, told: PartitionClosed) -> tuple[Feed, int | None]:
    """The feed after a close of a source partition; the day that is complete by it, None if none is."""
    day = day_number(told.day)
    closes = list(feed.closes)
    known = closes[told.source_partition]
    closes[told.source_partition] = day if known is None else max(known, day)
    feed = replace(feed, closes=tuple(closes))
    if told.settings_number >= feed.settings_number:
        feed = replace(feed, half_life=told.half_life, settings_number=told.settings_number)
    days = [one for one in closes if one is not None]
    if len(days) < len(closes) or (feed.closed is not None and min(days) <= feed.closed):
        return feed, None
    return replace(feed, closed=min(days)), min(days)
