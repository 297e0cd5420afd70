"""The version of Qunli that is upgraded from: its code out of git's history, run beside this one's."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.faults.world import PASSWORD

ROOT = Path(__file__).parents[2]
COMMIT = (ROOT / "deploy/previous-version").read_text().strip()
MIGRATE = """
import sys
from libs.common.migrate import ROLES, migrate
migrate(sys.argv[1], dict.fromkeys(ROLES, sys.argv[2]))
"""
OURS = r"""
SELECT nspname FROM pg_namespace
WHERE nspname NOT LIKE 'pg\_%' AND nspname NOT IN ('information_schema', 'public')
"""


def check_out(folder: Path) -> Path:
    """The earlier version's files. Where the history is not there, the test is skipped, and says what to do."""
    done = subprocess.run(["git", "-C", str(ROOT), "archive", COMMIT], capture_output=True, check=False)
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip()
        pytest.skip(
            f"deploy/previous-version names commit {COMMIT}, which git cannot give: {why}. Where this is a shallow "
            "clone: git fetch --unshallow. Where it is no clone: run this test in one."
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def environment(code: Path) -> dict[str, str]:
    """What lets a Python find that version's modules before ours."""
    return {"PYTHONPATH": str(code)}


def migrate_by(code: Path, url: str) -> None:
    """Migrate a database as that version does."""
    env = os.environ | environment(code)
    argv = [sys.executable, "-P", "-c", MIGRATE, url, PASSWORD]
    done = subprocess.run(argv, env=env, cwd=code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def empty(url: str) -> None:
    """Drop all of Qunli's schemas."""
    with psycopg.connect(url, autocommit=True) as connection:
        for (name,) in connection.execute(OURS).fetchall():
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
