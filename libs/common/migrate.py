"""Schemas, roles and grants: numbered SQL files beside the tables' owner, applied by yoyo under a lock time-out.

Run by `qunli up`, `qunli migrate` or a migration job, as the database's owner; never by a service.
"""

from collections.abc import Mapping
from pathlib import Path

import psycopg
import yoyo
from psycopg import sql

from libs.common.errors import QunliError
from libs.common.schema import (
    AUTH_MIGRATIONS,
    ENGAGEMENT_MIGRATIONS,
    META_MIGRATIONS,
    PROCESSOR_MIGRATIONS,
    ROOT,
    SEGMENTATION_MIGRATIONS,
    lacking,
    needed,
)

GRANTS = ROOT / "libs/common/grants.sql"
ENGAGEMENT_VIEWS = ROOT / "services/engagement/views.sql"
SEGMENTATION_VIEWS = ROOT / "services/segmentation/views.sql"

ROLES = ("qunli_ingest", "qunli_engagement", "qunli_segmentation", "qunli_gateway")
SCHEMAS: Mapping[str, tuple[Path, ...]] = {
    "meta": (META_MIGRATIONS,),
    "auth": (AUTH_MIGRATIONS,),
    "engagement": (PROCESSOR_MIGRATIONS, ENGAGEMENT_MIGRATIONS),
    "segmentation": (PROCESSOR_MIGRATIONS, SEGMENTATION_MIGRATIONS),
}
# A migration waits this long for a lock and then fails: it never queues up the whole service behind itself.
LOCK_TIMEOUT = "5s"
# Two migrations of one database wait for each other: both would make the same roles and views.
GATE = 7_150_818


class MigrationFailed(QunliError):
    """The database could not be migrated: {reason}"""


def migrate(admin_url: str, passwords: Mapping[str, str]) -> bool:
    """Bring roles, schemas, views and grants of a database up to date. Idempotent.

    `admin_url`: the database's owner (may create roles). `passwords`: one per role of ROLES; a role without
    one keeps what it has. False: the database is that of a newer version of this code and stays as it is, but for
    the passwords. MigrationFailed says which statement did not go through.
    """
    try:
        with psycopg.connect(admin_url, connect_timeout=10, autocommit=True) as gate:
            gate.execute("SELECT pg_advisory_lock(%s)", (GATE,))
            with gate.transaction():
                create_roles(gate, passwords)
            if lacking(needed(), recorded(gate)):
                return False
            for schema, folders in SCHEMAS.items():
                apply_schema(admin_url, schema, folders)
            with gate.transaction():
                publish(gate)
    except (psycopg.Error, yoyo.exceptions.MigrationConflict) as error:
        raise MigrationFailed(reason=str(error).strip()) from error
    return True


def recorded(connection: psycopg.Connection) -> dict[str, int]:
    """The version of each part that the database has; none if it was never migrated."""
    (there,) = connection.execute("SELECT to_regclass('meta.version') IS NOT NULL").fetchone() or (False,)
    return dict(connection.execute("SELECT part, number FROM meta.version").fetchall()) if there else {}


def create_roles(connection: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    """Make each service's role, and give it its password (as a SCRAM verifier: the text reaches no server log)."""
    existing = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    for role in ROLES:
        if role not in existing:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        if password := passwords.get(role):
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier.decode()))
            )


def apply_schema(admin_url: str, schema: str, folders: tuple[Path, ...]) -> None:
    """Create `schema` and apply what of its migrations is missing, in one lock so that two runs do not meet."""
    with psycopg.connect(admin_url, connect_timeout=10) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    backend = yoyo.get_backend(_yoyo_url(admin_url, schema))
    try:
        migrations = yoyo.read_migrations(*(str(folder) for folder in folders))
        with backend.lock():
            backend.apply_migrations(backend.to_apply(migrations))
    finally:
        backend.connection.close()


def _yoyo_url(admin_url: str, schema: str) -> str:
    scheme, rest = admin_url.split("://", 1)
    if not scheme.startswith("postgres"):
        raise MigrationFailed(reason=f"{scheme}:// is not a Postgres address")
    separator = "&" if "?" in rest else "?"
    return f"postgresql+psycopg://{rest}{separator}options=-csearch_path%3D{schema}%20-clock_timeout%3D{LOCK_TIMEOUT}"


def publish(connection: psycopg.Connection) -> None:
    """Make the published views and every grant anew, and record the version of all."""
    for views in (ENGAGEMENT_VIEWS, SEGMENTATION_VIEWS):
        connection.execute(views.read_bytes())
    connection.execute(GRANTS.read_bytes())
    for part, number in needed().items():
        connection.execute(
            "INSERT INTO meta.version (part, number) VALUES (%s, %s) "
            "ON CONFLICT (part) DO UPDATE SET number = excluded.number, written_at = now()",
            (part, number),
        )
