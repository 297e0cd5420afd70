"""How it scales, is entered, watched and told the time: each names things that exist."""

import pytest

from deploy.k8s.edges import SERVICES
from deploy.k8s.render import Document
from libs.common.config import Settings
from libs.common.topics import ENGAGEMENT_GROUP, MEMBER_EVENTS, SEGMENTATION_GROUP, STORE_FEED
from tests.manifests.reading import documents, environment, of_kind, one, pods

PROCESSORS = {
    "qunli-engagement": (ENGAGEMENT_GROUP, MEMBER_EVENTS),
    "qunli-segmentation": (SEGMENTATION_GROUP, STORE_FEED),
}
DOORS = {"qunli-ingest", "qunli-gateway"}


def test_processors_scale_by_how_far_they_are_behind_up_to_one_a_partition() -> None:
    scalers = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"] for each in of_kind(documents("prod"), "ScaledObject")
    }
    assert set(scalers) == set(PROCESSORS)
    for name, spec in scalers.items():
        group, topic = PROCESSORS[name]
        assert spec["maxReplicaCount"] == topic.partitions
        assert spec["minReplicaCount"] >= 2
        (trigger,) = spec["triggers"]
        # By Prometheus: what Kafka has committed of these groups is nothing.
        assert trigger["type"] == "prometheus"
        assert trigger["metadata"]["query"] == f'sum(qunli:lag_records:sum{{group="{group}"}})'
        assert trigger["metadata"]["ignoreNullValues"] == "false"
        assert spec["fallback"]["replicas"] >= spec["minReplicaCount"]
        down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
        assert down["stabilizationWindowSeconds"] >= 900
        assert [(policy["type"], policy["value"]) for policy in down["policies"]] == [("Pods", 1)]


def test_doors_scale_by_their_own_work() -> None:
    scalers = of_kind(documents("prod"), "HorizontalPodAutoscaler")
    assert {scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers} == DOORS
    for scaler in scalers:
        assert scaler["spec"]["minReplicas"] >= 2
        requested = one(documents("prod"), "Deployment", scaler["spec"]["scaleTargetRef"]["name"])
        assert requested["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"]


def test_more_processes_than_postgres_has_connections_never_run() -> None:
    prod = documents("prod")
    most = sum(each["spec"]["maxReplicaCount"] for each in of_kind(prod, "ScaledObject"))
    most += sum(each["spec"]["maxReplicas"] for each in of_kind(prod, "HorizontalPodAutoscaler"))
    allowed = int(one(prod, "Cluster", "qunli-db")["spec"]["postgresql"]["parameters"]["max_connections"])
    assert most * Settings.model_fields["database_pool"].default + 20 <= allowed


def test_services_lead_to_pods(overlay: list[Document]) -> None:
    by_name = {pod.workload: pod for pod in pods(overlay)}
    services = of_kind(overlay, "Service")
    assert {service["metadata"]["name"] for service in services} == {*PROCESSORS, *DOORS}
    for service in services:
        pod = by_name[service["spec"]["selector"]["app.kubernetes.io/name"]]
        opened = {port["name"] for port in pod.container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} == opened


def test_the_way_in_is_by_tls_and_the_stream_has_no_time_out() -> None:
    prod = documents("prod")
    listeners = {listener["name"]: listener for listener in one(prod, "Gateway", "qunli")["spec"]["listeners"]}
    routes = {route["metadata"]["name"]: route["spec"] for route in of_kind(prod, "HTTPRoute")}
    assert set(routes) == {*DOORS, "qunli-plain"}
    for name in DOORS:
        (parent,) = routes[name]["parentRefs"]
        listener = listeners[parent["sectionName"]]
        assert (listener["protocol"], listener["tls"]["mode"]) == ("HTTPS", "Terminate")
        assert [listener["hostname"]] == routes[name]["hostnames"]
        for rule in routes[name]["rules"]:
            (backend,) = rule["backendRefs"]
            assert backend["name"] == name
            assert backend["port"] in {port["port"] for port in one(prod, "Service", name)["spec"]["ports"]}
            is_stream = any(match["path"]["value"] == "/v1/stream" for match in rule["matches"])
            assert (rule["timeouts"]["request"] == "0s") == is_stream
    (redirect,) = routes["qunli-plain"]["rules"]
    assert "backendRefs" not in redirect, "nothing is served without TLS"
    assert redirect["filters"][0]["requestRedirect"]["scheme"] == "https"


def test_no_request_is_cut_off_before_the_service_would_answer() -> None:
    longest = Settings.model_fields["body_seconds"].default + Settings.model_fields["produce_timeout_seconds"].default
    for route in of_kind(documents("prod"), "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            seconds = rule.get("timeouts", {}).get("request", "0s")
            assert seconds == "0s" or int(seconds.removesuffix("s")) > longest


def test_the_routes_of_the_stream_are_those_of_the_code() -> None:
    from services.gateway.live_routes import router

    paths = {getattr(route, "path", "") for route in router.routes}
    assert "/v1/stream" in paths


def test_there_is_one_time_zone(overlay: list[Document]) -> None:
    clock = one(overlay, "CronJob", "close-day")["spec"]
    zones = {environment(overlay, pod.container).get("QUNLI_TIMEZONE") for pod in pods(overlay)}
    assert zones - {None} == {clock["timeZone"]} == {"Asia/Shanghai"}


def test_days_are_closed_soon_after_midnight_once_and_again_if_it_fails(overlay: list[Document]) -> None:
    spec = one(overlay, "CronJob", "close-day")["spec"]
    minute, hour, *rest = spec["schedule"].split()
    assert (hour, rest) == ("0", ["*", "*", "*"])
    assert 0 < int(minute) < 60, "before the alert at 01:00"
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["backoffLimit"] >= 3
    assert spec["startingDeadlineSeconds"] >= 3600


def test_somebody_is_woken_when_a_day_stays_open() -> None:
    groups = of_kind(documents("prod"), "PrometheusRule")[0]["spec"]["groups"]
    alerts = {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
    alert = alerts["QunliDayNotClosed"]
    # Behind from midnight on, by the same time zone as the clock's: so at 01:00.
    assert (alert["for"], alert["labels"]["severity"]) == ("1h", "critical")


def test_the_doors_believe_the_proxies_of_the_way_in() -> None:
    prod = documents("prod")
    told = {pod.workload: environment(prod, pod.container) for pod in pods(prod)}
    assert all(told[door]["QUNLI_TRUSTED_PROXIES"] for door in ("ingest", "gateway"))


def test_all_write_the_one_version_of_records_that_is_named(overlay: list[Document]) -> None:
    for pod in pods(overlay):
        told = environment(overlay, pod.container)
        if pod.kind == "Deployment":
            # Never by default: what a new version of Qunli would write by itself, old pods beside it need not read.
            assert told["QUNLI_WIRE_VERSION"] == "1"


def test_the_migration_is_named_by_the_version(overlay: list[Document]) -> None:
    (job,) = of_kind(overlay, "Job")
    image = job["spec"]["template"]["spec"]["containers"][0]["image"]
    assert job["metadata"]["name"] == f"migrate-{image.rsplit(':', 1)[1]}"
    assert job["spec"]["backoffLimit"] >= 3
    assert job["spec"]["ttlSecondsAfterFinished"] > 0, "so that the same version may be applied again later"


def test_prometheus_reads_every_process_and_both_clusters() -> None:
    prod = documents("prod")
    (monitor,) = of_kind(prod, "ServiceMonitor")
    services = of_kind(prod, "Service")
    labels = monitor["spec"]["selector"]["matchLabels"]
    assert all(labels.items() <= service["metadata"]["labels"].items() for service in services)
    (endpoint,) = monitor["spec"]["endpoints"]
    assert all(endpoint["port"] in {port["name"] for port in service["spec"]["ports"]} for service in services)
    selected = [monitor["spec"]["selector"]["matchLabels"] for monitor in of_kind(prod, "PodMonitor")]
    assert {"cnpg.io/cluster": "qunli-db"} in selected
    assert any(labels.get("strimzi.io/cluster") == "qunli" for labels in selected)
    assert of_kind(prod, "PrometheusRule")[0]["metadata"]["namespace"] == SERVICES


@pytest.mark.parametrize(("namespace", "level"), [("qunli", "restricted"), ("qunli-data", "baseline")])
def test_namespaces_enforce_what_their_pods_may_do(overlay: list[Document], namespace: str, level: str) -> None:
    labels = one(overlay, "Namespace", namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == level


def test_a_rebuild_runs_when_somebody_says_so_and_never_by_a_clock(overlay: list[Document]) -> None:
    for name in ("engagement", "segmentation"):
        spec = one(overlay, "CronJob", f"rebuild-{name}")["spec"]
        assert spec["suspend"] is True
        assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
