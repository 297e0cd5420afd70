"""Show it all: a year of a real grocer's baskets through the real door, and what came out."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.local.command_line import console, fetch_jars, fetch_zipkin, new_app
from libs.common.errors import UserError

app = new_app()

Days = Annotated[int | None, typer.Option(min=1, help="Only so many days of the year.")]
Leave = Annotated[bool, typer.Option("--exit", help="End after printing; else it stays up until Ctrl-C.")]
OfTown = Annotated[bool, typer.Option("--town", help="Then a made-up town, whose groups live for four weeks.")]
Elsewhere = Annotated[
    bool,
    typer.Option("--elsewhere", help="No stack of its own: an empty one that `qunli compose-env` or the like names."),
]
Traces = Annotated[bool, typer.Option("--traces", help="With Zipkin, and the link of one event's whole way in it.")]
# Not QUNLI_DATA: a year of somebody else's baskets has no place among the data of a store.
Data = Annotated[Path, typer.Option("--data", help="The demo's own data folder.")]


@app.command()
def demo(
    days: Days = None,
    leave: Leave = False,
    town: OfTown = False,
    elsewhere: Elsewhere = False,
    traces: Traces = False,
    data: Data = Path(".qunli-demo"),
) -> None:
    """Show it all: a year of a real grocer's baskets through the real door, and what came out.

    Run again it finds the import finished, or goes on where it was cut off. --elsewhere takes QUNLI_INGEST,
    QUNLI_GATEWAY with QUNLI_KEY, QUNLI_DATABASE_URL (to read what was planned) and QUNLI_TIMEZONE.
    """
    from deploy.local.demo.demo import Choice, run

    if elsewhere and (town or traces):
        raise UserError("The town and Zipkin need a stack of their own.", "Leave out --elsewhere, or the other one.")
    if not elsewhere:
        fetch_jars()
    if traces:
        fetch_zipkin()
    run(Choice(data, days, leave, town, elsewhere, traces), console)
