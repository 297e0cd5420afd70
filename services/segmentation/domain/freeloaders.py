"""Freeloaders (蹭流量): long in a group, and in all that time neither a message nor a visit nor a purchase."""

from services.segmentation.domain.groups import is_manager
from services.segmentation.domain.rows import Member
from services.segmentation.domain.store import Store

DAYS = 90
AGAIN = 30  # store days between two proposals to remove one


def is_freeloader(store: Store, member: Member, closed: int) -> bool:
    """Whether a member in a themed group for 90 closed days did nothing in them. Never a seed, VIP or manager."""
    if not member.is_member or member.group is None or member.seed or member.vip:
        return False
    joined = store.presences[member.group, member.id].day
    if joined > closed - DAYS or (member.acted is not None and member.acted > closed - DAYS):
        return False
    return not is_manager(store, member.id)


def may_be_proposed(member: Member, today: int) -> bool:
    """Whether its removal may be proposed anew: at most once in 30 days."""
    return member.removal_day is None or today - member.removal_day >= AGAIN
