"""The demo with Zipkin: the link that it prints, in a real browser, is one event's way through all four services."""

import re
import signal
from pathlib import Path

import httpx
import pytest

from deploy.local.demo.trace import ALL, read_trace
from tests.console.browser import a_browser
from tests.e2e.test_demo import SECONDS, demo, until_it_stays

WAY = (
    "POST /v1/events", "send member-events", "process join", "send store-feed", "process joined", "process transition",
    "send placements", "deliver waiting", "deliver transition",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_demo_prints_a_link_that_shows_one_connected_trace(tmp_path: Path) -> None:
    process = demo(tmp_path / "data", "--traces")
    try:
        told = until_it_stays(process)
        assert all(name.lower() in told for name in WAY), told  # as Zipkin writes names
        [link] = re.findall(r"Zipkin shows it: (http\S+)", told)
        zipkin, _, trace_id = link.partition("/zipkin/traces/")
        trace = read_trace(zipkin, trace_id)
        assert trace
        assert trace.is_whole
        assert _loose(zipkin) == []
        async with a_browser() as browser:
            page = await browser.new_page(viewport={"width": 1400, "height": 1000})
            await page.goto(link)
            for name in (*WAY, *ALL):
                await page.get_by_text(name.lower()).first.wait_for(timeout=30_000)
            await page.screenshot(path=tmp_path / "trace.png")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0


def _loose(zipkin: str) -> list[str]:
    """Of the last traces of the door: those that are not one tree."""
    parameters: dict[str, str | int] = {"serviceName": "qunli-ingest", "limit": 5, "lookback": 3_600_000}
    traces = httpx.get(f"{zipkin}/api/v2/traces", params=parameters, timeout=60, trust_env=False).json()
    assert len(traces) == 5
    found = []
    for spans in traces:
        ids = {span["id"] for span in spans}
        if len([span for span in spans if span.get("parentId") not in ids]) != 1:
            found.append(spans[0]["traceId"])
    return found
