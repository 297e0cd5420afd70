"""A base backup of a stack's Postgres, and the server put back to it, as an operator does both."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.postgres_user import binaries
from deploy.local.stack import Stack


def take(stack: Stack, folder: Path) -> Path:
    """Copy the server's data while it runs, with the log that makes the copy whole."""
    at, tool = urlsplit(stack.urls.database), binaries(stack.postgres.command.user) / "pg_basebackup"
    argv = (str(tool), "-h", str(at.hostname), "-p", str(at.port), "-U", str(at.username), "-D", str(folder))
    done = subprocess.run(
        (*argv, "-X", "stream", "-c", "fast"),
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "PGPASSWORD": str(at.password)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def put_back(stack: Stack, backup: Path) -> None:
    """The server is lost, and one from the backup takes its place."""
    stack.postgres.kill()
    data = stack.postgres.command.cwd
    shutil.rmtree(data)
    shutil.move(backup, data)
    if user := stack.postgres.command.user:
        for path in (data, *data.rglob("*")):
            os.chown(path, user.uid, user.gid)
    stack.postgres.start()
    stack.postgres.wait_ready()
