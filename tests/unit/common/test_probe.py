"""The health check of a container."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from libs.common import probe


class Answers(BaseHTTPRequestHandler):
    """Ready, but not live."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/ready" else 503)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_it_asks_whether_the_process_is_ready(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUNLI_OPS_PORT", str(port))
    assert probe.main([]) == 0
    assert capsys.readouterr().out == "/health/ready\n"
    assert probe.main(["live"]) == 1


def test_no_answer_and_no_port_are_no_health(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUNLI_OPS_PORT", "1")
    assert probe.main([]) == 1
    assert "no answer on port 1" in capsys.readouterr().out
    monkeypatch.delenv("QUNLI_OPS_PORT")
    assert probe.main([]) == 2
