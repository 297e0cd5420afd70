"""A few thousand requests of every kind, as `make fuzz` sends many; the log tells whether the answers are true."""

from collections.abc import Callable

from deploy.local import services
from deploy.local.child import Child
from libs.common.caller import SCOPES
from libs.common.config import Settings
from libs.common.keys import create_key
from tests.fuzz.cases import STORE
from tests.fuzz.run import Target, fuzz
from tests.integration.gateway_world import SECRET

REQUESTS, SEED = 2_000, 4


def test_no_answer_breaks_a_rule_and_no_verdict_lies(
    a_service: Callable[..., Child],
    fresh_database: Callable[[], str],
    fresh_log: Callable[[], str],
    kafka_bootstrap: str,
) -> None:
    url, prefix = fresh_database(), fresh_log()
    one_store = create_key(url, "one store", ("events:write",), [STORE])
    everything = create_key(url, "everything", SCOPES, ["*"])
    ingest = services.door_url(services.INGEST, a_service(services.INGEST, url, prefix))
    secret = {"QUNLI_SESSION_SECRETS": SECRET}
    gateway = services.door_url(services.GATEWAY, a_service(services.GATEWAY, url, prefix, **secret))
    settings = Settings(kafka_bootstrap=kafka_bootstrap, topic_prefix=prefix)
    found = fuzz(Target(ingest, gateway, settings, one_store, everything), REQUESTS, SEED, lambda _sent, _found: None)
    assert found.requests >= REQUESTS
    assert found.events > REQUESTS / 2  # many requests are sound enough to put events on the log
    asked = {status for status, count in found.statuses.items() if count}
    assert {"ingest 202", "ingest 207", "ingest 400", "ingest 401", "ingest 413", "ingest 415", "ingest 422"} <= asked
