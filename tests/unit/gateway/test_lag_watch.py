"""What the rows of the processors alone tell."""

from typing import Any

from services.gateway.lag_watch import of_rows

TODAY = 20_514


def a_row(service: str = "engagement", partition: int = 0, **columns: Any) -> dict[str, Any]:
    of_it = {"next_offset": 0, "epoch": 1, "fenced": 0, "close_offset": None, "closed_day": TODAY - 1, "outbox": 0}
    return {"service": service, "topic": "t", "partition": partition, "partitions": 2} | of_it | columns


def test_days_behind_are_those_of_the_last_partition() -> None:
    rows = [a_row(), a_row(partition=1, closed_day=TODAY - 4), a_row("segmentation")]
    assert of_rows(rows, TODAY)["qunli_days_behind"] == {'group="engagement"': 3, 'group="segmentation"': 0}


def test_a_day_that_was_closed_early_is_no_day_ahead() -> None:
    assert of_rows([a_row(closed_day=TODAY)], TODAY)["qunli_days_behind"] == {'group="engagement"': 0}


def test_before_the_first_close_nobody_knows() -> None:
    assert of_rows([a_row(), a_row(partition=1, closed_day=None)], TODAY)["qunli_days_behind"] == {}


def test_numbers_of_partitions() -> None:
    found = of_rows([a_row(outbox=5, epoch=7, fenced=2), a_row(partition=1, close_offset=9)], TODAY)
    of_0, of_1 = (f'topic="t",partition="{n}",group="engagement"' for n in (0, 1))
    assert found["qunli_outbox_records"] == {
        'group="engagement",partition="0"': 5,
        'group="engagement",partition="1"': 0,
    }
    assert found["qunli_takeovers_total"] == {of_0: 7, of_1: 1}
    assert found["qunli_steps_fenced_total"] == {of_0: 2, of_1: 0}
    assert found["qunli_closes_running"] == {'group="engagement"': 1}
