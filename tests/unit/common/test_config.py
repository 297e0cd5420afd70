"""Settings that do not fit stop a process at its start."""

import pytest
from pydantic import ValidationError

from libs.common.config import Settings


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
