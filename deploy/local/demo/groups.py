"""The demo's groups: the store is designed, its groups opened up, the plan approved, as a manager would by command."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console

from deploy.local.command_line import working
from deploy.local.demo.grocer_themes import GROCER
from deploy.local.demo.planned import Planned, read_planned
from deploy.local.importer.mapping import Mapping as ImportMapping
from deploy.local.importer.proximity import proximities_of
from deploy.local.matrix import Look, approve_all, await_day, await_plan, must_be_solved, open_up
from deploy.local.orders import Order, carry_out
from libs.common.commands import StoreSettings, UpdateBody
from libs.common.days import day_to_iso
from services.gateway import command_shapes, matrix_shapes
from services.gateway.group_shapes import GroupShort

MANAGERS = 3
JOIN_URL = "https://chat.example/join/"


@dataclass(frozen=True, slots=True)
class Matrix:
    """A store's matrix once its plan was approved. `decided`: items of the plan by what became of them."""

    shown: matrix_shapes.Matrix
    decided: Mapping[str, int]
    planned: Planned


def make_groups(
    gateway: httpx.Client, store: str, day: int, mapping: ImportMapping, data: Path, console: Console
) -> Matrix:
    """Design the store on the day `day` (a day number) and approve the plan. Once a day: again it changes nothing."""
    with working("Segmentation reads the days") as say:

        def report(look: Look) -> None:
            say(f"Segmentation reads the days: {(look.matrix and look.matrix.day) or 'from the beginning'}")

        await_day(gateway, store, day, report)
    with working("Shops become districts") as say:
        for order in _wishes(store, day, mapping):
            carry_out(gateway, order)
        say("Groups are designed, and everybody put where it suits best")
        shown = await_plan(gateway, store)
        must_be_solved(gateway, store)
        say("Groups get managers and ways in")
        open_up(gateway, store, _facts)
        say("The plan is approved, and everybody invited")
        decided = approve_all(gateway, shown.plan) if shown.plan else None
        shown = await_plan(gateway, store)
        planned = read_planned(data, store)
    console.print(_said(decided))
    return Matrix(shown, decided.counts if decided else {}, planned)


def _wishes(store: str, day: int, mapping: ImportMapping) -> list[Order]:
    """Settings, districts, themes, and then the design."""
    path, on = f"/v1/stores/{store}", day_to_iso(day)
    return [
        Order("PUT", f"{path}/settings", f"demo-settings:{on}", StoreSettings(auto_open=True)),
        Order("PUT", f"{path}/districts", f"demo-districts:{on}", proximities_of(mapping)),
        Order("PUT", f"{path}/themes", f"demo-themes:{on}", GROCER),
        Order("POST", f"{path}/designs", f"demo-design:{on}"),
    ]


def _facts(group: GroupShort) -> UpdateBody:
    """A manager and a way into a group."""
    number = int(group.group_id.rpartition("~g")[2])
    return UpdateBody(managers=(f"manager-{number % MANAGERS + 1}",), join_url=f"{JOIN_URL}{number}")


def _said(decided: command_shapes.Outcome | None) -> str:
    counts = decided.counts if decided else {}
    said = ", ".join(f"{number:,} {what}" for what, number in sorted(counts.items()))
    return f"The plan's items: {said}." if said else "Nothing of the plan was left to decide."
