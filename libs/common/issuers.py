"""Who may issue member tokens: the file that `QUNLI_TOKEN_ISSUERS` names.

- issuer: https://members.example.com      # the tokens' iss
audience: qunli                          # their aud
jwks: https://members.example.com/jwks   # or the path of a file, from this one's folder
stores: [sh-001, sh-002]                 # or "*"; a token speaks for none but these
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from libs.common.caller import ALL_STORES
from libs.common.errors import UserError
from libs.common.events import Id
from libs.common.key_source import KeySource, SourceFailed, is_address, is_safe_address

SETTING = "QUNLI_TOKEN_ISSUERS"
_Text = Annotated[str, Meta(min_length=1, max_length=512)]


class _Entry(Struct, frozen=True, forbid_unknown_fields=True):
    issuer: _Text
    audience: _Text
    jwks: _Text
    stores: Annotated[tuple[Id, ...], Meta(min_length=1)] | Literal["*"]


@dataclass(frozen=True, slots=True)
class Issuer:
    """One who may issue tokens, for these stores."""

    name: str
    audience: str
    stores: frozenset[str]
    source: KeySource

    def own(self, stores: Iterable[str]) -> frozenset[str]:
        """Of these stores, those that this issuer speaks for."""
        asked = frozenset(stores)
        return asked if ALL_STORES in self.stores else asked & self.stores


Issuers = Mapping[str, Issuer]


def load_issuers(path: str) -> Issuers:
    """The issuers of a file by name, with the keys of those that are files; "" has none. UserError."""
    if not path:
        return {}
    entries = _read(Path(path))
    issuers = {entry.issuer: _issuer(entry, Path(path)) for entry in entries}
    if len(issuers) < len(entries):
        raise _bad(path, "an issuer stands twice")
    for issuer in issuers.values():
        _read_keys(issuer, path)
    return issuers


def _read(path: Path) -> list[_Entry]:
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=list[_Entry])
    except OSError as error:
        raise _bad(str(path), error.strerror or type(error).__name__) from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise _bad(str(path), str(error)) from error


def _issuer(entry: _Entry, file: Path) -> Issuer:
    location = entry.jwks
    if not is_address(location):
        location = str(file.parent / Path(location).expanduser())
    elif not is_safe_address(location):
        raise _bad(str(file), f"the jwks of {entry.issuer} must be a path or an https address")
    return Issuer(entry.issuer, entry.audience, frozenset(entry.stores), KeySource(entry.issuer, location))


def _read_keys(issuer: Issuer, path: str) -> None:
    if issuer.source.is_file:
        try:
            issuer.source.read_file()
        except SourceFailed as error:
            raise _bad(path, f"the keys of {issuer.name} cannot be read: {error}") from error


def _bad(path: str, why: str) -> UserError:
    todo = f"Mend the file that {SETTING} names: a list of {{issuer, audience, jwks, stores}}; the README shows one."
    return UserError(" ".join(f"{path} does not fit: {why}.".split()), todo)


class Refreshing:
    """The background work that keeps the keys of some issuers fresh."""

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._tasks = [asyncio.create_task(issuer.source.run()) for issuer in self._issuers.values()]

    async def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
