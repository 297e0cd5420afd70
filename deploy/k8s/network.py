"""NetworkPolicies of the services' namespace, made of its edges."""

from collections.abc import Iterator
from typing import Any

from deploy.k8s.edges import DATA, NAME, PEERS, SERVICES, WORKLOADS, Peer, Port, Workload, callers_of, named

Document = dict[str, Any]


def policies() -> Iterator[Document]:
    """Nothing may talk, and then one policy for each workload that says to whom it may, and who to it."""
    yield _policy("default-deny", {}, {"policyTypes": ["Ingress", "Egress"]})
    for workload in WORKLOADS:
        yield _policy(workload.name, _pods({NAME: workload.name}), _rules(workload))


def kafka_peers() -> list[Document]:
    """Who may reach the brokers' listener, as Strimzi's listeners take it."""
    return [_others(SERVICES, callers_of("kafka"))]


def database_policy() -> Document:
    """Who may reach Postgres' pods: the services, each other, their operator, Prometheus."""
    pods = {"cnpg.io/cluster": "qunli-db"}
    operator = {"namespaceSelector": _namespace("cnpg-system")}
    ingress = [
        {"from": [_others(SERVICES, callers_of("postgres")), {"podSelector": _pods(pods)}], "ports": _ports(5432)},
        {"from": [operator], "ports": _ports(5432, 8000)},
        {"from": [_peer(PEERS["prometheus"])], "ports": _ports(9187)},
    ]
    found = _policy("qunli-db", _pods(pods), {"policyTypes": ["Ingress"], "ingress": ingress})
    found["metadata"]["namespace"] = DATA
    return found


def _policy(name: str, pods: Document, rules: Document) -> Document:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": pods, **rules},
    }


def _rules(workload: Workload) -> Document:
    rules: Document = {"policyTypes": ["Ingress", "Egress"]}
    if workload.ports:
        rules["ingress"] = [_incoming(port, callers) for port, callers in workload.ports.items()]
    rules["egress"] = [_outgoing(PEERS[name]) for name in workload.out]
    return rules


def _incoming(port: Port, callers: tuple[str, ...]) -> Document:
    ports = [{"protocol": "TCP", "port": port.name}]
    return {"from": [_peer(PEERS[name]) for name in callers], "ports": ports}


def _outgoing(peer: Peer) -> Document:
    ports = [{"protocol": protocol, "port": number} for protocol, number in peer.ports]
    return {"to": [_peer(peer)], "ports": ports}


def _peer(peer: Peer) -> Document:
    found: Document = {"namespaceSelector": _pods(dict(peer.namespace))}
    if peer.labels:
        found["podSelector"] = _pods(dict(peer.labels))
    return found


def _others(namespace: str, workloads: tuple[str, ...]) -> Document:
    names = {"key": NAME, "operator": "In", "values": list(workloads)}
    return {"namespaceSelector": _namespace(namespace), "podSelector": {"matchExpressions": [names]}}


def _namespace(name: str) -> Document:
    return _pods(dict(named(name)))


def _pods(labels: dict[str, str]) -> Document:
    return {"matchLabels": labels} if labels else {}


def _ports(*numbers: int) -> list[Document]:
    return [{"protocol": "TCP", "port": number} for number in numbers]
