"""The engagement process: `python -m services.engagement`."""

from libs.common.processing import run_processor
from libs.common.topics import ENGAGEMENT_GROUP, MEMBER_EVENTS
from services.engagement.processor import Engagement

if __name__ == "__main__":
    run_processor("engagement", ENGAGEMENT_GROUP, MEMBER_EVENTS, Engagement)
