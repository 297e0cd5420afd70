"""Long work on a store: its phases, and how a slice of it is done.

The same record gives the same rows and events whatever the slices are: what a slice does depends on the cursor, and
no other record of the store is applied before the end.
"""

from collections.abc import Callable

from msgspec.structs import replace

from libs.common.commands import ApprovePlan, RejectPlan, ReportSnapshot
from libs.common.feed import decode_command
from services.segmentation.domain import closing, outcomes, plans, proposing, themes
from services.segmentation.domain.approvals import approve, meant, reject
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.presence import in_snapshot, known_of
from services.segmentation.domain.rows import Job
from services.segmentation.domain.slices import Step, each, once

Phase = Callable[[Effects, Job, int], Step]


def _approve(effects: Effects, job: Job, most: int) -> Step:
    return _decide(effects, job, most, approve)


def _reject(effects: Effects, job: Job, most: int) -> Step:
    return _decide(effects, job, most, reject)


def _decide(effects: Effects, job: Job, most: int, decide: Callable[[Effects, str, str], str]) -> Step:
    store, command = effects.store, decode_command(job.record)
    assert isinstance(command, ApprovePlan | RejectPlan)

    def listed() -> tuple[dict[str, str], list[str]]:
        found = meant(store, command)
        return found, sorted(found)

    ids, keys = once(store, listed)

    def act(key: str) -> None:
        outcomes.count(store, decide(effects, ids[key], command.command_id))

    return each(keys, job.cursor, most, act)


def _snapshot(effects: Effects, job: Job, most: int) -> Step:
    """Each person that the snapshot names, or that was known before; then the group's time."""
    store, command = effects.store, decode_command(job.record)
    assert isinstance(command, ReportSnapshot)
    group, at = job.subject, command.body.at

    def listed() -> tuple[frozenset[str], list[str]]:
        inside = frozenset(command.body.members)
        return inside, sorted(inside.union(known_of(store, group)))

    inside, keys = once(store, listed)

    def act(person: str) -> None:
        in_snapshot(effects, group, person, at, present=person in inside)

    step = each(keys, job.cursor, most, act)
    if step[0] is None:
        store.amend_group(group, snapshot_at=at)
    return step


def _themes(effects: Effects, job: Job, most: int) -> Step:
    return themes.refresh(effects.store, job.cursor, most)


def _outcome(effects: Effects, job: Job, _most: int) -> Step:
    outcomes.tell(effects, decode_command(job.record), subject=job.subject or None, counts=job.counts)
    return None, 1


PHASES: dict[str, tuple[Phase, ...]] = {
    "close": (
        closing.expire,
        closing.rank,
        closing.seeds,
        closing.vips,
        closing.fill_overlays,
        closing.find_freeloaders,
        closing.health,
        closing.end,
    ),
    "plan": (
        plans.apply_design,
        plans.refresh,
        proposing.propose,
        plans.propose_removals,
        plans.supersede,
        plans.tell,
        plans.open_at_once,
        plans.finish,
    ),
    "approve": (_approve, _outcome),
    "reject": (_reject, _outcome),
    "snapshot": (_snapshot, _outcome),
    "themes": (_themes, _outcome),
}


def work(effects: Effects, budget: int) -> int:
    """Do so much of a store's open work, in units of about a row, and see to its end. What is left of the budget."""
    store = effects.store
    while (job := store.head.job) is not None and budget > 0:
        phases = PHASES[job.kind]
        cursor, done = phases[job.phase](effects, job, budget)
        budget -= done
        job = _gone_on(effects, cursor)
        if cursor is None:
            store.phase = {}
        if job.phase == len(phases):
            store.scratch = {}
            store.amend(job=None)
        else:
            store.amend(job=job)
    return budget


def _gone_on(effects: Effects, cursor: str | None) -> Job:
    job = effects.store.head.job
    assert job is not None
    if cursor is None:
        return replace(job, phase=job.phase + 1, cursor="", index=effects.index)
    return replace(job, cursor=cursor, index=effects.index)
