"""The console's files as they are served: read once, named by what they hold, packed once."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).with_name("console")
PAGE = "index.html"
VENDOR = "vendor/"  # modules of others, put there at set-up
NEEDED = ("vendor/preact.js", "vendor/hooks.js", "vendor/htm.js", "vendor/echarts.js", "vendor/licences.json")
MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file. `packed`: the same as gzip."""

    body: bytes
    packed: bytes
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class Console:
    """The page and what it loads. `version` changes with any file, and stands in the address of each."""

    version: str
    page: Asset
    files: Mapping[str, Asset]
    missing: tuple[str, ...]


@cache
def load_console(folder: Path = FOLDER) -> Console:
    """Every file of a folder; `missing`: the modules of others that are not there."""
    bodies = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in MEDIA_TYPES and path.is_file()
    }
    page = bodies.pop(PAGE)
    version = _digest(b"".join(name.encode() + b"\0" + body for name, body in [(PAGE, page), *bodies.items()]))
    files = {name: _asset(name, body) for name, body in bodies.items()}
    return Console(
        version=version,
        page=_asset(PAGE, _named(page, version, list(bodies))),
        files=files,
        missing=tuple(name for name in NEEDED if name not in files),
    )


def _asset(name: str, body: bytes) -> Asset:
    packed = gzip.compress(body, compresslevel=6, mtime=0)
    return Asset(body, packed, MEDIA_TYPES[Path(name).suffix], f'"{_digest(body)}"')


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()[:16]


def _named(page: bytes, version: str, names: list[str]) -> bytes:
    """The page with the addresses of this version, and of all our modules: so none waits for another's imports."""
    modules = [name for name in names if name.endswith(".js") and name not in ("boot.js", "vendor/echarts.js")]
    links = "\n".join(f'<link rel="modulepreload" href="/console/{version}/{name}">' for name in modules)
    return page.replace(b"<!-- modules -->", links.encode()).replace(b"{{version}}", version.encode())
