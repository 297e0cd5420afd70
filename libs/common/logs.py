"""What a process says of itself on its standard error, as text for who sits before it, or as JSON for machines.

JSON has one object a line: time (UTC), level, service, environment, logger, message, and, inside of a request or step,
trace_id and span_id; of an exception its type and where it was raised, and its words only where they are ours or of the
network: those of a database may quote a row, and with it a member.
"""

import datetime
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from aiokafka.errors import KafkaError
from pythonjsonlogger.json import JsonFormatter

from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.traceparents import trace_id_of

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
OF = "traceparent"  # an attribute of a record: of what it tells, where that runs no more
SPEAKABLE = (QunliError, KafkaError, ConnectionError)  # whose words name no row

Traceparent = Callable[[], str | None]


def configure(
    settings: Settings, service: str, traceparent: Traceparent = lambda: None, level: int = logging.INFO
) -> None:
    """Have this process's log in the form that the settings name. `traceparent`: of what runs when it is written."""
    handler = logging.StreamHandler()
    is_json = settings.log_format == "json"
    handler.setFormatter(_Json(service, settings.environment, traceparent) if is_json else logging.Formatter(TEXT))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # What uvicorn warns of is what clients do wrong, as often as they like; httpx names every address that it asks.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if is_json:
        sys.excepthook = _last_words


def are_json() -> bool:
    """Whether what is said is JSON."""
    return any(isinstance(handler.formatter, _Json) for handler in logging.getLogger().handlers)


def _last_words(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """Instead of Python's own, which are no JSON."""
    logging.getLogger("process").critical("the process ends by an error", exc_info=(kind, error, at))


class _Json(JsonFormatter):
    def __init__(self, service: str, environment: str, traceparent: Traceparent) -> None:
        super().__init__(
            ["asctime", "levelname", "name", "message"],
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            static_fields={"service": service, "environment": environment},
        )
        self._traceparent = traceparent

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        message_dict.pop("exc_info", None)
        super().add_fields(log_data, record, message_dict)
        log_data.pop(OF, None)
        if record.name == "asyncio":  # behind its first line it shows the task, and what that raised
            log_data["message"] = record.getMessage().partition("\n")[0]
        if parent := getattr(record, OF, None) or self._traceparent():
            log_data["trace_id"], log_data["span_id"] = trace_id_of(parent), parent[36:52]
        if record.exc_info and (error := record.exc_info[1]):
            log_data["error"], log_data["stack"] = describe(error), list(_stack(error))


def describe(error: BaseException) -> str:
    """An exception's type, and what it says if that can name nobody."""
    kind = type(error).__name__
    return f"{kind}: {error}" if isinstance(error, SPEAKABLE) and str(error) else kind


def _stack(error: BaseException) -> Iterator[str]:
    """Where it came from, outermost first; what caused it after it."""
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"{frame.filename}:{frame.lineno} {frame.name}"
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield f"caused by {describe(cause)}"
        yield from _stack(cause)
