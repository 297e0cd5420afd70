"""The manifests that are made of the code: written by `make manifests`, and a test fails when they are stale."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.k8s import kafka, network

HERE = Path(__file__).parent


def manifests() -> Mapping[Path, str]:
    """Each file's path and text."""
    made = {
        "base/data/topics.yaml": ("libs/common/topics.py", kafka.topics()),
        "base/data/kafka-peers.yaml": ("deploy/k8s/edges.py", [kafka.listener_peers()]),
        "base/data/database-peers.yaml": ("deploy/k8s/edges.py", [network.database_policy()]),
        "base/services/users.yaml": ("libs/common/rights.py", kafka.users()),
        "base/services/network.yaml": ("deploy/k8s/edges.py", network.policies()),
    }
    return {HERE / name: _text(source, documents) for name, (source, documents) in made.items()}


def _text(source: str, documents: Iterable[dict[str, Any]]) -> str:
    # Without YAML's short forms for what stands twice.
    dumped = yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, explicit_start=True, width=120)
    return f"# Made of {source} by `make manifests`.\n{dumped}"


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def stale() -> list[str]:
    """The files that are not as they would be written now."""
    return [
        str(path.relative_to(HERE))
        for path, text in manifests().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def write() -> None:
    """Write them all."""
    for path, text in manifests().items():
        path.write_text(text, encoding="utf-8")
