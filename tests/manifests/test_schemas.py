"""The overlays render, every kind in them has a schema, and nothing in them is unknown to it."""

import copy
from typing import Any

import pytest

from deploy.k8s.render import Document
from deploy.k8s.schemas import closed, faults
from tests.manifests.reading import documents


def test_everything_fits_its_schema(overlay: list[Document]) -> None:
    assert overlay
    assert list(faults(overlay)) == []


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Deployment", "spec.template.spec.tolerance", []),
        ("Deployment", "spec.progressDeadlineSeconds", "soon"),
        ("NetworkPolicy", "spec.podsSelector", {}),
        ("Kafka", "spec.kafka.lisners", []),
        ("Kafka", "spec.entityOperator.userOperator.watchNamespace", "qunli"),
        ("KafkaTopic", "spec.partitions", "twelve"),
        ("KafkaUser", "spec.authorization.type", "none"),
        ("Cluster", "spec.postgresql.parameter", {}),
        ("Cluster", "spec.instances", 0),
    ],
)
def test_a_mistake_is_seen(kind: str, path: str, value: Any) -> None:
    found = copy.deepcopy(next(one for one in documents("dev") if one["kind"] == kind))
    assert list(faults([found])) == []
    *parents, last = path.split(".")
    place = found
    for parent in parents:
        place = place[parent]
    place[last] = value
    assert len(list(faults([found]))) == 1


def test_a_kind_that_nobody_knows_is_seen() -> None:
    unknown = {"apiVersion": "qunli.example/v1", "kind": "Town", "metadata": {"name": "x"}}
    old = {"apiVersion": "kafka.strimzi.io/v1beta2", "kind": "KafkaTopic", "metadata": {"name": "x"}}
    assert list(faults([unknown, old])) == [
        "Town x: nobody knows the kind Town of qunli.example/v1",
        "KafkaTopic x: nobody knows the kind KafkaTopic of kafka.strimzi.io/v1beta2",
    ]


def test_a_schema_is_closed_but_where_it_says_that_it_is_open() -> None:
    schema = {
        "type": "object",
        "properties": {
            "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "port": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
        },
    }
    made = closed(schema)
    assert made["additionalProperties"] is False
    assert "additionalProperties" not in made["properties"]["open"]
    assert made["properties"]["map"]["additionalProperties"] == {"type": "string"}
    assert made["properties"]["port"]["type"] == ["integer", "string"]
