"""Posts events to Qunli from tills and jobs. Needs httpx; the folder can be copied as it is, under any name.

with Client("https://ingest.example", store_id="sh-001", queue="till-7.db") as client:
    client.track("check_in", "m-42", {"method": "till"})
"""

from .client import Client, Problem, Rejection

__all__ = ["Client", "Problem", "Rejection"]
