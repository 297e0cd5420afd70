"""Who talks to whom in the services' namespace: the one list.

Its NetworkPolicies are made of it; all else is denied. A test holds it against what the code of each service uses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

SERVICES = "qunli"
DATA = "qunli-data"

NAME = "app.kubernetes.io/name"


@dataclass(frozen=True, slots=True)
class Peer:
    """Pods at the other end: of namespaces with a label, with labels; and the ports of theirs that are spoken to."""

    namespace: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a workload's own, by the name that it has in its pod."""

    name: str
    number: int


HTTP_INGEST = Port("http", 8080)
HTTP_GATEWAY = Port("http", 8081)
OPS = Port("ops", 9090)


@dataclass(frozen=True, slots=True)
class Workload:
    """What runs in the services' namespace. `out`: the peers it calls; `ports`: its own, and who calls each."""

    name: str
    out: tuple[str, ...] = ()
    ports: Mapping[Port, tuple[str, ...]] = field(default_factory=dict)


def named(namespace: str) -> Mapping[str, str]:
    """The label by which Kubernetes names a namespace."""
    return {"kubernetes.io/metadata.name": namespace}


# What belongs to the platform has other names in each cluster: whoever installs Qunli labels its namespaces.
ENTRY, PROMETHEUS, COLLECTOR = ({f"qunli/{what}": "true"} for what in ("entry", "prometheus", "collector"))

PEERS: Mapping[str, Peer] = {
    "dns": Peer(named("kube-system"), {"k8s-app": "kube-dns"}, (("UDP", 53), ("TCP", 53))),
    "kafka": Peer(named(DATA), {"strimzi.io/cluster": "qunli", "strimzi.io/broker-role": "true"}, (("TCP", 9093),)),
    "postgres": Peer(named(DATA), {"cnpg.io/cluster": "qunli-db"}, (("TCP", 5432),)),
    "collector": Peer(COLLECTOR, ports=(("TCP", 4318),)),
    "ingest": Peer(named(SERVICES), {NAME: "ingest"}, (("TCP", HTTP_INGEST.number),)),
    # They only call: what of ours they call stands at the workload.
    "entry": Peer(ENTRY),
    "prometheus": Peer(PROMETHEUS, {NAME: "prometheus"}),
    "close-day": Peer(named(SERVICES), {NAME: "close-day"}),
}

WORKLOADS: tuple[Workload, ...] = (
    Workload(
        "ingest",
        ("dns", "kafka", "postgres", "collector"),
        {HTTP_INGEST: ("entry", "close-day"), OPS: ("prometheus",)},
    ),
    Workload("engagement", ("dns", "kafka", "postgres", "collector"), {OPS: ("prometheus",)}),
    Workload("segmentation", ("dns", "kafka", "postgres", "collector"), {OPS: ("prometheus",)}),
    Workload(
        "gateway",
        ("dns", "kafka", "postgres", "collector"),
        {HTTP_GATEWAY: ("entry",), OPS: ("prometheus",)},
    ),
    Workload("migrate", ("dns", "postgres")),
    Workload("close-day", ("dns", "ingest")),
    Workload("trim", ("dns", "postgres")),
    # What somebody starts by hand: `qunli rebuild`.
    Workload("operator", ("dns", "kafka", "postgres")),
)


def callers_of(peer: str) -> tuple[str, ...]:
    """The workloads that call a peer."""
    return tuple(workload.name for workload in WORKLOADS if peer in workload.out)
