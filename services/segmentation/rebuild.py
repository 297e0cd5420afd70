"""Segmentation's tables made anew from the log: what of it libs/common/rebuild.py must know.

No plan is solved: the answers stand on store-feed. Where a newcomer was placed stands on `placements`; it is read, not
decided again, so that later versions may place otherwise.
"""

from pathlib import Path

from libs.common.config import Settings
from libs.common.migrate import SEGMENTATION_VIEWS
from libs.common.postgres import load_queries
from libs.common.rebuild import Service
from libs.common.schema import SEGMENTATION_MIGRATIONS
from libs.common.step import Decisions, Letters
from libs.common.topics import PLACEMENTS, SEGMENTATION_GROUP, STORE_FEED, STORE_FEED_DEAD
from services.segmentation.decided import note
from services.segmentation.processor import Segmentation


def _logic(settings: Settings, letters: Letters, decisions: Decisions) -> Segmentation:
    return Segmentation(settings, letters, decisions)


SERVICE = Service(
    schema="segmentation",
    group=SEGMENTATION_GROUP,
    source=STORE_FEED,
    derived=PLACEMENTS,
    letters=STORE_FEED_DEAD,
    migrations=SEGMENTATION_MIGRATIONS,
    views=SEGMENTATION_VIEWS,
    hashes=load_queries(Path(__file__).parent, "hashes.sql")["hashes"],
    logic=_logic,
    note=note,
)
