"""Looking things up in what an overlay renders to."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from deploy.k8s.edges import DATA, NAME, SERVICES
from deploy.k8s.render import Document, rendered


@lru_cache
def documents(overlay: str) -> list[Document]:
    """Everything that an overlay makes."""
    return rendered(overlay)


def of_kind(overlay: list[Document], *kinds: str) -> list[Document]:
    """The documents of these kinds."""
    return [document for document in overlay if document["kind"] in kinds]


def one(overlay: list[Document], kind: str, name: str) -> Document:
    """The one of a kind that has this name."""
    (found,) = [each for each in of_kind(overlay, kind) if each["metadata"]["name"] == name]
    return found


@dataclass(frozen=True)
class Pod:
    """A pod template of ours. `workload`: the name that it has in deploy/k8s/edges.py."""

    kind: str
    name: str
    workload: str
    spec: Document
    labels: dict[str, str]

    @property
    def container(self) -> Document:
        (found,) = self.spec["containers"]  # one process a pod
        assert isinstance(found, dict)
        return found

    @property
    def containers(self) -> list[Document]:
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]


def pods(overlay: list[Document]) -> Iterator[Pod]:
    """Every pod template of the services' namespace."""
    for document in of_kind(overlay, "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"):
        assert document["metadata"]["namespace"] == SERVICES
        spec = document["spec"]["jobTemplate"]["spec"] if document["kind"] == "CronJob" else document["spec"]
        labels = spec["template"]["metadata"]["labels"]
        yield Pod(document["kind"], document["metadata"]["name"], labels[NAME], spec["template"]["spec"], labels)


def environment(overlay: list[Document], container: Document) -> dict[str, str]:
    """What a container's environment will be; of a secret only that it is there."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= one(overlay, "ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in container.get("env", ()):
        found[variable["name"]] = variable.get("value", "(from elsewhere)")
    return found


def namespaces(overlay: list[Document]) -> set[str]:
    """Where things are put."""
    return {document["metadata"].get("namespace", "") for document in overlay if document["kind"] != "Namespace"}


# "" has what stands in no namespace.
ALLOWED_NAMESPACES = {SERVICES, DATA, ""}
