"""JSON bodies, read strictly into their types: what does not fit is a problem that says where."""

from typing import Any, TypeVar

import jiter
import msgspec

from libs.common.faults import Fault, from_decoder, from_parser
from libs.common.http import Problem

T = TypeVar("T")


def read_json(body: bytes, kind: type[T]) -> T:
    """A body as this type. Problem unreadable for what is no JSON, bad_value (fault, path) for what does not fit."""
    try:
        jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise unfit(from_decoder(str(error))) from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(error) from error


def read_values(values: Any, kind: type[T]) -> T:
    """Values that stood as texts, such as those of CSV, as this type. Problem bad_value."""
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise unfit(from_decoder(str(error))) from error


def _unreadable(error: ValueError | RecursionError) -> Problem:
    fault = from_parser(str(error))
    return unfit(fault) if fault.code == "duplicate_key" else Problem("unreadable", fault.detail)


def unfit(fault: Fault) -> Problem:
    """The problem of a value that does not fit."""
    return Problem("bad_value", fault.detail, fault=fault.code, path=fault.path)
