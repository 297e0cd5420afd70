"""What can be wrong with one event, and the id of one that was refused."""

import re
from typing import Any

from libs.common.faults import CODES, Code, Fault, from_decoder, from_parser

__all__ = ["CODES", "Code", "Fault", "cloud_names", "from_decoder", "from_parser", "names"]


def names(value: Any) -> str | None:
    """The id of an event that was refused, if it has one that can be repeated."""
    return _id_like(value, r"[A-Za-z0-9._:-]{1,64}")


def cloud_names(value: Any) -> str | None:
    """The same of a CloudEvent."""
    return _id_like(value, r"[!-~]{1,256}")


def _id_like(value: Any, pattern: str) -> str | None:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and re.fullmatch(pattern, found) else None
