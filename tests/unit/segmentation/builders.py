"""Stores for the solver's tests: small, seeded, and said in rows."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from libs.common.commands import StoreSettings
from services.segmentation.domain.design import design, design_plan
from services.segmentation.domain.districts import nearness, proximities
from services.segmentation.domain.instance import (
    KINDS,
    BlockRow,
    GroupRow,
    GroupState,
    Instance,
    MemberRow,
    build,
)
from services.segmentation.domain.plan import Plan, plan
from services.segmentation.domain.rows import Kind

THEMES, DISTRICTS = ("babies", "cooks", "pets"), ("east", "north", "west")
TINY = StoreSettings(size_min=2, size_target=3, size_high=4, size_max=5, moves_per_mille=1000)


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
        rows.append(MemberRow(f"m{at:04}", kind, affinity, district, group, not groups or draw.random() < movable))
    return rows


def alike(
    members: int,
    kind: Kind = "ordinary",
    affinity: Sequence[int] = (1000, 0, 0),
    district: str | None = "east",
    group: str | None = None,
    name: str = "m",
) -> list[MemberRow]:
    """Members that differ in nothing but their ids."""
    return [MemberRow(f"{name}{at:04}", kind, tuple(affinity), district, group) for at in range(members)]


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
    members: Sequence[MemberRow], groups: Sequence[GroupRow] = (), settings: StoreSettings | None = None
) -> Instance:
    """A store of the themes and districts above, districts the less near the further apart in the alphabet."""
    near = {(a, b): 1000 - 350 * abs(DISTRICTS.index(a) - DISTRICTS.index(b)) for a in DISTRICTS for b in DISTRICTS}
    return build("shop", settings or StoreSettings(), THEMES, DISTRICTS, near, (), groups, members)


PROXIMITY = {("east", "north"): 650, ("north", "west"): 650, ("east", "west"): 300}


@dataclass(slots=True)
class Shop:
    """A store over some nights, all of whose people do what they are asked to."""

    members: list[MemberRow]
    groups: list[GroupRow] = field(default_factory=list)
    areas: dict[str, tuple[str, ...]] = field(default_factory=lambda: {name: (name,) for name in DISTRICTS})
    closed: list[tuple[str, str]] = field(default_factory=list)  # blocks, in order
    opened: list[tuple[str, str]] = field(default_factory=list)
    may_open: bool = True
    settings: StoreSettings = field(default_factory=StoreSettings)

    @property
    def store(self) -> Instance:
        weights = Counter(row.district for row in self.members)
        between = proximities(DISTRICTS, PROXIMITY)
        counts = np.array([weights[district] for district in DISTRICTS])
        near: dict[tuple[str, str], int] = {}
        for name, districts in self.areas.items():
            found = nearness(tuple(sorted(DISTRICTS.index(d) for d in districts)), between, counts)
            near |= {(district, name): int(found[at]) for at, district in enumerate(DISTRICTS)}
        shut = {*self.closed}  # for thirty days
        cells = {(group.theme, group.area) for group in self.groups}
        blocks = [BlockRow(theme, area, self.may_open and (theme, area) not in shut) for theme, area in sorted(cells)]
        return build("shop", self.settings, THEMES, DISTRICTS, near, blocks, self.groups, self.members)

    def design(self) -> Plan:
        """The first design, approved and joined."""
        made = design(self.store, THEMES, PROXIMITY, {})
        found = design_plan(self.store, made, PROXIMITY)
        self.areas = {name: tuple(districts) for name, districts in made.areas.items()}
        self.approve(found)
        return found

    def night(self) -> Plan:
        """A plan, as it is proposed."""
        self.groups = [self._of_today(group) for group in self.groups]
        return plan(self.store)

    def approve(self, proposed: Plan, refs: Collection[int] | None = None) -> None:
        """Some items are approved, by default all, and everybody goes where asked."""
        chosen = [item for item in proposed.items if refs is None or item.ref in refs]
        goes = {item.member: item.to_group for item in chosen if item.member is not None}
        self.members = [row._replace(group=goes.get(row.id, row.group)) for row in self.members]
        by_id = {group.id: group for group in self.groups}
        for item in chosen:
            if item.kind == "open":
                name = f"{item.to_group} {len(self.opened)}"
                self.members = [row._replace(group=name) if row.group == item.to_group else row for row in self.members]
                by_id[name] = GroupRow(name, item.theme or "", item.area or "", state="forming")
                self.opened.append((item.theme or "", item.area or ""))
            if item.kind == "close":
                old = by_id[item.from_group or ""]
                by_id[old.id] = old._replace(state="closing", takes=False)
                self.closed.append((old.theme, old.area))
        sizes = self.sizes
        self.groups = [group for group in by_id.values() if group.state != "closing" or sizes[group.id]]

    @property
    def sizes(self) -> Counter[str]:
        """Members of each group."""
        return Counter(row.group for row in self.members if row.group is not None)

    def _of_today(self, group: GroupRow) -> GroupRow:
        """Its health, as far as sizes and affinities tell."""
        if group.state == "closing":
            return group
        mine = [row for row in self.members if row.group == group.id]
        state: GroupState = "forming" if group.state == "forming" and len(mine) < 150 else "open"
        drawn = [row.affinity[THEMES.index(group.theme)] for row in mine if any(row.affinity)]
        cold = len(drawn) >= 50 and sum(drawn) < 100 * len(drawn)
        failing = "" if state == "forming" else "small" if len(mine) < 100 else "cold" if cold else ""
        return group._replace(state=state, failing=failing)
