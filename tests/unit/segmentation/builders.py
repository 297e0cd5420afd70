"""Stores for the solver's tests: small, seeded, and said in rows."""

from collections.abc import Sequence
from random import Random

from services.segmentation.domain.design import Design, design, design_plan
from services.segmentation.domain.instance import KINDS, GroupRow, Instance, MemberRow, build
from services.segmentation.domain.plan import Plan
from services.segmentation.domain.settings import PlanSettings

THEMES, DISTRICTS = ("babies", "cooks", "pets"), ("east", "north", "west")
TINY = PlanSettings(size_min=2, size_target=3, size_high=4, size_max=5, moves_per_mille=1000)


def some_rows(
    draw: Random, members: int, groups: Sequence[str] = (), *, waiting: float = 0.3, movable: float = 0.8
) -> list[MemberRow]:
    """Members with any interests, in any of the groups or none."""
    rows = []
    for at in range(members):
        affinity = [draw.choice((0, 0, draw.randrange(1001), 1000)) for _ in THEMES]
        group = None if not groups or draw.random() < waiting else draw.choice(groups)
        kind = draw.choices(KINDS, (1, 3, 6))[0]
        district = draw.choice((*DISTRICTS, None, "unheard of"))
        rows.append(MemberRow(f"m{at:04}", kind, affinity, district, group, draw.random() < movable))
    return rows


def some_groups(draw: Random, number: int, others: int = 1) -> list[GroupRow]:
    """Groups of any block, a few of them forming, closing, or with room for nobody."""
    return [
        GroupRow(
            f"g{at}",
            draw.choice(THEMES),
            draw.choice(DISTRICTS),
            draw.randrange(others + 1),
            draw.choices(("open", "forming", "closing"), (6, 2, 1))[0],
            draw.random() < 0.9,
        )
        for at in range(number)
    ]


def a_store(
    members: Sequence[MemberRow], groups: Sequence[GroupRow] = (), settings: PlanSettings | None = None
) -> Instance:
    """A store of the themes and districts above, districts the less near the further apart in the alphabet."""
    near = {(a, b): 1000 - 350 * abs(DISTRICTS.index(a) - DISTRICTS.index(b)) for a in DISTRICTS for b in DISTRICTS}
    return build("shop", settings or PlanSettings(), THEMES, DISTRICTS, near, (), groups, members)


PROXIMITY = {("east", "north"): 650, ("north", "west"): 650, ("east", "west"): 300}


def designed(members: Sequence[MemberRow], settings: PlanSettings | None = None) -> tuple[Design, Plan]:
    """A first design, and what it proposes."""
    store = a_store(members, (), settings)
    made = design(store, THEMES, PROXIMITY, {})
    return made, design_plan(store, made, PROXIMITY)
