"""Engagement's tables made anew from the log: what of it libs/common/rebuild.py must know."""

from pathlib import Path

from libs.common import rebuild as common
from libs.common.config import Settings
from libs.common.migrate import ENGAGEMENT_MIGRATIONS, ENGAGEMENT_VIEWS
from libs.common.postgres import load_queries
from libs.common.rebuild import Decisions, Different, Letters, LiveIsAhead, Rebuilt, Report, Service, Stage
from libs.common.topics import ENGAGEMENT_GROUP, MEMBER_EVENTS, MEMBER_EVENTS_DEAD, STORE_FEED
from services.engagement.processor import Engagement
from services.engagement.store import Partition

__all__ = ["Different", "LiveIsAhead", "Rebuild", "Rebuilt", "Stage", "rebuild", "table_hashes"]


def _logic(settings: Settings, letters: Letters, _: Decisions) -> Engagement:
    return Engagement(settings, letters)


SERVICE = Service(
    schema="engagement",
    group=ENGAGEMENT_GROUP,
    source=MEMBER_EVENTS,
    derived=STORE_FEED,
    letters=MEMBER_EVENTS_DEAD,
    migrations=ENGAGEMENT_MIGRATIONS,
    views=ENGAGEMENT_VIEWS,
    hashes=load_queries(Path(__file__).parent, "hashes.sql")["hashes"],
    logic=_logic,
)


class Rebuild(common.Rebuild[Partition]):
    """One run. `admin_url`: the database's owner, who may make schemas."""

    def __init__(self, settings: Settings, admin_url: str, report: Report) -> None:
        super().__init__(SERVICE, settings, admin_url, report)


def rebuild(
    settings: Settings, admin_url: str, report: Report, *, swap: bool = True, forget_live: bool = False
) -> Rebuilt:
    """A whole rebuild, on an event loop of its own; as Rebuild.run."""
    return common.rebuild(SERVICE, settings, admin_url, report, swap=swap, forget_live=forget_live)


async def table_hashes(admin_url: str, schema: str) -> dict[str, tuple[int, str]]:
    """Rows and hash of each table that a replay of the log must give again; empty if there are none."""
    return await common.table_hashes(SERVICE, admin_url, schema)
