"""An answer of the solver: a store as it stands in, parts of a `plan_solved` out. Slow: for a process of its own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from libs.common.feed import PlanHead, PlanSolved, SolvedArea, SolvedDesign, SolvedItem
from services.segmentation.domain.affinity import affinities, shares_today, themes_of, weights
from services.segmentation.domain.arcs import NotSolved
from services.segmentation.domain.check import faults
from services.segmentation.domain.design import design, design_plan, laid_out
from services.segmentation.domain.instance import Instance, MemberRow, build
from services.segmentation.domain.items import Item
from services.segmentation.domain.plan import ALGORITHM, Plan, plan
from services.segmentation.domain.problem import Problem, problem_of
from services.segmentation.domain.store import Store

Mode = Literal["plan", "design"]
MOST_ITEMS = 1_000  # in a part
MOST_BYTES = 448 << 10  # of a part's items: below 512 KiB with all else it says
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Asked:
    """Which plan an answer is for, and what is said of every answer: `solved_at`, the offset of the state."""

    plan_id: str
    attempt: str
    mode: Mode
    solved_at: int
    library: str


def solve(store: Store, asked: Asked) -> tuple[list[PlanSolved], list[str]]:
    """The answer in parts, and what is wrong with the solution, for a log: then the answer is that it failed."""
    try:
        before, found, made = _planned(store) if asked.mode == "plan" else _designed(store)
    except NotSolved as error:
        return failed(store, asked, "not_solved"), [str(error)]
    if wrong := faults(before, found.items):
        return failed(store, asked, "check_failed"), wrong
    head = PlanHead(
        status="optimal",
        solved_at=asked.solved_at,
        algorithm=ALGORITHM,
        library=asked.library,
        objective=found.objective,
        settings=store.settings,
        design=made,
    )
    return list(_parts(store.id, asked, head, found.items)), []


def failed(store: Store, asked: Asked, reason: str) -> list[PlanSolved]:
    """The answer that there is none."""
    head = PlanHead(
        status="failed",
        reason=reason,
        solved_at=asked.solved_at,
        algorithm=ALGORITHM,
        library=asked.library,
        settings=store.settings,
    )
    return list(_parts(store.id, asked, head, ()))


def _planned(store: Store) -> tuple[Instance, Plan, None]:
    made = _instance(store, problem_of(store))
    return made, plan(made), None


def _designed(store: Store) -> tuple[Instance, Plan, SolvedDesign]:
    """Themes are weighed by the shares that come into force with this design, districts by the members of today."""
    shares, problem = shares_today(store), problem_of(store)
    members = _redrawn(store, problem, shares)
    before = _instance(store, replace(problem, members=members))
    used = {group.area for group in problem.groups}
    areas = {area: districts for area, districts in problem.areas.items() if area in used}
    found = design(before, problem.themes, problem.proximities, areas)
    made = SolvedDesign(
        areas=tuple(SolvedArea(area, found.areas[area]) for area in sorted(found.areas)),
        blocks=tuple(sorted(found.blocks)),
        weights=tuple(sorted(found.weights.items())),
        shares=tuple(sorted(shares.items())),
    )
    return laid_out(before, found, problem.proximities), design_plan(before, found, problem.proximities), made


def _redrawn(store: Store, problem: Problem, shares: Mapping[str, int]) -> tuple[MemberRow, ...]:
    themes, ordered = themes_of(store), [shares[theme] for theme in problem.themes]

    def redrawn(row: MemberRow) -> MemberRow:
        drawn = weights(store.members[row.id].interests, themes, store.today)
        return row._replace(affinity=affinities(drawn, ordered))

    return tuple(redrawn(row) for row in problem.members)


def _instance(store: Store, problem: Problem) -> Instance:
    return build(
        store.id,
        store.settings,
        problem.themes,
        problem.districts,
        problem.near,
        problem.blocks,
        problem.groups,
        problem.members,
    )


def _parts(store_id: str, asked: Asked, head: PlanHead, items: Iterable[Item]) -> Iterator[PlanSolved]:
    chunks = list(_chunks([_wire(item) for item in items], len(_encode(head)))) or [()]
    for number, chunk in enumerate(chunks):
        yield PlanSolved(
            store_id=store_id,
            plan_id=asked.plan_id,
            attempt=asked.attempt,
            part=number,
            of=len(chunks),
            head=None if number else head,
            items=chunk,
        )


def _chunks(items: Sequence[SolvedItem], taken: int) -> Iterator[tuple[SolvedItem, ...]]:
    """`taken`: bytes of the first part that are used already."""
    chunk: list[SolvedItem] = []
    for item in items:
        size = len(_encode(item)) + 1
        if chunk and (len(chunk) == MOST_ITEMS or taken + size > MOST_BYTES):
            yield tuple(chunk)
            chunk, taken = [], 0
        chunk.append(item)
        taken += size
    if chunk:
        yield tuple(chunk)


def _wire(item: Item) -> SolvedItem:
    return SolvedItem(
        ref=item.ref,
        kind=item.kind,
        member=item.member,
        from_group=item.from_group,
        to_group=item.to_group,
        theme=item.theme,
        area=item.area,
        gain=item.gain,
        reason=item.reason,
        arguments=dict(item.arguments),
        needs=item.needs,
    )
