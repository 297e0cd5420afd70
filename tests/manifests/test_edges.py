"""Who may talk to whom is what the code and the settings of each service need: none missing, none spare."""

from pathlib import Path

import grimp
import pytest

from deploy.k8s.edges import DATA, OPS, PEERS, SERVICES, WORKLOADS, Workload
from deploy.k8s.render import Document
from deploy.local.services import SERVICES as LOCAL
from libs.common.rights import USERS
from tests.manifests.reading import Pod, environment, of_kind, one, pods

# The library by which a service speaks to a peer, and the setting that names the peer.
SPOKEN_BY = {
    "kafka": ("aiokafka", "QUNLI_KAFKA_BOOTSTRAP"),
    "postgres": ("asyncpg", "QUNLI_DATABASE_URL"),
    "collector": ("opentelemetry", "QUNLI_OTLP_ENDPOINT"),
}
ROOT = Path(__file__).parents[2]
BY_NAME = {workload.name: workload for workload in WORKLOADS}


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """What imports what, libraries included."""
    return grimp.build_graph("libs", "services", "deploy", "clients", include_external_packages=True)


@pytest.mark.parametrize("service", [service.name for service in LOCAL])
def test_a_service_may_call_what_its_code_calls(imports: grimp.ImportGraph, service: str) -> None:
    libraries = imports.find_upstream_modules(f"services.{service}.__main__")
    spoken = {peer for peer, (library, _) in SPOKEN_BY.items() if library in libraries}
    assert set(BY_NAME[service].out) == spoken | {"dns"}


def test_commands_send_no_traces() -> None:
    sending = [path for path in (ROOT / "deploy").rglob("*.py") if "telemetry.configure" in path.read_text()]
    assert not sending


def test_each_workload_may_call_what_its_settings_name(overlay: list[Document]) -> None:
    named = SPOKEN_BY | {"ingest": ("httpx", "QUNLI_INGEST")}
    for pod in pods(overlay):
        given = environment(overlay, pod.container)
        told = {peer for peer, (_, name) in named.items() if name in given}
        if pod.container["command"][0] == "qunli":
            told -= {"collector"}  # commands send no traces
        assert set(BY_NAME[pod.workload].out) == told | {"dns"}


def test_who_may_call_kafka_is_a_user_of_it() -> None:
    assert {workload.name for workload in WORKLOADS if "kafka" in workload.out} == set(USERS)


def test_every_address_that_is_named_is_a_peer_of_the_policies(overlay: list[Document]) -> None:
    for pod in pods(overlay):
        given = environment(overlay, pod.container)
        if "QUNLI_KAFKA_BOOTSTRAP" in given:
            assert given["QUNLI_KAFKA_BOOTSTRAP"] == f"qunli-kafka-bootstrap.{DATA}.svc:{PEERS['kafka'].ports[0][1]}"
        if "QUNLI_DATABASE_URL" in given:
            assert f"@qunli-db-rw.{DATA}.svc:{PEERS['postgres'].ports[0][1]}/" in given["QUNLI_DATABASE_URL"]
        if given.get("QUNLI_OTLP_ENDPOINT"):
            assert given["QUNLI_OTLP_ENDPOINT"].endswith(f":{PEERS['collector'].ports[0][1]}")
        if "QUNLI_INGEST" in given:
            service = given["QUNLI_INGEST"].removeprefix("http://").removesuffix(f".{SERVICES}.svc")
            port = one(overlay, "Service", service)["spec"]["ports"][0]
            assert (port["port"], port["targetPort"]) == (80, "http")


def test_ports_that_may_be_called_are_those_that_are_opened(overlay: list[Document]) -> None:
    for pod in pods(overlay):
        opened = {(port["name"], port["containerPort"]) for port in pod.container.get("ports", ())}
        workload = BY_NAME[pod.workload]
        assert opened == {(port.name, port.number) for port in workload.ports}
        doors = {service.name: service.port for service in LOCAL if service.port}
        door = {doors[pod.workload]} if pod.workload in doors else set()
        assert {port.number for port in workload.ports if port != OPS} == door


def test_all_is_denied_but_the_edges(overlay: list[Document]) -> None:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of_kind(overlay, "NetworkPolicy")}
    database = policies.pop("qunli-db")
    assert policies.pop("default-deny") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert set(policies) == set(BY_NAME)
    for name, spec in policies.items():
        assert spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": name}}
        assert outgoing(spec) == wanted_out(BY_NAME[name])
        assert incoming(spec) == wanted_in(BY_NAME[name])
    assert database["policyTypes"] == ["Ingress"]


def test_no_pod_is_left_without_its_policy(overlay: list[Document]) -> None:
    selected = {p["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/name") for p in of_kind(
        overlay, "NetworkPolicy") if p["spec"]["podSelector"]}  # fmt: skip
    assert {pod.workload for pod in pods(overlay)} <= selected


def test_the_data_has_no_default_deny_and_names_its_callers(overlay: list[Document]) -> None:
    ours = [policy for policy in of_kind(overlay, "NetworkPolicy") if policy["metadata"]["namespace"] == DATA]
    assert [policy["metadata"]["name"] for policy in ours] == ["qunli-db"]
    (postgres, *_) = ours[0]["spec"]["ingress"]
    assert callers(postgres["from"][0]) == {w.name for w in WORKLOADS if "postgres" in w.out}
    assert postgres["ports"] == [{"protocol": "TCP", "port": 5432}]
    (listener,) = one(overlay, "Kafka", "qunli")["spec"]["kafka"]["listeners"]
    assert listener["tls"] is True
    assert listener["authentication"] == {"type": "tls"}
    (peer,) = listener["networkPolicyPeers"]
    assert callers(peer) == {w.name for w in WORKLOADS if "kafka" in w.out}


def test_selectors_of_callers_take_pods_that_exist(overlay: list[Document]) -> None:
    by_name: dict[str, Pod] = {pod.workload: pod for pod in pods(overlay)}
    assert set(BY_NAME) == set(by_name)
    for name, pod in by_name.items():
        assert pod.labels["app.kubernetes.io/name"] == name


def callers(peer: Document) -> set[str]:
    """Of a peer that is pods of ours, by name."""
    assert peer["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": SERVICES}}
    (expression,) = peer["podSelector"]["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("app.kubernetes.io/name", "In")
    return set(expression["values"])


def outgoing(spec: Document) -> list[tuple[object, ...]]:
    """Of each rule: the namespaces, the pods, the ports."""
    return [(*peer_of(rule["to"]), tuple((p["protocol"], p["port"]) for p in rule["ports"])) for rule in spec["egress"]]


def incoming(spec: Document) -> set[tuple[object, ...]]:
    """Of each peer of each rule: the port's name, the namespaces, the pods."""
    return {
        (port["port"], *peer_of([peer]))
        for rule in spec.get("ingress", ())
        for port in rule["ports"]
        for peer in rule["from"]
    }


def peer_of(peers: list[Document]) -> tuple[object, object]:
    (peer,) = peers
    labels = [
        frozenset(peer.get(part, {}).get("matchLabels", {}).items()) for part in ("namespaceSelector", "podSelector")
    ]
    assert labels[0], "a peer is never every namespace"
    return labels[0], labels[1]


def wanted_out(workload: Workload) -> list[tuple[object, ...]]:
    found = [PEERS[name] for name in workload.out]
    return [(frozenset(peer.namespace.items()), frozenset(peer.labels.items()), peer.ports) for peer in found]


def wanted_in(workload: Workload) -> set[tuple[object, ...]]:
    return {
        (port.name, frozenset(PEERS[name].namespace.items()), frozenset(PEERS[name].labels.items()))
        for port, names in workload.ports.items()
        for name in names
    }
