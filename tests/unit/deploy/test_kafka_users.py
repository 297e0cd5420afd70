"""What a secure stack gives its users is what the cluster's manifests say, and they say what the code does."""

from pathlib import Path

import pytest

from deploy.local import kafka_users
from deploy.local.acls import acls_of
from deploy.local.kafka_users import NotUnderstood
from libs.common.rights import USERS


def test_the_manifests_users_are_those_of_the_code() -> None:
    assert kafka_users.read() == list(USERS.values())


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("patternType: literal", "patternType: prefix"),
        ("type: simple", "type: opa"),
        ("type: tls", "type: scram-sha-512"),
        ("- Write", "- All"),
        ("host: '*'", "host: 10.0.0.1"),
    ],
)
def test_what_it_could_not_give_as_it_stands_there_is_refused(tmp_path: Path, was: str, now: str) -> None:
    text = kafka_users.MANIFEST.read_text(encoding="utf-8")
    assert was in text
    (tmp_path / "users.yaml").write_text(text.replace(was, now, 1), encoding="utf-8")
    with pytest.raises(NotUnderstood, match="the rights of qunli-ingest are not as"):
        kafka_users.read(tmp_path / "users.yaml")


def test_an_acl_is_literal_for_one_user_and_one_operation() -> None:
    assert acls_of([USERS["ingest"]], "p.") == [
        (2, "p.member-events", 3, "User:CN=qunli-ingest", "*", 4, 3),
        (2, "p.member-events", 3, "User:CN=qunli-ingest", "*", 8, 3),
    ]
