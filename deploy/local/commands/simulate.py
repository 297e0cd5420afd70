"""Make up a town of stores from a seed, and post its days through the door."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.local import folder as folders
from deploy.local.command_line import Data, console, new_app, print_line

if TYPE_CHECKING:
    from deploy.local.town.together import Together

app = new_app()

Seed = Annotated[int, typer.Option(min=0, max=999_999, help="Another seed, another town.")]
Stores = Annotated[int, typer.Option(min=1, max=50, help="A large one, and small ones beside it.")]
Members = Annotated[int, typer.Option(min=30, max=200_000, help="Of the large store, at the start.")]
Days = Annotated[int, typer.Option(min=1, max=3_660, help="How many; more of them later continues the town.")]
Start = Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="The first day.")]
Grouped = Annotated[
    str, typer.Option("--groups", help="none, join-order (filled as people come), or planned (by Qunli).")
]
Again = Annotated[bool, typer.Option("--again", help="Post every day once more; what is on the log counts once.")]
Url = Annotated[str, typer.Option(envvar="QUNLI_INGEST", help="An ingest elsewhere; its key is read from QUNLI_KEY.")]
Gateway = Annotated[str, typer.Option(envvar="QUNLI_GATEWAY", help="The gateway beside it, to show what came out.")]


@app.command()
def simulate(
    seed: Seed = 7,
    stores: Stores = 3,
    members: Members = 10_000,
    days: Days = 28,
    start: Start = "2026-09-01",
    groups: Grouped = "none",
    again: Again = False,
    url: Url = "",
    gateway: Gateway = "",
    data: Data = folders.DEFAULT,
) -> None:
    """Make up a town of stores from a seed, and post its days through the door.

    Each day is closed once all its events are acknowledged. Run again after an interruption it goes on from there.
    The same seed gives the same town.
    """
    from deploy.local.commands.import_ import elsewhere, local_target
    from deploy.local.importer.session import print_outcome
    from deploy.local.town.findings import findings, findings_table
    from deploy.local.town.planned import PLANNED
    from deploy.local.town.session import Wish, folder_of, run_planned, run_town, standings
    from deploy.local.town.show import made_table, tiers_table
    from deploy.local.town.town import Town, sizes_of

    town = Town(seed, sizes_of(stores, members), _day(start))
    wish = Wish(town, days, _grouping(groups), again)
    target = elsewhere(url, data, gateway) if url else local_target(data)
    lived: Sequence[Together] = ()
    if wish.groups == PLANNED:
        done, truth, lived = run_planned(wish, target, console)
    else:
        done, truth = run_town(wish, target, console)
    print_outcome(done, console, "posted")
    console.print(made_table(truth.stores))
    if target.gateway:
        console.print(tiers_table(standings(wish, done, target, console)))
    if lived:
        console.print(findings_table(findings(target, lived)))
    print_line(f"Who is influential, who only sits there, who likes what: {folder_of(wish, target) / 'town.json'}")


def _day(text: str) -> int:
    from libs.common.days import day_from_iso
    from libs.common.errors import UserError

    try:
        return day_from_iso(text)
    except ValueError as error:
        raise UserError(f"--start: {error}.", "") from error


def _grouping(name: str) -> str:
    from deploy.local.town.grouping import GROUPINGS
    from deploy.local.town.planned import PLANNED
    from libs.common.errors import UserError

    names = (*GROUPINGS, PLANNED)
    if name not in names:
        raise UserError(f"--groups is {name!r}.", f"It may be {' or '.join(names)}.")
    return name
