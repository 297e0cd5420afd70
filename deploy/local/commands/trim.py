"""Trim payloads of old events in the journal; ids and hashes stay for ever."""

import psycopg

from deploy.local import folder as folders
from deploy.local.command_line import Data, console, new_app, working
from deploy.local.reach import admin_url, given_settings
from libs.common.clock import now_ms
from libs.common.days import DAY_MS, day_to_iso

app = new_app()
SLICE = 10_000
TRIM = """
UPDATE engagement.journal SET payload = NULL WHERE (member_id, id) IN (
    SELECT member_id, id FROM engagement.journal WHERE received_at < %s AND payload IS NOT NULL LIMIT %s
)
"""


@app.command()
def trim(data: Data = folders.DEFAULT) -> None:
    """Drop the payloads of events received more than QUNLI_JOURNAL_PAYLOAD_DAYS ago, in slices."""
    before = now_ms() - given_settings().journal_payload_days * DAY_MS
    done = 0
    with psycopg.connect(admin_url(data), autocommit=True) as connection, working("Trimming") as say:
        while count := connection.execute(TRIM, (before, SLICE)).rowcount:
            done += count
            say(f"Trimming: {done:,} payloads")
    console.print(
        f"{done:,} payloads received before {day_to_iso(before // DAY_MS)} were dropped; ids and hashes stay."
    )
