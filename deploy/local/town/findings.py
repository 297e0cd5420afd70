"""What Qunli found in a town whose groups it plans, held against the truth of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import httpx
from rich.table import Table

from deploy.local.importer.session import Target
from deploy.local.matrix import groups_of_store
from deploy.local.orders import connect, pages, read
from deploy.local.town.together import Together, present_with
from services.gateway import group_shapes, matrix_shapes

FAILING_AFTER = 3  # days without a message


@dataclass(frozen=True, slots=True)
class Hits:
    """`found` members were named, `right` of them truly; there are `true` of them."""

    found: int
    right: int
    true: int

    @property
    def precision(self) -> float | None:
        """How many of those named are it; None where nobody was named."""
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """How many of those who are it were named; None where nobody is."""
        return self.right / self.true if self.true else None


@dataclass(frozen=True, slots=True)
class Findings:
    """A store at the end. Figures of health are of the last closed day: `active`, 0..1, of the members in groups,
    `answered`: median minutes until a manager answered, over the groups where somebody asked. `silent`: groups that
    fell silent early enough to be noticed, and were failing for nothing else before.
    """

    store: str
    seeds: Hits
    vips: Hits
    freeloaders: Hits
    tickets: int
    by_ticket: int
    strangers: int
    states: Counter[str]
    people: int
    active: float
    messages: int
    writers: int
    answered: int | None
    silent: Hits


def findings(target: Target, stores: Sequence[Together]) -> list[Findings]:
    """Of every store of a town."""
    with connect(target.gateway, target.key) as gateway:
        return [findings_of(gateway, store) for store in stores]


def hits(found: Iterable[str], truth: set[str]) -> Hits:
    """Those named against those who are it."""
    named = set(found)
    return Hits(len(named), len(named & truth), len(truth))


def findings_of(gateway: httpx.Client, store: Together) -> Findings:
    """What the gateway shows of a store that has been lived in."""
    life, path = store.life, f"/v1/stores/{store.store.id}"
    shown = [one.group_id for one in groups_of_store(gateway, store.store.id)]
    groups = [read(gateway, f"/v1/groups/{group}", group_shapes.Group) for group in shown]
    health = [(group.heads, group.health) for group in groups if group.health is not None]
    heads = sum(heads for heads, _ in health)
    return Findings(
        store=store.store.id,
        seeds=hits(_ranked(gateway, f"{path}/seeds"), present_with(life, "influential")),
        vips=hits(_ranked(gateway, f"{path}/vips"), present_with(life, "vip")),
        freeloaders=hits(_freeloaders(gateway, f"{path}/freeloaders"), present_with(life, "freeloader")),
        tickets=store.tickets,
        by_ticket=store.by_ticket,
        strangers=store.wandered,
        states=Counter(group.state for group in groups),
        people=sum(group.heads for group in groups),
        active=sum(heads * of.active_share for heads, of in health) / (1000 * heads) if heads else 0.0,
        messages=sum(of.messages for _, of in health),
        writers=sum(of.writers for _, of in health),
        answered=middle([of.answer_median for _, of in health if of.answer_median is not None]),
        silent=noticed(store.platform.silent, store.seen, life.day - 1),
    )


def noticed(silent: Mapping[str, int], seen: Mapping[str, int], last: int) -> Hits:
    """Of groups by the first day without messages: how many were seen, on whatever morning up to `last`, and how many
    of them on the one after the third such day, when they count as failing (docs/segmentation.md).
    """
    early = {group for group, day in seen.items() if day < silent[group] + FAILING_AFTER}
    due = {group for group, day in silent.items() if day + FAILING_AFTER <= last} - early
    found = due & seen.keys()
    return Hits(len(found), sum(seen[group] == silent[group] + FAILING_AFTER for group in found), len(due))


def middle(numbers: Sequence[int]) -> int | None:
    """The median, the lower of two; None of nothing."""
    return sorted(numbers)[(len(numbers) - 1) // 2] if numbers else None


def _ranked(gateway: httpx.Client, path: str) -> list[str]:
    return [one.member_id for page in pages(gateway, path, matrix_shapes.RankedMembers) for one in page.items]


def _freeloaders(gateway: httpx.Client, path: str) -> list[str]:
    return [one.member_id for page in pages(gateway, path, matrix_shapes.Freeloaders) for one in page.items]


def findings_table(found: Sequence[Findings]) -> Table:
    """A column per store."""
    table = Table(title="What Qunli found", box=None, title_justify="left", title_style="bold")
    table.add_column("")
    for one in found:
        table.add_column(one.store, justify="right")
    rows = {
        "seed users: named, truly influential": [_named(one.seeds) for one in found],
        "  seed users' precision, recall": [_shares(one.seeds) for one in found],
        "VIPs: named, truly": [_named(one.vips) for one in found],
        "  VIPs' precision, recall": [_shares(one.vips) for one in found],
        "freeloaders: named, truly (judged after 90 days)": [_named(one.freeloaders) for one in found],
        "  freeloaders' precision, recall": [_shares(one.freeloaders) for one in found],
        "invited, joined by it": [f"{one.tickets:,}, {one.by_ticket:,}" for one in found],
        "strangers who came along": [f"{one.strangers:,}" for one in found],
        "groups": [f"{sum(one.states.values()):,}" for one in found],
        "  by state": [", ".join(f"{n} {state}" for state, n in sorted(one.states.items())) or "-" for one in found],
        "groups fallen silent, called failing at the third night": [
            f"{one.silent.true:,}, {one.silent.right:,}" for one in found
        ],
        "people in groups": [f"{one.people:,}" for one in found],
        "  weekly or better": [f"{one.active:.0%}" for one in found],
        "messages on the last day, writers": [f"{one.messages:,}, {one.writers:,}" for one in found],
        "minutes until a manager answers": [str(one.answered if one.answered is not None else "-") for one in found],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def _named(one: Hits) -> str:
    return f"{one.found:,}, {one.right:,} of {one.true:,}"


def _shares(one: Hits) -> str:
    return ", ".join("-" if share is None else f"{share:.2f}" for share in (one.precision, one.recall))
