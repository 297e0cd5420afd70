"""The pods that manifests would start, and what an API server must refuse."""

from deploy.tools.cluster_check.check import with_unknown_field
from deploy.tools.cluster_check.pods import Document, as_root, pods

SPEC = {"containers": [{"name": "qunli", "image": "qunli:1"}]}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": SPEC}


def _document(kind: str, spec: Document) -> Document:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "namespace": "qunli"}, "spec": spec}


def test_every_kind_that_starts_pods_gives_one_with_its_spec_and_labels() -> None:
    job = {"template": TEMPLATE}
    documents = [
        _document("Deployment", job),
        _document("Job", job),
        _document("CronJob", {"jobTemplate": {"spec": job}}),
        _document("Service", {"ports": []}),
    ]
    found = {pod["metadata"]["name"]: pod for pod in pods(documents)}
    assert list(found) == ["deployment-x", "job-x", "cronjob-x"]
    assert all(pod["spec"] == SPEC and pod["metadata"]["labels"] == {"app": "x"} for pod in found.values())
    assert {pod["metadata"]["namespace"] for pod in found.values()} == {"qunli"}


def test_a_pod_as_root_is_another_one_and_leaves_the_first_alone() -> None:
    (pod,) = pods([_document("Job", {"template": TEMPLATE})])
    root = as_root(pod)
    assert root["metadata"]["name"] == "job-x-root"
    assert root["spec"]["containers"] == [{"name": "qunli", "image": "qunli:1", "securityContext": {"runAsUser": 0}}]
    assert pod["spec"] == SPEC


def test_one_of_each_kind_gets_a_field_that_nobody_knows_and_the_manifests_stay_as_they_are() -> None:
    documents = [_document("Job", {}), _document("Job", {}), _document("Secret", {})]
    del documents[2]["spec"]
    spoilt = [*with_unknown_field(documents)]
    assert [document["spec"] for document in spoilt] == [{"qunliUnknown": 1}]
    assert documents[0]["spec"] == documents[1]["spec"] == {}
