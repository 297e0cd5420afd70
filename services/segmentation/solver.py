"""Sees to it that plans which are asked for are solved: one at a time, each in a process of its own.

Which requests are open is what the lanes' states say: nothing is kept here that a restart could lose. The answer goes
straight to store-feed; where it stands there, it counts if its plan is still asked for.
"""

import asyncio
import logging
import os
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator, Mapping
from signal import SIGSEGV

from aiokafka.errors import KafkaError

from libs.common import clock
from libs.common.config import Settings
from libs.common.counters import count, gauge, histogram
from libs.common.events import encode
from libs.common.failpoints import failpoint
from libs.common.feed import PlanHead, PlanSolved
from libs.common.processor import Processor
from libs.common.telemetry import produce_span
from libs.common.topics import STORE_FEED, partition_of
from libs.common.traceparents import header_pairs
from services.segmentation.exits import Exit
from services.segmentation.store import Partition

log = logging.getLogger("solver")

LOOK_SECONDS = 0.25
AGAIN_SECONDS = 2.0  # before a plan is tried again that could not be read, or whose store was under long work
RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0)


class Solver:
    """The solver's part of a process. `run` goes on until it is cancelled."""

    def __init__(self, settings: Settings, processor: Processor[Partition]) -> None:
        self._settings, self._processor = settings, processor
        self._topic = settings.topic_name(STORE_FEED)
        self._answered: dict[str, str] = {}  # store -> the plan that was answered last
        self._not_before: dict[str, float] = {}
        self._tried: dict[str, float] = {}
        gauge("qunli_plans_waiting", lambda: sum(1 for _ in self._asked()))
        for result in ("solved", "failed"):
            count("qunli_plans_total", f'result="{result}"', 0)

    async def run(self) -> None:
        """Solve what is asked for, for ever."""
        while True:
            # Whose last turn was longest ago: closes that follow each other fast leave nobody out.
            found = min(self._open(), key=lambda one: self._tried.get(one[0], 0.0), default=None)
            if found is None:
                await asyncio.sleep(LOOK_SECONDS)
            else:
                await self._see_to(*found)

    def _open(self) -> Iterator[tuple[str, str]]:
        """Stores of this process's partitions that wait for a plan, with its id."""
        now = clock.monotonic()
        return ((store_id, plan_id) for store_id, plan_id in self._asked() if self._not_before.get(store_id, 0) <= now)

    def _asked(self) -> Iterator[tuple[str, str]]:
        """Those, and the ones that are to be tried again later."""
        for lane in list(self._processor.lanes.values()):
            # Not before the log has said all that it had to say: a plan's answer may stand on it.
            requests: Mapping[str, str] = lane.state.requests if lane.has_caught_up else {}
            for store_id, plan_id in requests.items():
                if self._answered.get(store_id) != plan_id:
                    yield store_id, plan_id

    def _is_asked(self, store_id: str, plan_id: str) -> bool:
        """Whether a plan is still asked for: by a newer request or another owner its answer would be in vain."""
        lane = self._processor.lanes.get(partition_of(store_id, STORE_FEED.partitions))
        return lane is not None and lane.state is not None and lane.state.requests.get(store_id) == plan_id

    async def _see_to(self, store_id: str, plan_id: str) -> None:
        began = self._tried[store_id] = clock.monotonic()
        parts = await self._solve(store_id, plan_id)
        if parts is None:
            self._not_before[store_id] = clock.monotonic() + AGAIN_SECONDS
            return
        failpoint("solved")
        if not self._is_asked(store_id, plan_id):
            return
        await self._send(store_id, parts, self._trace(store_id))
        self._answered[store_id] = plan_id
        self._not_before.pop(store_id, None)
        label = f'result="{_result(parts)}"'
        count("qunli_plans_total", label)
        histogram("qunli_plan_duration_seconds", label).observe(clock.monotonic() - began)
        log.info("plan %s: %s in %.1f s", plan_id, _result(parts), clock.monotonic() - began)

    async def _solve(self, store_id: str, plan_id: str) -> list[bytes] | None:
        """The answer's parts; None if there is to be none now."""
        attempt = uuid.uuid4().hex
        process = await self._start(store_id, plan_id, attempt)
        try:
            failpoint("solving")
            said, _ = await asyncio.wait_for(process.communicate(), self._settings.solver_seconds)
        except TimeoutError:
            return _failed(store_id, plan_id, attempt, "deadline")
        finally:
            await _end(process)
        match process.returncode:
            case Exit.DONE:
                return said.splitlines()
            case Exit.NOT_ASKED | Exit.NO_DATABASE | Exit.ORPHAN:
                return None
            case status:
                log.error("plan %s: the solver ended with status %s", plan_id, status)
                return _failed(store_id, plan_id, attempt, _why(status))

    async def _start(self, store_id: str, plan_id: str, attempt: str) -> Process:
        argv = ("-P", "-m", "services.segmentation.solve", str(os.getpid()), store_id, plan_id, attempt)
        env = os.environ | {
            "QUNLI_DATABASE_URL": self._settings.database_url.get_secret_value(),
            "QUNLI_DATABASE_CA_FILE": self._settings.database_ca_file,
            "QUNLI_DATABASE_PASSWORD_FILE": self._settings.database_password_file,
            "QUNLI_TOPIC_PREFIX": self._settings.topic_prefix,
            "QUNLI_SOLVER_MEMORY_MB": str(self._settings.solver_memory_mb),
            # the solver is single-threaded, and each thread of a numeric library would take address space
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        return await asyncio.create_subprocess_exec(sys.executable, *argv, env=env, stdout=PIPE, stdin=PIPE)

    def _trace(self, store_id: str) -> str | None:
        """Of what asked for the plan, where this process heard it."""
        lane = self._processor.lanes.get(partition_of(store_id, STORE_FEED.partitions))
        return lane.state.traces.get(store_id) if lane is not None and lane.state is not None else None

    async def _send(self, store_id: str, parts: list[bytes], trace: str | None) -> None:
        """Again until it is acknowledged: the first attempt that is whole counts, and a part twice is one part."""
        partition = partition_of(store_id, STORE_FEED.partitions)
        for part in parts:
            failures = 0
            while not await self._sent(store_id, partition, part, trace):
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
            failpoint("part_sent")

    async def _sent(self, store_id: str, partition: int, part: bytes, trace: str | None) -> bool:
        try:
            with produce_span(self._topic, partition, parent=trace) as span:
                headers = header_pairs(span.traceparent)
                where = await self._processor.producer.send_and_wait(
                    self._topic, part, store_id.encode(), partition, headers=headers
                )
                span.written([(partition, where.offset)])
        except (KafkaError, TimeoutError) as error:
            log.warning("an answer of the solver is not acknowledged (%s)", type(error).__name__)
            return False
        return True


def _failed(store_id: str, plan_id: str, attempt: str, reason: str) -> list[bytes]:
    head = PlanHead(status="failed", reason=reason, solved_at=-1, algorithm="none", library="none")
    part = PlanSolved(store_id=store_id, plan_id=plan_id, attempt=attempt, part=0, of=1, head=head)
    return [encode(part)]


def _why(status: int | None) -> str:
    """A flow library that gets no memory aborts; so does what the system's killer ends."""
    if status == Exit.MEMORY or (status is not None and status < 0 and status != -SIGSEGV):
        return "memory"
    return "error"


def _result(parts: list[bytes]) -> str:
    return "failed" if b'"status":"failed"' in parts[0] else "solved"


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
