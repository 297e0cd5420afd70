"""The counts of a group's members by tier: filled by their migration, kept as members change, whoever changes them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from deploy.local.folder import ROLES
from libs.common.migrate import apply_schema, migrate
from libs.common.postgres import load_queries
from libs.common.schema import PROCESSOR_MIGRATIONS, SEGMENTATION_MIGRATIONS
from services.segmentation import store as segmentation_store

PASSWORD = "for-this-test-run"
NEW = "0003_group_tiers"

MEMBERS = """
    INSERT INTO segmentation.member (store_id, member_id, body)
    SELECT 's' || n % 2, 'm' || n, jsonb_strip_nulls(jsonb_build_object(
        'tier', (ARRAY['daily', 'weekly', 'lost', NULL])[1 + n % 4], 'seed', n % 7 = 0, 'vip', false,
        'leave_due', '[]'::jsonb, 'removals', '[]'::jsonb, 'group', CASE WHEN n % 5 > 0 THEN 'g' || n % 5 END))
    FROM generate_series(1, 4000) n
"""
DIFFERENT = """
    WITH counted AS (
        SELECT store_id, group_id, tier, count(*) AS members, count(*) FILTER (WHERE seed) AS seeds
        FROM segmentation.member WHERE group_id IS NOT NULL AND tier IS NOT NULL GROUP BY 1, 2, 3
    ), kept AS (SELECT * FROM segmentation.group_tier WHERE (members, seeds) <> (0, 0))
    SELECT * FROM (TABLE counted EXCEPT TABLE kept) a UNION ALL SELECT * FROM (TABLE kept EXCEPT TABLE counted) b
"""


def run(url: str, statement: str) -> int:
    """Run a statement; how many rows it touched or found."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement.encode()).rowcount


@pytest.fixture(name="old")
def old_fixture(fresh_database: Callable[[], str], tmp_path: Path) -> str:
    """A database as the version before left it, with members in it."""
    url = fresh_database()
    run(url, "DROP SCHEMA segmentation CASCADE")
    shutil.copytree(SEGMENTATION_MIGRATIONS, tmp_path / "before", ignore=shutil.ignore_patterns(f"{NEW}*"))
    apply_schema(url, "segmentation", (PROCESSOR_MIGRATIONS, tmp_path / "before"))
    run(url, "GRANT USAGE ON SCHEMA segmentation TO qunli_segmentation")
    run(url, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA segmentation TO qunli_segmentation")
    assert run(url, MEMBERS) == 4000
    return url


def test_the_migration_counts_the_members_that_are_there(old: str) -> None:
    migrate(old, dict.fromkeys(ROLES, PASSWORD))
    assert run(old, "SELECT FROM segmentation_v1.group_tier") == 12
    assert run(old, DIFFERENT) == 0


def test_a_version_that_knows_nothing_of_the_counts_keeps_them(old: str, role_url: Callable[[str, str], str]) -> None:
    """Right after the tables are new, and before a grant is: the service may be in the middle of its steps."""
    apply_schema(old, "segmentation", (PROCESSOR_MIGRATIONS, SEGMENTATION_MIGRATIONS))
    service = role_url(old, "qunli_segmentation")
    moved = (
        'UPDATE segmentation.member SET body = body || \'{"group": "g9", "tier": "weekly"}\' WHERE member_id < \'m2\''
    )
    assert run(service, moved) > 1000
    assert run(old, "SELECT FROM segmentation.group_tier WHERE group_id = 'g9' AND members > 400") == 2
    assert run(old, DIFFERENT) == 0


def test_the_counts_follow_every_kind_of_change(fresh_database: Callable[[], str]) -> None:
    """Saved as steps save them, some new and some there already; gone; and what changes nothing that is counted."""
    url = fresh_database()
    run(url, MEMBERS)
    assert run(url, DIFFERENT) == 0
    save = load_queries(Path(segmentation_store.__file__).parent)["save_member"]
    bodies = [
        '{"tier": "daily", "group": "g1", "seed": true}',
        '{"tier": "lost", "seed": false}',
        '{"tier": null, "group": "g2"}',
    ]
    columns = (["s1", "s1", "s1"], ["m1", "m4", "brand-new"], bodies)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path TO segmentation")
        arrays = [
            "{" + ",".join(f'"{one.replace(chr(34), chr(92) + chr(34))}"' for one in column) + "}" for column in columns
        ]
        psycopg.RawCursor(connection).execute(save.encode(), arrays)
    assert run(url, DIFFERENT) == 0
    run(url, "UPDATE segmentation.member SET body = body || '{\"seed\": true}' WHERE member_id < 'm3'")
    assert run(url, DIFFERENT) == 0
    before = run(url, "SELECT FROM segmentation.group_tier WHERE xmax::text = '0'")
    run(url, "UPDATE segmentation.member SET body = body || '{\"score\": 7}'")
    assert run(url, "SELECT FROM segmentation.group_tier WHERE xmax::text = '0'") == before
    run(url, "DELETE FROM segmentation.member WHERE group_id = 'g1'")
    assert run(url, DIFFERENT) == 0
    assert run(url, "SELECT FROM segmentation_v1.group_tier WHERE group_id = 'g1'") == 0


def test_the_counts_go_with_their_schema_when_a_rebuild_renames_it(fresh_database: Callable[[], str]) -> None:
    url = fresh_database()
    apply_schema(url, "segmentation_rebuild", (PROCESSOR_MIGRATIONS, SEGMENTATION_MIGRATIONS))
    run(url, MEMBERS.replace("segmentation.", "segmentation_rebuild."))
    run(url, "DROP SCHEMA segmentation CASCADE")
    run(url, "ALTER SCHEMA segmentation_rebuild RENAME TO segmentation")
    run(url, "UPDATE segmentation.member SET body = body || '{\"group\": \"g9\"}' WHERE member_id < 'm2'")
    assert run(url, DIFFERENT) == 0
