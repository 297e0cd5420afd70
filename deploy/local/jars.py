"""Jars: named with their checksums in a lock file, downloaded once, checked by us, then used offline.

Kafka's are those of jgo.lock.toml.
"""

import hashlib
import os
import pwd
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from libs.common.errors import UserError

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCK_FILE = Path(__file__).with_name("jgo.lock.toml")
DOWNLOADS_AT_ONCE = 6
TRIES = 3


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar."""

    group: str
    artifact: str
    version: str
    sha256: str
    classifier: str = ""

    @property
    def file_name(self) -> str:
        kind = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{kind}.jar"


def locked_jars(lock: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """Every jar of the lock file, in its order, which is the order of the class path."""
    entries = tomllib.loads(lock.read_text())["dependencies"]
    return tuple(
        Jar(e["groupId"], e["artifactId"], e["version"], e["sha256"], e.get("classifier", "")) for e in entries
    )


def cache_folder() -> Path:
    """Where downloads are kept: $XDG_CACHE_HOME/qunli, ~/.cache/qunli, or the system's place for temporary files."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    candidates = [Path(given)] if given.startswith("/") else []
    candidates += [home / ".cache" for home in _homes()]
    for candidate in candidates:
        if _can_hold(candidate / "qunli"):
            return candidate / "qunli"
    return Path(tempfile.gettempdir()) / f"qunli-{os.getuid()}"


def _homes() -> Iterable[Path]:
    if os.environ.get("HOME", "").startswith("/"):
        yield Path(os.environ["HOME"])
    try:
        yield Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return


def _can_hold(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def class_path(jars: tuple[Jar, ...], folder: Path) -> str:
    """The jars as Java takes them."""
    return os.pathsep.join(str(folder / jar.file_name) for jar in jars)


def jar_folder() -> Path:
    """The cache's folder of jars."""
    return cache_folder() / "jars"


def missing(jars: Iterable[Jar], folder: Path) -> tuple[Jar, ...]:
    """Those that are not there, or not as the lock file has them."""
    return tuple(jar for jar in jars if not is_right(folder / jar.file_name, jar.sha256))


def is_right(path: Path, sha256: str) -> bool:
    """Whether a file is there and has this checksum."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False


def ensure(report: Callable[[int, int], None] = lambda _done, _all: None, lock: Path = LOCK_FILE) -> str:
    """Download what is missing and return the class path. `report(done, wanted)` follows the downloads.

    UserError when the network does not give a jar, or gives another one than the lock file names.
    """
    jars, folder = locked_jars(lock), jar_folder()
    wanted = missing(jars, folder)
    if wanted:
        folder.mkdir(parents=True, exist_ok=True)
        download(wanted, folder, report)
    return class_path(jars, folder)


def download(jars: tuple[Jar, ...], folder: Path, report: Callable[[int, int], None]) -> None:
    """Fetch jars into `folder`, several at once; each appears there only when its checksum is right."""
    report(0, len(jars))
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as staging,
        ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool,
    ):
        context = maven_context(Path(staging))
        futures = [pool.submit(_fetch, context, jar, folder) for jar in jars]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                report(done, len(jars))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def maven_context(staging: Path) -> "MavenContext":
    """The way to the public repository, or the mirror that the user's own jgo settings name."""
    from jgo.maven import MavenContext

    return MavenContext(repo_cache=staging, remote_repos=_mirrors() or None, timeout=20)


def _mirrors() -> dict[str, str]:
    from jgo.config import GlobalSettings

    try:
        return dict(GlobalSettings.load().repositories)
    except RuntimeError:  # no home folder: no settings in it
        return {}


def _fetch(context: "MavenContext", jar: Jar, folder: Path) -> None:
    for left in reversed(range(TRIES)):
        try:
            path = _download_one(context, jar)
        except Exception as error:  # whatever the network did, the user needs one line
            if not left:
                raise _unreachable(jar, error) from error
        else:
            return _keep(path, jar, folder)
    return None


def _download_one(context: "MavenContext", jar: Jar) -> Path:
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact(jar.classifier)
    shutil.rmtree(context.repo_cache / artifact.component.path_prefix, ignore_errors=True)  # an earlier try's
    return artifact.resolve()


def _keep(path: Path, jar: Jar, folder: Path) -> None:
    if not is_right(path, jar.sha256):
        what = f"{jar.file_name} came with another checksum than its lock file has."
        raise UserError(what, "Try again; if it stays so, the download is not what was locked: do not use it.")
    path.replace(folder / jar.file_name)


def _unreachable(jar: Jar, error: Exception) -> UserError:
    if isinstance(error, OSError) and error.errno == 28:
        return UserError(
            f"The disk is full at {jar_folder()}.", "Make room (about 50 MB; 140 MB for Zipkin) and try again."
        )
    what = f"{jar.file_name} could not be downloaded ({type(error).__name__})."
    return UserError(what, "The first start needs the network: connect (or set HTTPS_PROXY), and try again.")
