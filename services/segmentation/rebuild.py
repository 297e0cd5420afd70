"""Segmentation's tables made anew from the log: what of it libs/common/rebuild.py must know.

No plan is solved: the answers stand on store-feed. Where a newcomer was placed stands on `placements`; it is read, not
decided again, so that later versions may place otherwise.
"""

from pathlib import Path

import msgspec

from libs.common.config import Settings
from libs.common.events import Source
from libs.common.migrate import SEGMENTATION_VIEWS
from libs.common.postgres import load_queries
from libs.common.rebuild import Decisions, Letters, Service
from libs.common.schema import SEGMENTATION_MIGRATIONS
from libs.common.topics import PLACEMENTS, SEGMENTATION_GROUP, STORE_FEED, STORE_FEED_DEAD
from services.segmentation.processor import Segmentation


class _Told(msgspec.Struct):
    kind: str
    source: Source
    group_id: str | None = None
    by: str | None = None
    reason: str | None = None


_decode = msgspec.json.Decoder(_Told).decode


def note(value: bytes, decisions: Decisions) -> None:
    """What an event of `placements` says of where a newcomer was placed."""
    told = _decode(value)
    at = (told.source.partition, told.source.offset)
    if told.kind == "placed" or (told.kind == "invited" and told.by == "hand"):
        decisions[at] = told.group_id
    elif told.kind == "proposed":  # whoever asked: a record places one newcomer at most
        decisions.setdefault(at, told.group_id)
    elif told.kind == "waiting" and told.reason == "no_capacity":
        decisions[at] = None


def _logic(settings: Settings, letters: Letters, decisions: Decisions) -> Segmentation:
    return Segmentation(settings, letters, decisions)


SERVICE = Service(
    schema="segmentation",
    group=SEGMENTATION_GROUP,
    source=STORE_FEED,
    derived=PLACEMENTS,
    letters=STORE_FEED_DEAD,
    migrations=SEGMENTATION_MIGRATIONS,
    views=SEGMENTATION_VIEWS,
    hashes=load_queries(Path(__file__).parent, "hashes.sql")["hashes"],
    logic=_logic,
    note=note,
)
