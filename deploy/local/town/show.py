"""What a town was made of and what became of it, in the terminal."""

from collections.abc import Sequence

from rich.table import Table

from deploy.local.town.truth import StoreTruth
from libs.common.activity import TIERS
from services.gateway import store_shapes

EVENTS = {"join": "joins", "message": "messages", "check_in": "visits", "purchase": "purchases", "leave": "leaves"}


def made_table(made: Sequence[StoreTruth]) -> Table:
    """A row per store: members at the end, and events by type."""
    rows = [(store.store_id, [store.present, *(store.events.get(kind, 0) for kind in EVENTS)]) for store in made]
    return _table("What was made", ["members", *EVENTS.values()], rows)


def tiers_table(shown: Sequence[store_shapes.Store]) -> Table:
    """A row per store: its members by tier, as the gateway shows them."""
    rows = [(store.store_id, [getattr(store.by_tier, tier) for tier in TIERS]) for store in shown]
    return _table("Members by tier, as the gateway shows them", [*TIERS], rows)


def _table(title: str, headings: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]) -> Table:
    table = Table(title=title, box=None, title_justify="left", title_style="bold")
    table.add_column("store", no_wrap=True)
    for heading in headings:
        table.add_column(heading.replace("thrice_daily", "3 a day"), justify="right")
    for store, numbers in rows:
        table.add_row(store, *(f"{number:,}" for number in numbers))
    if len(rows) > 1:
        sums = zip(*(numbers for _, numbers in rows), strict=True)
        table.add_row("all", *(f"{sum(column):,}" for column in sums), style="bold")
    return table
