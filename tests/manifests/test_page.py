"""docs/kubernetes.md says what the manifests have."""

import re
import tomllib
from pathlib import Path

import yaml

from deploy.k8s.edges import DATA, SERVICES, WORKLOADS
from deploy.k8s.render import HERE, OVERLAYS
from deploy.k8s.schemas import KUBERNETES
from deploy.k8s.secrets import GIVEN, OF_KAFKA, OURS
from deploy.tools import crds
from deploy.tools.crds import LIST, STRIMZI_LOCK
from tests.manifests.reading import documents

PAGE = (Path(__file__).parents[2] / "docs/kubernetes.md").read_text(encoding="utf-8")


def table(head: str) -> list[list[str]]:
    """The rows of the table whose head line begins so, without their backticks."""
    _, found, rest = PAGE.partition(f"\n| {head} |")
    assert found, f"the page has no table of {head!r}"
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip().replace("`", "") for cell in line[1:-1].split("|")] for line in lines]


def test_every_value_stands_there() -> None:
    values = yaml.safe_load((HERE / "overlays/prod/values.yaml").read_text())["data"]
    assert [row[0] for row in table("value")] == list(values)


def test_every_component_stands_there_with_the_overlays_that_have_it() -> None:
    has = {
        overlay: {
            path.rsplit("/", 1)[1]
            for path in yaml.safe_load((HERE / "overlays" / overlay / "kustomization.yaml").read_text())["components"]
        }
        for overlay in OVERLAYS
    }
    rows = {row[0]: [cell == "yes" for cell in row[2:4]] for row in table("component")}
    folders = {path.parent.name for path in (HERE / "components").glob("*/kustomization.yaml")}
    assert rows == {name: [name in has["dev"], name in has["prod"]] for name in folders}


def test_every_secret_stands_there_with_its_entries() -> None:
    wanted: dict[str, tuple[set[str], tuple[str, ...]]] = {}
    for namespace, names in [*OURS.items(), *GIVEN.items(), (SERVICES, OF_KAFKA)]:
        for name, entries in names.items():
            wanted.setdefault(name, (set(), entries))[0].add(namespace)
    found = {
        row[0]: ({SERVICES, DATA} if row[1] == "both" else {row[1]}, tuple(row[2].split(", ")))
        for row in table("secret")
    }
    assert found == wanted


def test_every_edge_stands_there() -> None:
    rows = {row[0]: row[1:] for row in table("pods")}
    assert list(rows) == [workload.name for workload in WORKLOADS]
    for workload in WORKLOADS:
        calls, ports, callers = rows[workload.name]
        assert calls == ", ".join(workload.out)
        assert ports == ", ".join(str(port.number) for port in workload.ports)
        assert callers == "; ".join(" and ".join(names) for names in workload.ports.values())


def test_every_kind_stands_there() -> None:
    kinds = {document["kind"] for overlay in OVERLAYS for document in documents(overlay)} - {
        "Namespace",
        "ServiceAccount",
    }
    words = set(re.findall(r"[A-Z][A-Za-z]+", PAGE))
    assert kinds <= words


def test_the_versions_are_those_of_the_schemas() -> None:
    told = {row[0].split()[0]: row[1] for row in table("part")}
    listed = tomllib.loads(LIST.read_text())["modules"]
    versions = {module["module"].rsplit("/", 1)[1]: module["version"].removeprefix("v") for module in listed}
    assert told["Kubernetes"] == KUBERNETES
    assert versions["cloudnative-pg"].startswith(told["CloudNativePG"])
    assert versions["plugin-barman-cloud"].startswith(told["Barman"])
    assert versions["v2"].startswith(told["KEDA"])
    assert versions["prometheus-operator"].startswith(told["Prometheus"])
    assert versions["gateway-api"].startswith(told["Gateway"])
    assert versions["trust-manager"].startswith(told["cert-manager"].split()[0])
    strimzi = re.search(r'artifactId = "crd-generator"\nversion = "([^"]+)"', STRIMZI_LOCK.read_text())
    assert strimzi
    assert strimzi[1].startswith(told["Strimzi"])
    assert ("kafka.strimzi.io/v1", "Kafka") in crds.schemas()


def test_the_objects_that_it_names_exist() -> None:
    made = {(each["kind"], each["metadata"]["name"]) for each in documents("prod")}
    made.add(("ConfigMap", "qunli-settings"))  # its name ends with a hash
    named = re.findall(r"`(?:kubectl .* )?([A-Z][A-Za-z]+) ([a-z][a-z0-9-]*)`", PAGE)
    assert named
    assert set(named) <= made
