"""The page on the stream names every event that there is, and what its example shows is what is sent."""

import json
import re
from typing import get_args

import msgspec

from services.gateway.live_frames import DAY_CLOSED, OUTCOME, PLACEMENT_KINDS, TRANSITION
from services.gateway.live_shapes import ResetFrame
from services.gateway.live_stream import ResetReason
from tests.unit.docs.test_readme import ROOT, first_words, rows

PAGE = ROOT / "docs/stream.md"


def test_every_event_stands_in_the_table() -> None:
    wanted = {TRANSITION, DAY_CLOSED, OUTCOME, "reset", "lagged", *PLACEMENT_KINDS}
    assert first_words(rows(PAGE, "## Frames"), r"`([a-z_]+)`") == wanted


def test_every_reason_of_a_reset_is_told() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("`reset` says why")[2]
    told = set(re.findall(r"`([a-z_]+)`", text.partition("\n\n")[0]))
    schema = msgspec.json.schema(ResetFrame)["$defs"]["ResetFrame"]
    assert told == set(get_args(ResetReason)) == set(schema["properties"]["reason"]["enum"])


def test_the_example_is_a_frame() -> None:
    line = re.search(r"^data: (\{.*\})$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert line
    assert json.loads(line[1].replace(",...}", "}"))["source"]["topic"] == "member-events"
