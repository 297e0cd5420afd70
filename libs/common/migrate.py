"""Schemas, roles and grants: numbered SQL files beside the tables' owner, applied by yoyo under a lock time-out.

Run by `qunli up`, `qunli migrate` or a migration job, as the database's owner; never by a service.
"""

from collections.abc import Mapping
from pathlib import Path

import psycopg
import yoyo
from psycopg import sql

from libs.common.errors import QunliError

ROOT = Path(__file__).resolve().parents[2]
AUTH_MIGRATIONS = ROOT / "libs/common/migrations/auth"
PROCESSOR_MIGRATIONS = ROOT / "libs/common/migrations/processor"
ENGAGEMENT_MIGRATIONS = ROOT / "services/engagement/migrations"
GRANTS = ROOT / "libs/common/grants.sql"
SEGMENTATION_MIGRATIONS = ROOT / "services/segmentation/migrations"
ENGAGEMENT_VIEWS = ROOT / "services/engagement/views.sql"
SEGMENTATION_VIEWS = ROOT / "services/segmentation/views.sql"

ROLES = ("qunli_ingest", "qunli_engagement", "qunli_segmentation", "qunli_gateway")
SCHEMAS: Mapping[str, tuple[Path, ...]] = {
    "auth": (AUTH_MIGRATIONS,),
    "engagement": (PROCESSOR_MIGRATIONS, ENGAGEMENT_MIGRATIONS),
    "segmentation": (PROCESSOR_MIGRATIONS, SEGMENTATION_MIGRATIONS),
}
# A migration waits this long for a lock and then fails: it never queues up the whole service behind itself.
LOCK_TIMEOUT = "5s"


class MigrationFailed(QunliError):
    """The database could not be migrated: {reason}"""


def migrate(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Bring roles, schemas, views and grants of a database up to date. Idempotent.

    `admin_url`: the database's owner (may create roles). `passwords`: one per role of ROLES; a role without
    one keeps what it has. MigrationFailed says which statement did not go through.
    """
    try:
        with psycopg.connect(admin_url, connect_timeout=10) as connection:
            create_roles(connection, passwords)
        for schema, folders in SCHEMAS.items():
            apply_schema(admin_url, schema, folders)
        with psycopg.connect(admin_url, connect_timeout=10) as connection:
            publish(connection)
    except (psycopg.Error, yoyo.exceptions.MigrationConflict) as error:
        raise MigrationFailed(reason=str(error).strip()) from error


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
    """Make the published views and every grant anew."""
    for views in (ENGAGEMENT_VIEWS, SEGMENTATION_VIEWS):
        connection.execute(views.read_bytes())
    connection.execute(GRANTS.read_bytes())
