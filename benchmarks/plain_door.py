"""The plain way to build this door, to compare with: FastAPI, pydantic bodies, `send_and_wait`, contrib OpenTelemetry.

What somebody competent writes from the documentation of FastAPI and aiokafka. Where there is a choice it is made in
its favour: no access log, no compression, no response beyond what the real door gives, one worker like the real door.
It leaves out what would cost it more: keys that stand twice, text turned into topics, limits, a verdict of its own
for each event of a body that does not fit.
"""

import asyncio
import datetime
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

import uvicorn
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import Body, FastAPI, HTTPException, Request
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from pydantic import BaseModel, Field

from benchmarks.plain_events import Event
from benchmarks.plain_keys import Stores
from libs.common import clock
from libs.common.config import Settings, settings

KEY = "PLAIN_DOOR_KEY"  # the environment variable with the one key that it knows
TOPIC = "plain-events"
ONE, MANY = "/v1/events", "/v1/events/batch"
AHEAD = datetime.timedelta(minutes=5)


class Verdict(BaseModel):
    id: str
    result: Literal["accepted", "unknown"]


class Answer(BaseModel):
    accepted: int
    rejected: int
    unknown: int
    results: list[Verdict]


async def post_one(request: Request, event: Annotated[Event, Body()], stores: Stores) -> Answer:
    """One event a request."""
    return _answer([await _send(request.app.state.producer, event, stores)])


async def post_many(
    request: Request, events: Annotated[list[Event], Body(), Field(min_length=1, max_length=1000)], stores: Stores
) -> Answer:
    """Several: they are sent side by side."""
    producer = request.app.state.producer
    return _answer(await asyncio.gather(*(_send(producer, event, stores) for event in events)))


async def _send(producer: AIOKafkaProducer, event: Event, stores: frozenset[str]) -> Verdict:
    now = datetime.datetime.fromtimestamp(clock.now_ms() / 1000, datetime.UTC)
    if not 2000 <= event.occurred_at.year < 2200 or event.occurred_at > now + AHEAD:
        raise HTTPException(422, "occurred_at")
    if "*" not in stores and event.store_id not in stores:
        raise HTTPException(404)
    value = event.model_dump_json(exclude={"data": {"text"}}, exclude_unset=True).encode()
    try:
        await producer.send_and_wait(TOPIC, value, key=event.member_id.encode())
    except KafkaError:
        return Verdict(id=event.id, result="unknown")
    return Verdict(id=event.id, result="accepted")


def _answer(verdicts: list[Verdict]) -> Answer:
    accepted = sum(verdict.result == "accepted" for verdict in verdicts)
    return Answer(accepted=accepted, rejected=0, unknown=len(verdicts) - accepted, results=verdicts)


def make_app(chosen: Settings, key: str) -> FastAPI:
    """The app. FastAPI's own telemetry is off, for the contrib instrumentation does the same."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        producer = AIOKafkaProducer(bootstrap_servers=chosen.kafka_bootstrap, acks="all")
        await producer.start()
        app.state.producer = producer
        yield
        await producer.stop()

    app = FastAPI(lifespan=lifespan, telemetry={"tracing": False, "metrics": False, "logs": False})
    app.state.keys = {hashlib.sha256(key.encode()).digest(): frozenset({"*"})}
    app.add_api_route(ONE, post_one, methods=["POST"], status_code=202)
    app.add_api_route(MANY, post_many, methods=["POST"], status_code=202)
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(0.01)))
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
    return app


def main() -> None:
    """Serve as uvicorn's documentation says, with its fast parts."""
    chosen = settings()
    app = make_app(chosen, os.environ[KEY])
    uvicorn.run(
        app,
        host=chosen.host,
        port=chosen.ingest_port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
