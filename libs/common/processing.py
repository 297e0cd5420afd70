"""How a processor's process runs: the processor, its pool and its probes, until SIGTERM or a broken promise."""

import logging
import sys
from collections.abc import Callable
from typing import Any

from libs.common import clock, ops, serving, telemetry
from libs.common.config import Settings, settings
from libs.common.errors import QunliError
from libs.common.metrics import Service
from libs.common.postgres import acquire, create_pool
from libs.common.processor import Processor
from libs.common.rights import USERS
from libs.common.rights_check import check_rights
from libs.common.schema import check_schema
from libs.common.step import Logic, State
from libs.common.topics import Topic

SILENT_SECONDS = 15.0  # of Kafka, before the probe of what this process depends on tells

Prepare = Callable[[Processor[State]], None]


def run_processor(
    name: Service,
    group: str,
    source: Topic,
    logic: Callable[[Settings], Logic[State]],
    prepare: Prepare[State] = lambda _: None,
) -> None:
    """Run the processor of the service `name`, which is its schema too. `prepare`: what to do with it before it runs.

    What breaks a promise ends this process with status 1.
    """
    try:
        with serving.calm_collector():
            serving.run(_main(name, group, source, logic, prepare), name)
    except QunliError as error:
        logging.getLogger(name).critical("%s: %s", type(error).__name__, error)
        sys.exit(1)


async def _main(
    name: Service, group: str, source: Topic, logic: Callable[[Settings], Logic[State]], prepare: Prepare[State]
) -> None:
    configured = settings()
    telemetry.configure(configured, name)
    pool = await create_pool(configured, application=f"qunli-{name}", schema=name, plain=True)
    try:
        async with acquire(pool, configured.database_acquire_seconds) as connection:
            await check_schema(connection)
        topic = configured.topic_name(source)
        await check_rights(configured, USERS[name])
        processor = Processor(configured, pool, logic(configured), group=group, topic=topic)
        prepare(processor)
        with serving.stopped_by_signals(processor.stop):
            async with ops.serve(configured, name, _checks(processor)):
                await processor.run()
    finally:
        pool.terminate()
        telemetry.shutdown()


def _checks(processor: Processor[Any]) -> ops.OpsChecks:
    """What the probes of this process ask."""

    async def kafka() -> ops.Fault:
        silent = clock.monotonic() - processor.log_answers_at
        return f"no answer for {silent:.0f} s" if processor.lanes and silent > SILENT_SECONDS else None

    async def postgres() -> ops.Fault:
        waiting = [str(number) for number, lane in processor.lanes.items() if lane.trouble]
        return f"partitions {', '.join(waiting)} wait for it" if waiting else None

    return ops.OpsChecks(
        live=lambda: None if processor.is_live else f"no poll for {processor.settings.stuck_seconds:.0f} s",
        ready=lambda: None if processor.is_started else "Kafka has not answered yet",
        dependencies={"kafka": kafka, "postgres": postgres},
    )
