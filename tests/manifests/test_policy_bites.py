"""The policies of the tests beside this one are broken on purpose, and each break is seen."""

import copy
from collections.abc import Callable

import pytest

from deploy.k8s.render import Document
from tests.manifests import test_data, test_edges, test_pods, test_running, test_secrets
from tests.manifests.reading import documents, of_kind, one

Break = Callable[[list[Document]], object]
Policy = Callable[[list[Document]], None]


def pod(overlay: list[Document], name: str = "qunli-ingest") -> Document:
    found = one(overlay, "Deployment", name)["spec"]["template"]["spec"]
    assert isinstance(found, dict)
    return found


def container(overlay: list[Document]) -> Document:
    found = pod(overlay)["containers"][0]
    assert isinstance(found, dict)
    return found


def certificate(overlay: list[Document]) -> Document:
    (found,) = [volume["secret"] for volume in pod(overlay)["volumes"] if volume["name"] == "kafka"]
    assert isinstance(found, dict)
    return found


def egress(overlay: list[Document], name: str) -> list[Document]:
    found = one(overlay, "NetworkPolicy", name)["spec"]["egress"]
    assert isinstance(found, list)
    return found


def acls(overlay: list[Document], name: str) -> list[Document]:
    found = one(overlay, "KafkaUser", name)["spec"]["authorization"]["acls"]
    assert isinstance(found, list)
    return found


BREAKS: dict[str, tuple[Break, Policy]] = {
    "root": (
        lambda all_: pod(all_)["securityContext"].update(runAsUser=0),
        test_pods.test_no_pod_may_do_more_than_it_must,
    ),
    "may be root": (
        lambda all_: pod(all_)["securityContext"].pop("runAsNonRoot"),
        test_pods.test_no_pod_may_do_more_than_it_must,
    ),
    "writes its root": (
        lambda all_: container(all_)["securityContext"].update(readOnlyRootFilesystem=False),
        test_pods.test_no_pod_may_do_more_than_it_must,
    ),
    "the host's files": (
        lambda all_: pod(all_)["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
        test_pods.test_no_pod_may_do_more_than_it_must,
    ),
    "a token of the API server": (
        lambda all_: pod(all_).update(automountServiceAccountToken=True),
        test_pods.test_no_pod_may_do_more_than_it_must,
    ),
    "no limit": (
        lambda all_: container(all_)["resources"]["limits"].pop("memory"),
        test_pods.test_every_container_has_requests_and_limits,
    ),
    "latest": (lambda all_: container(all_).update(image="qunli:latest"), test_pods.test_every_image_has_a_full_tag),
    "no tag": (
        lambda all_: one(all_, "Cluster", "qunli-db")["spec"].update(imageName="registry:5000/postgresql"),
        test_pods.test_every_image_has_a_full_tag,
    ),
    "no probe of readiness": (
        lambda all_: container(all_)["readinessProbe"]["httpGet"].update(path="/health/live"),
        test_pods.test_services_are_probed_on_the_ops_port,
    ),
    "killed too soon": (
        lambda all_: pod(all_).update(terminationGracePeriodSeconds=20),
        test_pods.test_a_pod_has_the_time_that_it_needs_to_end,
    ),
    "no wait for the schema": (
        lambda all_: pod(all_).update(initContainers=[]),
        test_pods.test_what_waits_for_the_schema_is_the_service_itself,
    ),
    "another's certificate": (
        lambda all_: certificate(all_).update(secretName="qunli-operator"),
        test_pods.test_each_service_has_its_own_role_certificate_and_password,
    ),
    "a command that is none": (
        lambda all_: pod(all_)["initContainers"][0].update(command=["qunli", "await"]),
        test_pods.test_commands_exist_and_take_what_they_are_given,
    ),
    "a number of its own": (
        lambda all_: one(all_, "Deployment", "qunli-ingest")["spec"].update(replicas=3),
        test_pods.test_replicas_are_nobodys_but_the_scalers,
    ),
    "an edge too few": (lambda all_: egress(all_, "engagement").pop(), test_edges.test_all_is_denied_but_the_edges),
    "an edge too many": (
        lambda all_: egress(all_, "migrate").append(egress(all_, "ingest")[1]),
        test_edges.test_all_is_denied_but_the_edges,
    ),
    "an edge to everywhere": (
        lambda all_: egress(all_, "ingest")[1].pop("to"),
        test_edges.test_all_is_denied_but_the_edges,
    ),
    "no default-deny": (
        lambda all_: all_.remove(one(all_, "NetworkPolicy", "default-deny")),
        test_edges.test_all_is_denied_but_the_edges,
    ),
    "a right too many": (
        lambda all_: acls(all_, "qunli-ingest")[0]["operations"].append("Delete"),
        test_data.test_the_users_and_their_rights_are_those_of_the_code,
    ),
    "a right by a prefix": (
        lambda all_: acls(all_, "qunli-gateway")[0]["resource"].update(patternType="prefix"),
        test_data.test_the_users_and_their_rights_are_those_of_the_code,
    ),
    "a log that ends": (
        lambda all_: of_kind(all_, "KafkaTopic")[0]["spec"]["config"].update({"retention.ms": "604800000"}),
        test_data.test_the_topics_are_those_of_the_code,
    ),
    "a topic too few": (
        lambda all_: all_.remove(of_kind(all_, "KafkaTopic")[0]),
        test_data.test_the_topics_are_those_of_the_code,
    ),
    "two time zones": (
        lambda all_: one(all_, "CronJob", "close-day")["spec"].update(timeZone="Etc/UTC"),
        test_running.test_there_is_one_time_zone,
    ),
    "a secret that nobody makes": (
        lambda all_: certificate(all_).update(secretName="qunli-nobody"),
        test_secrets.test_each_secret_has_somebody_who_makes_it,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_break_is_seen(name: str) -> None:
    breaking, policy = BREAKS[name]
    broken = copy.deepcopy(documents("prod"))
    policy(broken)
    breaking(broken)
    with pytest.raises((AssertionError, KeyError, ValueError)):
        policy(broken)
