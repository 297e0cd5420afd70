"""Which version of each schema this code needs, and whether a database has it.

A part's version is the number of its newest migration; of the published views and the grants, which are made anew by
every migration, it is a number here. A database that is newer than the code will do: migrations only ever widen.
"""

from collections.abc import Mapping
from pathlib import Path

import asyncpg

from libs.common.errors import QunliError
from libs.common.postgres import Connection, load_queries

ROOT = Path(__file__).resolve().parents[2]
META_MIGRATIONS = ROOT / "libs/common/migrations/meta"
AUTH_MIGRATIONS = ROOT / "libs/common/migrations/auth"
PROCESSOR_MIGRATIONS = ROOT / "libs/common/migrations/processor"
ENGAGEMENT_MIGRATIONS = ROOT / "services/engagement/migrations"
SEGMENTATION_MIGRATIONS = ROOT / "services/segmentation/migrations"

# To be raised by whoever changes views.sql of a service or grants.sql; a test knows what they were at this number.
VIEWS_VERSION = 3
_NUMBERED: Mapping[str, Path] = {
    "meta": META_MIGRATIONS,
    "auth": AUTH_MIGRATIONS,
    "processor": PROCESSOR_MIGRATIONS,
    "engagement": ENGAGEMENT_MIGRATIONS,
    "segmentation": SEGMENTATION_MIGRATIONS,
}
_QUERIES = load_queries(Path(__file__).parent, "schema.sql")
# Of a database that was never migrated, or is just now for the first time.
_NOTHING_YET = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InsufficientPrivilegeError)


class SchemaOld(QunliError):
    """The database is older than this program: {what}. Run `qunli migrate` of this program's version first."""


def needed() -> dict[str, int]:
    """The version of each part that this code needs."""
    numbered = {part: newest(folder) for part, folder in _NUMBERED.items()}
    return {**numbered, "views": VIEWS_VERSION}


def newest(folder: Path) -> int:
    """The number of a folder's newest migration."""
    return max(int(path.name.partition("_")[0]) for path in folder.glob("[0-9]*.sql"))


def lacking(found: Mapping[str, int], wanted: Mapping[str, int]) -> str:
    """What of `wanted` is not there, in words; "" if nothing."""
    return ", ".join(
        f"{part} has version {found.get(part, 0)} and {number} is needed"
        for part, number in wanted.items()
        if found.get(part, 0) < number
    )


async def check_schema(connection: Connection) -> None:
    """SchemaOld unless the database has every part in the version that this code needs, or in a newer one."""
    try:
        rows = await connection.fetch(_QUERIES["versions"])
    except _NOTHING_YET:
        raise SchemaOld(what="it was never migrated") from None
    if what := lacking({row["part"]: row["number"] for row in rows}, needed()):
        raise SchemaOld(what=what)
