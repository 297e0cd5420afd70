"""What the README and docs list is what the code has: a setting, dependency, command or topic cannot go unmentioned."""

import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jwt
from pydantic import SecretStr

from deploy.local import cli
from libs.common.activity import DEFAULT_SETTINGS, TIERS
from libs.common.caller import ALL_STORES, Caller
from libs.common.clock import now_ms
from libs.common.config import Settings
from libs.common.jwks import parse_jwks
from libs.common.tokens import is_current, is_signed, read_token
from libs.common.topics import TOPICS
from services.ingest import openapi
from services.ingest.domain import Logged, no_topics
from services.ingest.faults import CODES
from services.ingest.forms import CLOUDEVENT, FORMS, JSON
from tests.tokens import Retailer, ed25519_key

TILL = Caller("till", frozenset(["events:write"]), frozenset([ALL_STORES]))
ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
DOCS = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the tables under a heading, without their head lines."""
    _, _, rest = page.read_text(encoding="utf-8").partition(f"\n{heading}\n")
    section = re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]
    assert section, f"{page.name} has no section {heading!r}"
    return list(_cells(section))


def _cells(section: str) -> Iterator[list[str]]:
    lines = [line.strip() for line in section.splitlines()]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("|") and not set(line) <= set("|- ") and not following.startswith("|--"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def first_words(table: list[list[str]], pattern: str) -> set[str]:
    """What `pattern` finds in the first cell of each row."""
    return {word for row in table for word in re.findall(pattern, row[0])}


def shown(default: Any) -> str:
    """A default as the table writes it."""
    text = default.get_secret_value() if isinstance(default, SecretStr) else default
    return f"`{text:g}`" if isinstance(text, float) else f"`{text}`" if text != "" else "empty"


def test_every_setting_stands_in_the_table_with_its_default_and_meaning() -> None:
    wanted = [
        [f"`QUNLI_{name.upper()}`", shown(field.default), field.description or ""]
        for name, field in Settings.model_fields.items()
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in wanted)
    assert rows(README, "## Settings") == wanted, f"The table of settings should be:\n{table}"


def test_every_dependency_stands_in_the_table_with_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["local"], *extras["dev"]]
    table = rows(README, "## Dependencies")
    assert first_words(table, r"`([a-z0-9-]+)`") == {re.match(r"[a-z0-9-]+", name)[0] for name in wanted}  # type: ignore[index]
    assert all(len(row[-1]) > 10 for row in table)


def test_every_command_stands_in_the_table() -> None:
    assert first_words(rows(README, "## Commands"), r"`qunli ([a-z-]+)") == set(cli.command_names())


def test_every_make_target_stands_in_the_table() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    assert first_words(rows(README, "## Commands"), r"`make ([a-z-]+)") == targets


def test_every_topic_stands_in_the_table() -> None:
    found = rows(README, "## Your own Kafka and Postgres")
    assert found == [
        [f"`{topic.name}`", f"`{topic.key}`", str(topic.partitions), str(topic.max_message_bytes)] for topic in TOPICS
    ]


def test_the_page_on_activity_has_the_tiers_and_weights_of_the_code() -> None:
    page = ROOT / "docs/activity.md"
    assert [row[0].strip("`") for row in rows(page, "## Tiers")] == list(TIERS)
    caps = DEFAULT_SETTINGS.caps
    wanted = [[f"`{kind}`", str(weight), str(caps[kind])] for kind, weight in DEFAULT_SETTINGS.weights.items()]
    assert rows(page, "## Score") == wanted


def test_the_token_that_the_page_makes_is_taken() -> None:
    _, _, rest = README.read_text(encoding="utf-8").partition("```python\nimport time, jwt\n")
    names: dict[str, Any] = {"time": time, "jwt": jwt}
    exec(rest.partition("```")[0], names)
    key = ed25519_key("2026-11").private
    token = read_token(names["member_token"]("m-42", ["sh-001"], key))
    assert token
    assert is_signed(token, parse_jwks(Retailer(keys=[ed25519_key("2026-11")]).jwks()).keys[token.header.kid])
    assert is_current(token.claims, now_ms() / 1000)


def test_the_page_on_events_has_the_types_forms_and_verdicts_of_the_code() -> None:
    page = ROOT / "docs/events.md"
    assert first_words(rows(page, "## An event"), r"`([a-z_]+)`") == set(openapi.EXAMPLES)
    assert [row[0].strip("`") for row in rows(page, "## Forms")] == list(FORMS)
    assert [row[0].strip("`") for row in rows(page, "## Verdicts")] == list(CODES)


def test_the_examples_on_the_page_on_events_are_accepted() -> None:
    text = (ROOT / "docs/events.md").read_text(encoding="utf-8")
    native, cloud = [body.encode() for body in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    for form, body in ((FORMS[JSON], native), (FORMS[CLOUDEVENT], cloud)):
        verdict = form.judge(body, 4 * 10**12, ZoneInfo("Asia/Shanghai"), TILL, no_topics)
        assert isinstance(verdict, Logged), verdict


def test_every_link_within_the_repository_leads_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in DOCS
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken
