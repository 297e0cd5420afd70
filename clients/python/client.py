"""The client: keeps events, sends them batch after batch, and again until the door has said accepted or rejected."""

import json
import logging
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from . import answers
from .answers import body_of, cannot_take_together, refuses_caller, retry_after, verdicts
from .queue import Queue, Waiting

MAX_BYTES = 1 << 20  # the door's limits of a request
MAX_EVENTS = 1_000
CLOSE_SECONDS = 5.0

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rejection:
    """The door will never take this event; `code` and `path` say why."""

    event: Mapping[str, Any]
    code: str
    path: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Problem:
    """The door refuses this caller: 401 (key), 404 (scope), or another status of a wrong address."""

    status: int
    code: str = ""
    detail: str = ""


class Client:
    """Posts events of a store. What `track` has taken goes to the log, whatever ends, is cut or restarted meanwhile.

    A thread sends in the background, unless `background` is False: then `flush` does. `key` comes from QUNLI_KEY
    if it is not given. `queue`: a file, made where there is none; the oldest of more than `limit` events are dropped.
    Callbacks run in the thread that sends, `on_dropped` in the one that tracks; what they raise is logged.
    """

    def __init__(
        self,
        url: str,
        *,
        store_id: str,
        queue: str | Path,
        key: str | None = None,
        background: bool = True,
        batch: int = 200,
        limit: int = 100_000,
        timeout: float = 30.0,
        http: httpx.Client | None = None,
        on_rejected: Callable[[Rejection], object] | None = None,
        on_dropped: Callable[[int], object] | None = None,
        on_problem: Callable[[Problem], object] | None = None,
    ) -> None:
        self._url = f"{url.rstrip('/')}/v1/events"
        self._store_id = store_id
        self._headers = {
            "Authorization": f"Bearer {key or os.environ['QUNLI_KEY']}",
            "Content-Type": "application/json",
        }
        self._http = http or httpx.Client(timeout=timeout)
        self._on_rejected, self._on_dropped, self._on_problem = on_rejected, on_dropped, on_problem
        self._queue = Queue(queue, limit)
        self._most = self._size = min(batch, MAX_EVENTS)  # events in a request; a 413 lowers the first for good
        self._failures = self._refusals = 0  # requests in a row without a verdict, and refused
        self._not_before = 0.0  # on the monotonic clock: what Retry-After asked for
        self._sending = threading.Lock()
        self._news, self._ended = threading.Event(), threading.Event()
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="qunli-client", daemon=True) if background else None
        if self._thread:
            self._thread.start()

    def track(
        self,
        event_type: str,
        member_id: str,
        data: Mapping[str, Any],
        *,
        event_id: str | None = None,
        occurred_at: datetime | None = None,
        store_id: str | None = None,
    ) -> str:
        """Keep an event, to be sent soon; its id. Once this returns the event survives the end of the process.

        A receipt's own number makes the best id: the same purchase tracked twice then counts once. `occurred_at`
        needs a time zone; now if not given. TypeError or ValueError if it is no JSON; sqlite3.Error if it cannot be
        kept.
        """
        occurred_at = occurred_at or datetime.now().astimezone()
        if occurred_at.tzinfo is None:
            raise ValueError("occurred_at needs a time zone")
        event_id = event_id or secrets.token_hex(16)
        event = {
            "id": event_id,
            "type": event_type,
            "store_id": store_id or self._store_id,
            "member_id": member_id,
            "occurred_at": occurred_at.isoformat(timespec="milliseconds"),
            "data": data,
        }
        body = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        self._drop(self._queue.add(event_id, body))
        self._news.set()
        return event_id

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Send what waits, for so long at most. Whether nothing is left."""
        deadline = time.monotonic() + seconds
        while not self._queue.is_empty() and time.monotonic() < deadline:
            pause = self.send()
            time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
        return self._queue.is_empty()

    def send(self) -> float:
        """Send one batch of the oldest, one request at a time; the seconds to wait before the next."""
        with self._sending:
            wait = self._not_before - time.monotonic()
            events = [] if wait > 0 else self._queue.oldest(self._size, MAX_BYTES)
            return self._act(events, self._post(events)) if events else max(0.0, wait)

    @property
    def waiting(self) -> int:
        """How many events wait."""
        return len(self._queue)

    def close(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Send what waits, for so long at most, and end; a request under way is waited for. Whether nothing is left.

        What is left goes when the file is opened again.
        """
        empty = self.flush(seconds)
        self._ended.set()
        self._news.set()
        if self._thread:
            self._thread.join()
        self._http.close()
        self._queue.close()
        return empty

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._ended.is_set():
            self.close()

    def _run(self) -> None:
        """The background thread: as long as something waits, batch after batch."""
        while not self._ended.is_set():
            self._news.clear()
            pause = self._send_quietly()
            if pause > 0:
                self._ended.wait(pause)
            elif self._queue.is_empty():
                self._news.wait()

    def _send_quietly(self) -> float:
        try:
            return self.send()
        except Exception:  # a file that is locked or full: the thread must go on
            log.exception("sending failed; it is tried again")
            return self._back_off()

    def _post(self, events: Sequence[Waiting]) -> httpx.Response | None:
        body = b"[" + b",".join([event.body for event in events]) + b"]"
        try:
            return self._http.post(self._url, content=body, headers=self._headers)
        except (httpx.TransportError, httpx.DecodingError) as error:
            log.info("no answer from %s: %s", self._url, error or type(error).__name__)
            return None

    def _act(self, events: Sequence[Waiting], response: httpx.Response | None) -> float:
        if response is None:
            return self._back_off()
        body = body_of(response.content)
        results = verdicts(response.status_code, body, [event.id for event in events])
        if results is not None:
            return self._take(events, results, response)
        if cannot_take_together(response.status_code, body):
            return self._divide(events, response.status_code, body)
        if refuses_caller(response.status_code):
            return self._refused(Problem(response.status_code, body.get("code", ""), body.get("detail", "")))
        return self._back_off(response)

    def _take(self, events: Sequence[Waiting], results: Sequence[Mapping[str, Any]], response: httpx.Response) -> float:
        told = list(zip(events, results, strict=True))
        done = [event for event, one in told if one["result"] != "unknown"]
        self._queue.remove(done)
        self._refusals = 0
        self._failures = 0 if done else self._failures
        self._size = min(self._most, self._size * 2)
        for event, one in told:
            if one["result"] == "rejected":
                self._reject(event, one)
        return 0.0 if len(done) == len(events) else self._back_off(response)

    def _divide(self, events: Sequence[Waiting], status: int, body: Mapping[str, Any]) -> float:
        """The door cannot take these together: ask about fewer, and give up one that it does not take alone."""
        self._size = -(-len(events) // 2)
        if status == 413:
            self._most = self._size
        if len(events) == 1:
            self._queue.remove(events)
            self._reject(events[0], {"code": "too_large", **body})
        return 0.0

    def _reject(self, event: Waiting, why: Mapping[str, Any]) -> None:
        log.warning("event %s is rejected: %s %s", event.id, why.get("code", ""), why.get("path", ""))
        texts = {name: str(why.get(name, "")) for name in ("code", "path", "detail")}
        _tell(self._on_rejected, Rejection(json.loads(event.body), **texts))

    def _refused(self, problem: Problem) -> float:
        log.warning("%s refuses this caller: %d %s", self._url, problem.status, problem.code)
        pause = answers.REFUSED.draw(self._refusals, random.random())  # noqa: S311 - no secret
        self._refusals += 1
        _tell(self._on_problem, problem)
        return pause

    def _back_off(self, response: httpx.Response | None = None) -> float:
        pause = answers.AWAY.draw(self._failures, random.random())  # noqa: S311 - no secret
        self._failures += 1
        if response is not None and (asked := retry_after(response.headers.get("Retry-After"), time.time())):
            pause += asked
            self._not_before = time.monotonic() + pause
        return pause

    def _drop(self, number: int) -> None:
        if number:
            self.dropped += number
            log.warning("%d of the oldest events were dropped: more than fit wait already", number)
            _tell(self._on_dropped, number)


def _tell(callback: Callable[[T], object] | None, what: T) -> None:
    if callback:
        try:
            callback(what)
        except Exception:  # a mistake of the caller's must not end the sending
            log.exception("a callback failed")
