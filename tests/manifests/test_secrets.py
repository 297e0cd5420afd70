"""No secret stands in the manifests; each that they refer to has somebody who makes it, and what is ours fits."""

import base64

import pytest

from deploy.k8s.edges import DATA, SERVICES
from deploy.k8s.render import HERE, Document
from deploy.k8s.schemas import faults
from deploy.k8s.secrets import GIVEN, OF_KAFKA, OURS, fresh, referred
from libs.common.bootstrap_keys import read_bootstrap_keys
from libs.common.caller import SCOPES
from libs.common.config import Settings
from tests.manifests.reading import documents, of_kind

MADE = {
    *((namespace, name) for namespace, names in OURS.items() for name in names),
    *((namespace, name) for namespace, names in GIVEN.items() for name in names),
    *((SERVICES, name) for name in OF_KAFKA),
}
# Of a namespace that is none: a bundle's sources lie beside the operators that write them.
OF_OPERATORS = {("", "qunli-cluster-ca-cert"), ("", "qunli-db-ca")}


def test_each_secret_has_somebody_who_makes_it(overlay: list[Document]) -> None:
    assert set(referred(overlay)) - OF_OPERATORS <= MADE
    assert not of_kind(overlay, "Secret")


def test_none_is_made_for_nobody() -> None:
    named = set(referred(documents("prod")))
    assert MADE - named == {(DATA, "qunli-tiered-storage")}, "of a component that is left out"
    assert "qunli-tiered-storage" in (HERE / "components/tiered-storage/kafka.yaml").read_text()


@pytest.fixture(scope="module")
def made() -> tuple[dict[tuple[str, str], dict[str, str]], str, list[Document]]:
    found, first = fresh()
    entries = {
        (one["metadata"]["namespace"], one["metadata"]["name"]): {
            key: base64.b64decode(value).decode() for key, value in one["data"].items()
        }
        for one in found
    }
    return entries, first, found


Made = tuple[dict[tuple[str, str], dict[str, str]], str, list[Document]]


def test_what_is_ours_is_made_with_the_entries_that_are_read(made: Made) -> None:
    entries, _, found = made
    wanted = {(namespace, name): set(keys) for namespace, names in OURS.items() for name, keys in names.items()}
    assert {name: set(keys) for name, keys in entries.items()} == wanted
    assert list(faults(found)) == []


def test_both_namespaces_have_the_same_passwords_and_no_two_roles_the_same(made: Made) -> None:
    entries, _, _ = made
    theirs = {name: values for (namespace, name), values in entries.items() if namespace == DATA}
    assert all(entries[SERVICES, name] == values for name, values in theirs.items())
    assert len({values["password"] for values in theirs.values()}) == len(theirs)


def test_the_first_keys_are_taken_as_they_stand(made: Made) -> None:
    entries, first, _ = made
    keys = {key.id: key for key in read_bootstrap_keys(entries[SERVICES, "qunli-bootstrap-keys"]["keys"])}
    clock = entries[SERVICES, "qunli-close-day"]["key"]
    assert keys[clock.split("_")[1]].scopes == ("days:close",)
    assert set(keys[first.split("_")[1]].scopes) == set(SCOPES)
    assert first not in str(entries), "it is told once, and kept nowhere"
    assert len(entries[SERVICES, "qunli-session-secrets"]["secrets"]) >= 32
    assert Settings(session_secrets=entries[SERVICES, "qunli-session-secrets"]["secrets"])


def test_no_two_deployments_have_the_same(made: Made) -> None:
    entries, _, _ = made
    again = {value for one in fresh()[0] for key, value in one["data"].items() if key != "username"}
    assert not again & {base64.b64encode(v.encode()).decode() for values in entries.values() for v in values.values()}
