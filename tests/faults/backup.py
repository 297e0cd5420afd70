"""A base backup of a stack's Postgres, and the server put back to it, as an operator does both."""

import os
import shutil
import subprocess
from pathlib import Path

from deploy.local.ports import HOST
from deploy.local.postgres import OWNER, Server
from deploy.local.stack import Stack


def take(stack: Stack, folder: Path) -> Path:
    """Copy the server's data while it runs, with the log that makes the copy whole."""
    server = stack._postgres_server()
    argv = ("-h", HOST, "-p", str(server.port), "-U", OWNER, "-D", str(folder), "-X", "stream", "-c", "fast")
    done = subprocess.run(
        (str(server.binaries / "pg_basebackup"), *argv),
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "PGPASSWORD": server.password},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def put_back(stack: Stack, backup: Path) -> None:
    """The server is lost, and one from the backup takes its place."""
    server = stack._postgres_server()
    stack.postgres.kill()
    shutil.rmtree(server.data)
    shutil.move(backup, server.data)
    _give(server)
    stack.postgres.start()
    stack.postgres.wait_ready()


def _give(server: Server) -> None:
    """To the user that the server runs as."""
    if server.user is None:
        return
    for folder, _, files in os.walk(server.data):
        for path in (folder, *(os.path.join(folder, file) for file in files)):
            os.chown(path, server.user.uid, server.user.gid)
