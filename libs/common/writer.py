"""The writer behind the doors: the records of many requests on one topic, each acknowledged or known as unknown."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from libs.common import clock
from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.kafka import LogUnavailable, close, make_client, why
from libs.common.sending import Record, Request, Sender
from libs.common.topics import Topic

RECONNECT_SECONDS = 1.0
SWEEP_SECONDS = 0.1  # how late an answer may be that nobody gives
STOP_SECONDS = 2.0
# aiokafka settles every request within its time-out. One that is older than this never will be.
STUCK_FACTOR = 4

__all__ = ["LogWriter", "Record", "TooMuchInFlight", "WrongPartitions"]

log = logging.getLogger(__name__)


class TooMuchInFlight(QunliError):
    """{records} records ({size} bytes) wait for the log's acknowledgement already"""


class WrongPartitions(QunliError):
    """Topic {topic} has {found} partitions instead of {expected}: its keys would go astray"""


class LogWriter:
    """Appends the records of many requests to one topic.

    What arrives in the same moment goes in one request to Kafka, which has one of them at a time. Bounded by records
    and bytes. An answer comes within `produce_timeout_seconds`, whatever the broker does; a record without an offset
    is unknown: it may be on the log or not.
    """

    def __init__(self, settings: Settings, topic: Topic, client_id: str) -> None:
        self._settings = settings
        self._topic = topic
        self._client_id = client_id
        self._loop: asyncio.AbstractEventLoop
        self._client: AIOKafkaClient | None = None
        self._sender: Sender | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._unanswered: deque[Request] = deque()  # in the order of their deadlines
        self._sweeping: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to connect, and go on trying while the broker is away; `append` refuses meanwhile."""
        self._loop = asyncio.get_running_loop()  # kept: to ask for it is a system call
        self._connecting = asyncio.create_task(self._connect())

    @property
    def connected(self) -> bool:
        """Whether a broker has been reached since the start."""
        return self._sender is not None

    def broken(self) -> str | None:
        """Why this writer will never work again, if so: the process should end and be restarted."""
        if self._sender is None:
            return None
        limit = STUCK_FACTOR * self._settings.produce_timeout_seconds
        if clock.monotonic() - self._sender.waits_since() > limit:
            return f"a request to Kafka has had no outcome for {limit:.0f} s"
        return "the sender has failed" if self._sender.failed else None

    async def append(self, records: Sequence[Record]) -> list[int | None]:
        """Write records in order, and give each one's offset; None = unknown.

        TooMuchInFlight or LogUnavailable: none of them was or will be written.
        """
        sender = self._sender
        if sender is None:
            raise LogUnavailable(reason="no broker has been reached yet")
        if not records:
            return []
        request = self._admit(sender, records)
        sender.send(request)
        self._watch(request)
        try:
            await request.done
        finally:
            request.given_up = True  # what is still queued is not sent: its caller comes again with the same ids
        return request.offsets.copy()

    async def stop(self) -> None:
        """Disconnect. Whoever waited for a record has had an answer: what is still in flight is unknown to them."""
        if self._connecting:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        if self._sender:
            await self._sender.stop(STOP_SECONDS)
        if self._client:
            await close(self._client, seconds=STOP_SECONDS)

    async def _connect(self) -> None:
        while self._sender is None:
            client = make_client(self._settings, self._client_id)
            try:
                await self._open(client)
            except (KafkaError, OSError, TimeoutError, WrongPartitions) as error:
                log.warning("no log yet at %s: %s", self._settings.kafka_bootstrap, await why(self._settings, error))
                await close(client, seconds=1)
                await asyncio.sleep(RECONNECT_SECONDS)
            except BaseException:
                await close(client, seconds=1)
                raise
            else:
                self._client = client
                self._sender = Sender(client, self._settings, self._topic, self._client_id)

    async def _open(self, client: AIOKafkaClient) -> None:
        name = self._settings.topic_name(self._topic)
        async with asyncio.timeout(self._settings.produce_timeout_seconds):
            known = client.set_topics([name])
            await client.bootstrap()
            await known
        found = len(client.cluster.partitions_for_topic(name) or ())
        if found != self._topic.partitions:
            raise WrongPartitions(topic=name, found=found, expected=self._topic.partitions)

    def _admit(self, sender: Sender, records: Sequence[Record]) -> Request:
        count = len(records)
        size = sum([len(record.value or b"") + len(record.key or b"") for record in records])
        limits = self._settings
        if sender.records + count > limits.produce_max_records or sender.bytes + size > limits.produce_max_bytes:
            raise TooMuchInFlight(records=sender.records, size=sender.bytes)
        deadline = clock.monotonic() + limits.produce_timeout_seconds
        return Request(records, size, [None] * count, self._loop.create_future(), deadline)

    def _watch(self, request: Request) -> None:
        """See to it that a request ends in time. One timer serves all: one for each would cost more than the rest."""
        self._unanswered.append(request)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        now = clock.monotonic()
        while self._unanswered and (self._unanswered[0].done.done() or self._unanswered[0].deadline <= now):
            request = self._unanswered.popleft()
            if not request.done.done():
                request.done.set_result(None)
        self._sweeping = self._loop.call_later(SWEEP_SECONDS, self._sweep) if self._unanswered else None
