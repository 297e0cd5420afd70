"""The pods that manifests would have Kubernetes start."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Document = dict[str, Any]

# Where each kind keeps the template of its pods.
TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


def pods(documents: Iterable[Document]) -> Iterator[Document]:
    """A Pod of each template, with the name of what it stands in; a Pod itself as it is."""
    for document in documents:
        kind, metadata = document["kind"], document["metadata"]
        if kind == "Pod":
            yield document
        elif kind in TEMPLATES:
            template = document
            for field in TEMPLATES[kind]:
                template = template[field]
            labels = template.get("metadata", {}).get("labels", {})
            name = f"{kind.lower()}-{metadata['name']}"
            yield {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": metadata.get("namespace", "default"), "labels": labels},
                "spec": template["spec"],
            }


def as_root(pod: Document) -> Document:
    """The same pod as `restricted` refuses it: its containers are root and keep every capability."""
    spoilt = copy.deepcopy(pod)
    spoilt["metadata"]["name"] += "-root"
    spoilt["spec"]["securityContext"] = {}
    for container in spoilt["spec"]["containers"]:
        container["securityContext"] = {"runAsUser": 0}
    return spoilt
