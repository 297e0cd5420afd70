"""Settings that do not fit stop a process at its start."""

from typing import get_args

import pytest
from msgspec import Struct
from msgspec.structs import fields
from pydantic import ValidationError

from libs.common.config import Settings
from libs.common.events import WIRE_VERSIONS, LogRecord
from libs.common.feed import FeedRecord
from libs.common.placements import PlacementsRecord


@pytest.mark.parametrize(
    "given",
    [
        {"member_url": "https://crm.example/{member_id}"},
        {"member_url": "http://crm.example/{store_id}?of={member_id}"},
        {"trace_url": "https://traces.example/trace/{trace_id}"},
        {"member_url": "", "trace_url": ""},
    ],
)
def test_an_address_for_links_names_what_it_is_of(given: dict[str, str]) -> None:
    assert Settings.model_validate(given)


@pytest.mark.parametrize(
    "given",
    [
        {"member_url": "https://crm.example/"},
        {"member_url": "crm.example/{member_id}"},
        {"member_url": "javascript://x/{member_id}"},
        {"member_url": "https://crm.example/{member_id}/{trace_id}"},
        {"trace_url": "https://traces.example/{member_id}"},
    ],
)
def test_any_other_address_for_links_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="no http or https address with"):
        Settings.model_validate(given)


def test_a_version_of_records_that_this_code_cannot_write_is_refused() -> None:
    assert Settings().wire_version == 1
    with pytest.raises(ValidationError, match="writes records of version 1, not 2"):
        Settings(wire_version=2)


@pytest.mark.parametrize("kind", [*get_args(LogRecord), *get_args(FeedRecord), *get_args(PlacementsRecord)])
def test_records_are_of_a_version_that_can_be_written(kind: type[Struct]) -> None:
    """And no other is read: an upgrade in the wrong order stops, it does not guess."""
    [version] = [field.type for field in fields(kind) if field.name == "v"]
    assert get_args(version) == WIRE_VERSIONS
