"""What an event of `placements` says was decided, for one who applies the log again: it is not decided anew."""

import msgspec

from libs.common.events import Source
from libs.common.step import Decisions


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
