"""What the probes of a gateway process ask."""

from libs.common.kafka import LogUnavailable, probe_log
from libs.common.ops import Fault, OpsChecks
from libs.common.topics import MEMBER_EVENTS
from services.gateway.gateway import DATABASE_FAULTS, Gateway


def checks(gateway: Gateway) -> OpsChecks:
    """Ready once the keys are read, the views are there and the stream's ring is filled.

    What is down later shows among the dependencies.
    """
    return OpsChecks(
        live=gateway.writer.broken,
        ready=lambda: _ready(gateway),
        dependencies={
            "kafka": lambda: _kafka(gateway),
            "postgres": lambda: _postgres(gateway),
            "token_issuers": gateway.callers.issuers_fault,
        },
    )


def _ready(gateway: Gateway) -> Fault:
    if gateway.draining:
        return "draining"
    if not gateway.connected.is_set():
        return f"the database is not ready: {gateway.database_fault}"
    return gateway.live.fault


async def _kafka(gateway: Gateway) -> Fault:
    try:
        await probe_log(gateway.settings, MEMBER_EVENTS)
    except LogUnavailable as error:
        return str(error)
    return None


async def _postgres(gateway: Gateway) -> Fault:
    try:
        await gateway.positions()
    except DATABASE_FAULTS as error:
        return str(error) or type(error).__name__
    return None
