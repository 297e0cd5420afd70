"""A plan is asked for. Which request is solved, and when, is the solver's affair."""

from typing import Literal

from msgspec.structs import replace

from libs.common.placements import PlanRequested
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.rows import Plan

DESIGNED_FROM = 150  # members for whom groups are designed without being asked, where the settings say so


def request(effects: Effects, mode: Literal["plan", "design"]) -> str:
    """Ask for a plan, in the place of an unanswered one. Its id."""
    store, at = effects.store, effects.at
    plan_id, before = f"{store.id}~p{at.partition}-{at.offset}", store.head.request
    if before is not None:
        store.plans.put(before, replace(store.plans[before], state="superseded"))
        drop_parts(effects, before)
    plan = Plan(id=plan_id, mode=mode, state="requested", requested_day=store.today, requested_at=at.offset)
    store.plans.put(plan_id, plan)
    store.amend(request=plan_id)
    effects.tell(PlanRequested, plan_id=plan_id, mode=mode, supersedes=before)
    return plan_id


def mode_at_close(effects: Effects) -> Literal["plan", "design"] | None:
    """What a close asks for: nothing while there is neither a design nor a group to plan for."""
    store = effects.store
    if store.head.design is not None or store.groups.count(("themed",)):
        return "plan"
    return "design" if store.settings.auto_design and store.planned >= DESIGNED_FROM else None


def drop_parts(effects: Effects, plan_id: str) -> None:
    """Forget the parts of answers to a request."""
    parts = effects.store.parts
    for key in sorted(key for key in parts if key[0] == plan_id):
        parts.remove(key)
