"""Engagement's tables made anew from the log: what of it libs/common/rebuild.py must know."""

from pathlib import Path

from libs.common.config import Settings
from libs.common.migrate import ENGAGEMENT_VIEWS
from libs.common.postgres import load_queries
from libs.common.rebuild import Service
from libs.common.schema import ENGAGEMENT_MIGRATIONS
from libs.common.step import Decisions, Letters
from libs.common.topics import ENGAGEMENT_GROUP, MEMBER_EVENTS, MEMBER_EVENTS_DEAD, STORE_FEED
from services.engagement.processor import Engagement


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
