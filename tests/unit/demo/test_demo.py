"""What the demo makes of the gateway's answers: weeks, lines to try."""

import datetime
import json

from deploy.local.demo.figures import Story, Week, weeks_of
from deploy.local.demo.show import check_in, curl_lines, weeks_table
from libs.common.activity import TIERS
from services.gateway.shapes import Tiers
from services.gateway.store_shapes import Store, StoreDay


def a_day(day: str, weekly: int, *, closed: bool = True, up: int = 0, down: int = 0) -> StoreDay:
    return StoreDay(
        day=day,
        closed=closed,
        active=3,
        by_tier=Tiers(weekly=weekly) if closed else None,
        up=0,
        down=0,
        weekly_to_daily=up,
        weekly_to_monthly=down,
        to_lost=0,
        joins=0,
        left=0,
        visits=0,
        purchases=0,
        amounts={},
    )


def a_store(day: str = "2017-07-02") -> Store:
    return Store(
        store_id="grocer",
        day=day,
        closed_day="2017-07-01",
        members=7,
        by_tier=Tiers(weekly=7),
        active_now=0,
        dau=1,
        wau=2,
        mau=4,
        stickiness=0.25,
    )


def a_week(day: str = "2017-01-08", weekly: int = 5) -> Week:
    tiers = {str(tier): 0 for tier in TIERS} | {"weekly": weekly}
    return Week(datetime.date.fromisoformat(day), tiers, 9, 2, 1)


def test_a_week_ends_as_its_last_closed_day_and_sums_its_flows() -> None:
    days = [
        a_day("2017-01-01", 4, up=1),
        a_day("2017-01-02", 5, down=2),
        a_day("2017-01-08", 6, up=3, down=1),
        a_day("2017-01-09", 7),
        a_day("2017-01-10", 8, closed=False, up=9),
    ]
    weeks = weeks_of(days)
    assert [(week.day.isoformat(), week.by_tier["weekly"]) for week in weeks] == [
        ("2017-01-01", 4),
        ("2017-01-08", 6),
        ("2017-01-09", 7),
    ]
    assert [(week.weekly_to_daily, week.weekly_to_monthly) for week in weeks] == [(1, 0), (3, 3), (0, 0)]


def test_tiers_that_nobody_has_had_take_no_column() -> None:
    headings = [str(column.header) for column in weeks_table([a_week()]).columns]
    assert headings == ["week up to", "weekly", "to daily", "to monthly"]


def test_the_visit_to_try_is_at_noon_of_the_open_day_where_the_store_is() -> None:
    assert json.loads(check_in(a_store(), "hh-1", "Europe/Berlin"))["occurred_at"] == "2017-07-02T12:00:00+02:00"


def test_no_line_to_try_holds_a_key() -> None:
    lines = curl_lines(Story(a_store(), [a_week()], 0, []), "qunli env --data x", "UTC")
    assert len(lines) == 4
    assert all("$QUNLI_KEY" in line for line in lines[1:])
    assert not any("qk_" in line for line in lines)
