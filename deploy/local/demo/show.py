"""The demo's findings in the terminal."""

import datetime
import sys
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from deploy.local.background import Reachable
from deploy.local.demo.figures import SLIPPED_DAYS, Story, Week
from deploy.local.sessions import make_link
from libs.common.activity import TIERS
from libs.common.days import day_from_iso, day_to_date
from services.gateway import store_shapes

HEADINGS = {"thrice_daily": "3 a day"}
STYLES = {"thrice_daily": "bold red", "daily": "red", "weekly": "yellow", "monthly": "cyan", "lost": "dim"}


def show_story(console: Console, story: Story, picture: Path) -> None:
    """Tiers and flows by week, the year in a few sentences, and who is slipping away."""
    store = story.store
    console.print(weeks_table(story.weeks))
    console.print(f"The picture of it: {picture}")
    console.print()
    up = sum(week.weekly_to_daily for week in story.weeks)
    down = sum(week.weekly_to_monthly for week in story.weeks)
    console.print(
        f"[bold]{store.members:,}[/] members; active on the last day {store.dau or 0:,}, in its week "
        f"{store.wau or 0:,}, in its month {store.mau or 0:,}: stickiness {store.stickiness or 0.0:.1%}."
    )
    console.print(
        f"Weekly to daily [bold red]{up:,}[/] times, weekly to monthly [bold cyan]{down:,}[/] times over these days."
    )
    console.print()
    if story.slipping:
        console.print(slipping_table(story))
        console.print()


def weeks_table(weeks: Sequence[Week]) -> Table:
    """A row per week."""
    shown = [tier for tier in TIERS if any(week.by_tier[tier] for week in weeks)]
    table = Table(
        title="Members by tier at the end of each week, and who went from weekly to daily and to monthly in it",
        box=None,
        title_justify="left",
        title_style="bold",
    )
    table.add_column("week up to", no_wrap=True)
    for tier in shown:
        table.add_column(HEADINGS.get(tier, tier), justify="right", style=STYLES.get(tier, ""))
    for heading, style in (("to daily", "red"), ("to monthly", "cyan")):
        table.add_column(heading, justify="right", style=style)
    for week in weeks:
        flows = (f"{week.weekly_to_daily:,}", f"{week.weekly_to_monthly:,}")
        table.add_row(week.day.isoformat(), *(f"{week.by_tier[tier]:,}" for tier in shown), *flows)
    return table


def slipping_table(story: Story) -> Table:
    """The members who slipped lately and have most to lose."""
    title = (
        f"Slipping away now: {story.slipped:,} went from weekly to monthly in the last {SLIPPED_DAYS} days; "
        f"the {len(story.slipping)} with most to lose"
    )
    table = Table(title=title, box=None, title_justify="left", title_style="bold")
    table.add_column("member")
    table.add_column("district")
    table.add_column("score", justify="right")
    table.add_column("days of the last 30", justify="right")
    table.add_column("last seen", justify="right")
    table.add_column("monthly since", justify="right")
    for one in story.slipping:
        seen = (one.district or "", f"{one.score:.1f}", str(one.n30), one.last_active or "", one.since or "")
        table.add_row(one.member_id, *seen)
    return table


def show_curls(console: Console, story: Story, env: str, zone: str) -> None:
    """Lines to try in another terminal; the command `qunli ENV` gives it the key, which stands in none of them."""
    console.print("[bold]Try it[/] in another terminal:")
    for line in curl_lines(story, f"{_command()} {env}", zone):
        console.print(f"  {line}", soft_wrap=True, markup=False)


def _command() -> str:
    program = Path(sys.argv[0])
    return str(program) if program.name == "qunli" else "qunli"


def show_console(console: Console, doors: Reachable, data: Path | None) -> None:
    """Where the console is, and a link that logs in once. `data`: of a stack of ours; None: it runs elsewhere."""
    link = make_link(doors.gateway, doors.server_key)
    console.print(f"\n[bold]The console[/] is at {doors.gateway}/console; this link logs in, once, within 10 minutes:")
    console.print(f"  {link.url}", soft_wrap=True, markup=False)
    console.print(
        f"`{_command()} console{f' --data {data}' if data else ''}` prints another.\n", soft_wrap=True, markup=False
    )


def curl_lines(story: Story, env: str, zone: str) -> list[str]:
    """What to paste: the key and addresses, an explanation, a list, an event posted and read back."""
    store = story.store
    member = story.slipping[0].member_id if story.slipping else "hh-1"
    curl = 'curl -s -H "Authorization: Bearer $QUNLI_KEY"'
    page = "python3 -m json.tool"
    slipped = f"$QUNLI_GATEWAY/v1/stores/{store.store_id}/transitions?from=weekly&to=monthly&day={_last_week(store)}"
    post = f"-H 'Content-Type: application/json' -d '{check_in(store, member, zone)}' $QUNLI_INGEST/v1/events"
    after = "sed -n 's/^x-qunli-position: //Ip' /tmp/answer | tr -d '\\r'"
    read = f'-H "X-Qunli-After: $({after})" $QUNLI_GATEWAY/v1/members/{member}'
    return [
        f'eval "$({env})"',
        f"{curl} $QUNLI_GATEWAY/v1/members/{member}/explain | {page}   # why this tier and this score",
        f'{curl} -H "Accept: text/csv" "{slipped}"   # who slipped in the last week',
        f"{curl} -D /tmp/answer {post} && echo && {curl} {read} | {page}   # back by one visit: read your write",
    ]


def check_in(store: store_shapes.Store, member: str, zone: str) -> str:
    """A visit at noon of the store's open day, as JSON."""
    day = day_to_date(day_from_iso(store.day)) if store.day else day_to_date(0)
    noon = datetime.datetime.combine(day, datetime.time(12), ZoneInfo(zone)).isoformat()
    return (
        f'{{"id": "back-again", "type": "check_in", "store_id": "{store.store_id}", "member_id": "{member}", '
        f'"occurred_at": "{noon}", "data": {{"method": "qr"}}}}'
    )


def _last_week(store: store_shapes.Store) -> str:
    end = day_to_date(day_from_iso(store.day)) if store.day else day_to_date(0)
    return f"{end - datetime.timedelta(days=SLIPPED_DAYS - 1)}..{end}"
