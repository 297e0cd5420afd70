"""What may stand in an event's data, read from the types that the door reads: a mapping is checked against these."""

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UnsetType

from libs.common.events import CheckInData, Data, Item, JoinData, LeaveData, PurchaseData
from services.ingest.domain import PostedMessageData

Kind = Literal["text", "texts", "whole", "real", "items"]

DATA_TYPES: dict[str, type[Data]] = {
    "join": JoinData,
    "message": PostedMessageData,
    "purchase": PurchaseData,
    "check_in": CheckInData,
    "leave": LeaveData,
}
# Summed up from the items, so that no rounding can make a receipt disagree with itself.
COMPUTED = {"total_minor"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an event's data. `type` is what one value (of a list: one element) is checked against."""

    name: str
    kind: Kind
    type: Any
    required: bool
    most: int | None = None


def fields_of(data_type: type[Data]) -> dict[str, Field]:
    """The fields that a mapping may fill, by name."""
    hints = get_type_hints(data_type, include_extras=True)
    required = {field.name: field.required for field in msgspec.structs.fields(data_type)}
    return {name: _field(name, _present(hint), required[name]) for name, hint in hints.items() if name not in COMPUTED}


def _present(hint: Any) -> Any:
    """`Tag | UnsetType` -> `Tag`: what a value that is there must be."""
    if get_origin(hint) in {Union, types.UnionType}:
        return next(part for part in get_args(hint) if part is not UnsetType)
    return hint


def _field(name: str, hint: Any, required: bool) -> Field:
    bare, limits = _bare(hint)
    if get_origin(bare) is tuple:
        element = get_args(bare)[0]
        kind: Kind = "items" if element is Item else "texts"
        return Field(name, kind, element, required, most=limits.max_length if limits else None)
    if bare is int:
        return Field(name, "whole", hint, required)
    return Field(name, "real" if bare is float else "text", hint, required)


def _bare(hint: Any) -> tuple[Any, msgspec.Meta | None]:
    """The type without its limits, and the limits."""
    if get_origin(hint) is Annotated:
        bare, *extras = get_args(hint)
        return bare, next((extra for extra in extras if isinstance(extra, msgspec.Meta)), None)
    return hint, None
