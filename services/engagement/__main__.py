"""The engagement process: `python -m services.engagement`."""

import logging
import sys

from libs.common import clock, ops, serving, telemetry
from libs.common.config import Settings, settings
from libs.common.errors import QunliError
from libs.common.postgres import create_pool
from libs.common.processor import Processor
from libs.common.topics import ENGAGEMENT_GROUP, MEMBER_EVENTS
from services.engagement.processor import Engagement
from services.engagement.store import Partition

log = logging.getLogger("engagement")


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
    telemetry.configure(configured, "engagement")
    pool = await create_pool(configured, application="qunli-engagement", schema="engagement", plain=True)
    try:
        logic = Engagement(configured)
        topic = configured.topic_name(MEMBER_EVENTS)
        processor = Processor(configured, pool, logic, group=ENGAGEMENT_GROUP, topic=topic)
        with serving.stopped_by_signals(processor.stop):
            async with ops.serve(configured, checks(processor, configured)):
                await processor.run()
    finally:
        pool.terminate()
        telemetry.shutdown()


if __name__ == "__main__":
    try:
        with serving.calm_collector():
            serving.run(main())
    except QunliError as error:
        log.critical("%s: %s", type(error).__name__, error)
        sys.exit(1)
