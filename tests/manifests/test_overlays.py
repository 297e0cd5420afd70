"""An overlay of one's own: values reach every place, and the components that ours leave out fit too."""

import re

import pytest
import yaml

from deploy.k8s.render import Document, rendered, write_whole
from deploy.k8s.schemas import faults
from tests.manifests.reading import documents, environment, of_kind, one, pods


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> list[Document]:
    """With all components, another registry, tag, zone and hosts."""
    folder = tmp_path_factory.mktemp("overlay")
    values = {
        "image": "[fd00::1]:5000/a/b",
        "tag": "2.3.4-rc.1",
        "timeZone": "Europe/Berlin",
        "ingestHost": "in.shop.test",
        "gatewayHost": "on.shop.test",
        "gatewayClass": "cilium",
        "collector": "http://elsewhere:4318",
        "prometheus": "http://thanos:9090",
        "backups": "s3://mine/pg",
        "wireVersion": "2",
        "restoredFrom": "qunli-db-7",
        "restoredAs": "qunli-db-8",
        "trustedProxies": "fd00:1::/64",
        "tieredBucket": "mine-log",
        "tieredRegion": "eu-central-1",
        "environment": "staging",
    }
    write_whole(folder, values)
    return rendered(str(folder))


def test_it_fits_the_schemas(own: list[Document]) -> None:
    assert list(faults(own)) == []


def test_a_registry_may_have_a_port_and_a_tag_dashes(own: list[Document]) -> None:
    images = {container["image"] for pod in pods(own) for container in pod.containers}
    assert images == {"[fd00::1]:5000/a/b:2.3.4-rc.1"}
    assert [job["metadata"]["name"] for job in of_kind(own, "Job")] == ["migrate-2.3.4-rc.1"]


def test_values_reach_their_places(own: list[Document]) -> None:
    text = yaml.safe_dump_all(own)
    assert "invalid" not in text
    assert "example" not in text
    assert "Asia/Shanghai" not in text
    assert one(own, "CronJob", "close-day")["spec"]["timeZone"] == "Europe/Berlin"
    settings = {pod.workload: environment(own, pod.container) for pod in pods(own)}
    assert settings["ingest"]["QUNLI_ENVIRONMENT"] == "staging"
    assert settings["engagement"]["QUNLI_WIRE_VERSION"] == "2"
    assert settings["ingest"]["QUNLI_TRUSTED_PROXIES"] == "fd00:1::/64"
    assert settings["gateway"]["QUNLI_OTLP_ENDPOINT"] == "http://elsewhere:4318"
    assert one(own, "Gateway", "qunli")["spec"]["gatewayClassName"] == "cilium"
    hosts = {host for route in of_kind(own, "HTTPRoute") for host in route["spec"].get("hostnames", ())}
    assert hosts == {"in.shop.test", "on.shop.test"}
    addresses = {one["spec"]["triggers"][0]["metadata"]["serverAddress"] for one in of_kind(own, "ScaledObject")}
    assert addresses == {"http://thanos:9090"}
    assert one(own, "ObjectStore", "qunli-db")["spec"]["configuration"]["destinationPath"] == "s3://mine/pg"


def test_a_restored_database_comes_from_the_backups_and_writes_beside_them(own: list[Document]) -> None:
    spec = one(own, "Cluster", "qunli-db")["spec"]
    assert set(spec["bootstrap"]) == {"recovery"}
    (source,) = spec["externalClusters"]
    assert spec["bootstrap"]["recovery"]["source"] == source["name"]
    (plugin,) = spec["plugins"]
    came, goes = source["plugin"]["parameters"], plugin["parameters"]
    assert (
        came["barmanObjectName"] == goes["barmanObjectName"] == one(own, "ObjectStore", "qunli-db")["metadata"]["name"]
    )
    assert (came["serverName"], goes["serverName"]) == ("qunli-db-7", "qunli-db-8")
    initial = one(documents("prod"), "Cluster", "qunli-db")["spec"]["bootstrap"]["initdb"]
    assert {key: spec["bootstrap"]["recovery"][key] for key in ("database", "owner", "secret")} == {
        key: initial[key] for key in ("database", "owner", "secret")
    }


def test_tiered_storage_names_its_plugin_and_holds_every_topic(own: list[Document]) -> None:
    kafka = one(own, "Kafka", "qunli")["spec"]["kafka"]
    manager = kafka["tieredStorage"]["remoteStorageManager"]
    assert manager["className"] == "io.aiven.kafka.tieredstorage.RemoteStorageManager"
    assert manager["config"]["storage.s3.bucket.name"] == "mine-log"
    assert manager["config"]["storage.s3.region"] == "eu-central-1"
    for topic in of_kind(own, "KafkaTopic"):
        config = topic["spec"]["config"]
        assert config["remote.storage.enable"] == "true"
        assert config["retention.ms"] == "-1"
        assert int(config["local.retention.ms"]) > 0


def test_the_doors_read_who_may_issue_tokens_and_may_ask_them(own: list[Document]) -> None:
    for pod in pods(own):
        is_door = pod.workload in {"ingest", "gateway"}
        assert ("QUNLI_TOKEN_ISSUERS" in environment(own, pod.container)) == is_door
    policy = one(own, "NetworkPolicy", "token-issuers")["spec"]
    assert policy["podSelector"]["matchExpressions"][0]["values"] == ["ingest", "gateway"]
    assert policy["egress"] == [{"ports": [{"protocol": "TCP", "port": 443}]}]


def test_another_setting_is_another_roll_out_and_another_tag_another_job(own: list[Document]) -> None:
    (name,) = {m["metadata"]["name"] for m in of_kind(own, "ConfigMap")} - {"qunli-dashboards"}
    assert re.fullmatch("qunli-settings-[a-z0-9]{10}", name), "with the hash of what it holds"
