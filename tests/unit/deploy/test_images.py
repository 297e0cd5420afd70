"""Digests of images: which are named, what a registry is asked, and what is written."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.tools import images
from deploy.tools.images import FILES, ROOT, Image, NoDigest, digest_of, named, pin, pinned

DIGEST, OLD = f"sha256:{'ab' * 32}", f"sha256:{'cd' * 32}"


@pytest.mark.parametrize(
    ("name", "host", "there"),
    [
        ("postgres", "registry-1.docker.io", "library/postgres"),
        ("apache/kafka", "registry-1.docker.io", "apache/kafka"),
        ("ghcr.io/cloudnative-pg/postgresql", "ghcr.io", "cloudnative-pg/postgresql"),
        ("registry.example.com:5000/retail/tool", "registry.example.com:5000", "retail/tool"),
    ],
)
def test_a_name_says_whom_to_ask(name: str, host: str, there: str) -> None:
    assert Image(name, "1.0").place == (host, there)


def test_every_image_of_others_is_found() -> None:
    found = {image.name for name in FILES for image in named((ROOT / name).read_text(encoding="utf-8"))}
    assert {"python", "postgres", "apache/kafka", "grafana/grafana", "ghcr.io/cloudnative-pg/postgresql"} <= found
    assert "qunli" not in found


def test_a_digest_is_added_replaced_or_left() -> None:
    text = f"FROM python:3.11.1-slim AS build\n  image: a/b:1.2.3@{OLD} # why\n  image: c:4\n  image: qunli:0.1.0\n"
    new = pinned(text, {Image("python", "3.11.1-slim"): DIGEST, Image("a/b", "1.2.3"): DIGEST})
    assert new == (
        f"FROM python:3.11.1-slim@{DIGEST} AS build\n  image: a/b:1.2.3@{DIGEST} # why\n  image: c:4\n"
        "  image: qunli:0.1.0\n"
    )
    assert pinned(new, {}) == new


def test_what_no_registry_tells_stays_and_is_said(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("  image: a/b:1\n  image: c/d:2\n")
    said: list[str] = []

    def digest(image: Image) -> str:
        if image.name == "c/d":
            raise NoDigest(image=image, reason="its registry does not answer")
        return DIGEST

    assert not pin(tmp_path, digest, said.append)
    assert (tmp_path / "docker-compose.yml").read_text() == f"  image: a/b:1@{DIGEST}\n  image: c/d:2\n"
    assert said == [f"a/b:1 is {DIGEST}", "c/d:2: its registry does not answer: it stays as it is"]


class Registry(BaseHTTPRequestHandler):
    """Speaks as a registry does: a token first, then the digest."""

    def do_HEAD(self) -> None:
        if self.headers["Authorization"] != "Bearer for-everybody":
            self.send_response(401)
            realm = f"http://{self.headers['Host']}/token"
            self.send_header("WWW-Authenticate", f'Bearer realm="{realm}",service="here",scope="repository:a/b:pull"')
        elif self.path == "/v2/a/b/manifests/1.0" and "oci.image.index" in self.headers["Accept"]:
            self.send_response(200)
            self.send_header("Docker-Content-Digest", DIGEST)
        else:
            self.send_response(404)
        self.end_headers()

    def do_GET(self) -> None:
        assert self.path == "/token?service=here&scope=repository%3Aa%2Fb%3Apull"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"token": "for-everybody"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_registry_is_asked_as_everybody_may_ask(registry: str) -> None:
    assert digest_of(Image(f"{registry}/a/b", "1.0"), "http") == DIGEST
    with pytest.raises(NoDigest, match=r"answers 404 and no digest; is the tag right\?"):
        digest_of(Image(f"{registry}/a/b", "2.0"), "http")


def test_a_registry_that_is_away_is_named() -> None:
    with pytest.raises(NoDigest, match=r"127\.0\.0\.1:1/a:1: 127\.0\.0\.1:1 does not answer"):
        digest_of(Image("127.0.0.1:1/a", "1"))


def test_the_command_tells_of_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "pin", lambda *_: False)
    assert images.main() == 1
