"""The segmentation process: `python -m services.segmentation`."""

import asyncio
import logging
import sys

from libs.common import clock, ops, serving, telemetry
from libs.common.config import Settings, settings
from libs.common.errors import QunliError
from libs.common.outbox import stop_task
from libs.common.postgres import create_pool
from libs.common.processor import Processor
from libs.common.topics import SEGMENTATION_GROUP, STORE_FEED
from services.segmentation.processor import Segmentation
from services.segmentation.solver import Solver
from services.segmentation.store import Partition

log = logging.getLogger("segmentation")


def checks(processor: Processor[Partition], configured: Settings) -> ops.OpsChecks:
    """What the probes of this process ask."""

    async def kafka() -> ops.Fault:
        silent = clock.monotonic() - processor.log_answers_at
        return f"no answer for {silent:.0f} s" if processor.lanes and silent > 15 else None

    async def postgres() -> ops.Fault:
        waiting = [str(number) for number, lane in processor.lanes.items() if lane.trouble]
        return f"partitions {', '.join(waiting)} wait for it" if waiting else None

    return ops.OpsChecks(
        live=lambda: None if processor.is_live else f"no poll for {configured.stuck_seconds:.0f} s",
        ready=lambda: None if processor.is_started else "Kafka has not answered yet",
        dependencies={"kafka": kafka, "postgres": postgres},
    )


async def main() -> None:
    """Run until SIGTERM, or until a promise is broken."""
    configured = settings()
    telemetry.configure(configured, "segmentation")
    pool = await create_pool(configured, application="qunli-segmentation", schema="segmentation", plain=True)
    try:
        logic, topic = Segmentation(configured), configured.topic_name(STORE_FEED)
        processor = Processor(configured, pool, logic, group=SEGMENTATION_GROUP, topic=topic)
        with serving.stopped_by_signals(processor.stop):
            async with ops.serve(configured, checks(processor, configured)):
                await run(configured, processor)
    finally:
        pool.terminate()
        telemetry.shutdown()


async def run(configured: Settings, processor: Processor[Partition]) -> None:
    """Apply records, and have plans solved beside."""
    solving = asyncio.create_task(Solver(configured, processor).run())
    solving.add_done_callback(lambda task: _ended(processor, task))
    try:
        await processor.run()
    finally:
        await stop_task(solving)


def _ended(processor: Processor[Partition], task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        processor.fail(error)


if __name__ == "__main__":
    try:
        with serving.calm_collector():
            serving.run(main())
    except QunliError as error:
        log.critical("%s: %s", type(error).__name__, error)
        sys.exit(1)
