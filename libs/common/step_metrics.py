"""What a processor counts and measures of its steps and lanes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from libs.common import clock
from libs.common.counters import count, gauge, histogram

if TYPE_CHECKING:
    from libs.common.lane import Lane
    from libs.common.letters import Letter
    from libs.common.processor import Processor
    from libs.common.step import Record


class StepMetrics:
    """The numbers of the steps of one topic."""

    def __init__(self, topic: str) -> None:
        self._label = f'topic="{topic}"'
        self._durations = histogram("qunli_step_duration_seconds", self._label)
        self._visible = histogram("qunli_received_to_visible_seconds", self._label)
        for name in ("qunli_steps_total", "qunli_records_applied_total", "qunli_slices_total"):
            count(name, self._label, 0)

    def committed(
        self, records: Sequence["Record"], letters: Iterable["Letter"], *, began: float, is_slice: bool
    ) -> None:
        """A step is. `began`: monotonic seconds; `is_slice`: it did a slice of long work."""
        self._durations.observe(clock.monotonic() - began)
        count("qunli_steps_total", self._label)
        count("qunli_records_applied_total", self._label, len(records))
        if is_slice:
            count("qunli_slices_total", self._label)
        for letter in letters:
            count("qunli_dead_letters_total", f'{self._label},code="{letter.code}"')
        now = clock.now_ms()
        # The records of a request have their time in common.
        for received_at, times in Counter([record.timestamp for record in records]).items():
            self._visible.observe(max(now - received_at, 0) / 1000, times)

    def again(self, error: BaseException) -> None:
        """The database gave trouble: a step is begun again."""
        count("qunli_step_retries_total", f'{self._label},error="{type(error).__name__}"')


def duplicates(topic: str, number: int) -> None:
    """So many records of a committed step had come before."""
    count("qunli_duplicates_total", f'topic="{topic}"', number)


def measure_lanes(processor: "Processor[Any]") -> None:
    """Have the state of a process's lanes told."""
    topic, group = f'topic="{processor.topic}"', f'group="{processor.group}"'
    count("qunli_rebalances_total", group, 0)

    def lanes() -> Iterable["Lane[Any]"]:
        return list(processor.lanes.values())

    gauge("qunli_partitions_owned", lambda: {topic: len(processor.lanes)})
    gauge("qunli_queue_records", lambda: {topic: sum(lane.queued for lane in lanes())})
    gauge("qunli_outbox_unacknowledged_records", lambda: {group: sum(lane.publisher.depth for lane in lanes())})
    gauge(
        "qunli_outbox_age_seconds", lambda: {group: max((lane.publisher.waits_for() for lane in lanes()), default=0.0)}
    )
