"""A log in JSON: a line for each thing said, with its trace, and without the words of those who may name somebody."""

import asyncio
import json
import logging
import sys
from typing import Any

import asyncpg
import pytest

from libs.common import logs
from libs.common.config import Settings
from libs.common.postgres import DatabaseBusy

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
log = logging.getLogger("services.anything")
pytestmark = pytest.mark.usefixtures("logging_as_it_was")


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_what_stands_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json", environment="prod"), "ingest", lambda: PARENT)
    log.warning("a batch to %s/%d: 群", "member-events", 3)
    [line] = said(capsys)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "WARNING",
        "service": "ingest",
        "environment": "prod",
        "logger": "services.anything",
        "message": "a batch to member-events/3: 群",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
    }


def test_outside_of_a_request_there_is_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"), "ingest")
    log.info("two\nlines")
    [line] = said(capsys)
    assert line["message"] == "two\nlines"
    assert "trace_id" not in line


def fail(error: Exception) -> None:
    raise error


def fail_by(error: Exception) -> None:
    try:
        fail(error)
    except Exception as cause:
        raise RuntimeError("of m-42") from cause


def test_an_exception_has_its_type_and_place_and_not_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"), "engagement")
    try:
        fail_by(asyncpg.UniqueViolationError("Key (member_id)=(m-42) already exists"))
    except RuntimeError:
        log.exception("a step failed")
    [line] = said(capsys)
    assert (line["message"], line["error"]) == ("a step failed", "RuntimeError")
    assert any(frame.endswith(" fail") for frame in line["stack"])
    assert "caused by UniqueViolationError" in line["stack"]
    assert "m-42" not in json.dumps(line)


def test_what_is_ours_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"), "engagement")
    log.error("no", exc_info=DatabaseBusy(seconds=2))
    [line] = said(capsys)
    assert line["error"] == "DatabaseBusy: No connection to the database was free within 2 s"


def test_a_process_that_ends_by_an_error_says_so_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"), "engagement")
    sys.excepthook(ValueError, ValueError("m-42"), None)
    [line] = said(capsys)
    assert (line["level"], line["error"]) == ("CRITICAL", "ValueError")


async def test_a_task_that_nobody_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"), "engagement")
    loop = asyncio.get_running_loop()
    failed = loop.create_future()
    context = {"message": "Task exception was never retrieved", "exception": ValueError("m-42"), "future": failed}
    failed.set_exception(ValueError("m-42"))
    failed.exception()
    loop.default_exception_handler(context)
    [line] = said(capsys)
    assert line["message"] == "Task exception was never retrieved"
    assert "m-42" not in json.dumps(line)


def test_text_is_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(), "ingest", lambda: PARENT)
    log.info("ready")
    assert capsys.readouterr().err.endswith(" INFO services.anything: ready\n")
    assert not logs.are_json()
