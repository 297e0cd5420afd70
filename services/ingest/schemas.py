"""The JSON Schemas of events: of each type as it is posted, and of the records on `member-events`.

They are made from the types that decode the bytes, served by the door, and kept in docs/schemas, where a test holds
them against these: `python -m services.ingest.schemas` writes them, unless one would refuse what it took before.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from libs.common.events import LogRecord
from services.ingest.compatibility import narrowings
from services.ingest.domain import PostedCheckIn, PostedJoin, PostedLeave, PostedMessage, PostedPurchase

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
ADVICE = (
    "What was posted and written so far must be taken for ever. Keep the type as it was and give the new form the next "
    "version, with a schema of its own; or, if no client and no log has used it yet, say --narrow."
)


class Published(NamedTuple):
    """A schema under its name and version."""

    name: str
    version: int
    kind: Any

    @property
    def file_name(self) -> str:
        return f"{self.name}.v{self.version}.json"

    @property
    def path(self) -> str:
        """Where the door serves it."""
        return f"/v1/schemas/{self.name}/v{self.version}"

    def schema(self) -> dict[str, Any]:
        """The schema as it follows from the code."""
        head = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:qunli:schema:{self.name}:v{self.version}",
        }
        made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(head | msgspec.json.schema(self.kind)))
        return made


PUBLISHED = (
    Published("join", 1, PostedJoin),
    Published("message", 1, PostedMessage),
    Published("purchase", 1, PostedPurchase),
    Published("check_in", 1, PostedCheckIn),
    Published("leave", 1, PostedLeave),
    Published("member-events", 1, LogRecord),
)


def find(name: str, version: str) -> Published | None:
    """The schema that a path names, its version as `v1`."""
    return next((found for found in PUBLISHED if (found.name, f"v{found.version}") == (name, version)), None)


def as_text(schema: dict[str, Any]) -> str:
    """A schema as its file holds it."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def breaks(folder: Path) -> Iterator[str]:
    """What the schemas in a folder took and those of the code refuse."""
    for published in PUBLISHED:
        file = folder / published.file_name
        if file.exists():
            for fault in narrowings(msgspec.json.decode(file.read_bytes()), published.schema()):
                yield f"{published.file_name} {fault}"


def write(folder: Path) -> None:
    """Put every schema into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for published in PUBLISHED:
        (folder / published.file_name).write_text(as_text(published.schema()), encoding="utf-8")


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """The command; its exit status."""
    found = list(breaks(folder))
    if found and arguments != ["--narrow"]:
        sys.stderr.write("\n".join(["These changes refuse what was taken before:", *found, ADVICE, ""]))
        return 1
    write(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
