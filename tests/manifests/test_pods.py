"""A policy for every pod of ours: unprivileged, limited, probed, of a version with a name, and run by our commands."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer.main

from deploy.k8s.render import Document
from deploy.local import cli
from deploy.local.certificates import Authority
from libs.common.config import Settings
from libs.common.serving import GRACE_SECONDS
from services import __path__ as services_path
from tests.manifests.reading import (
    ALLOWED_NAMESPACES,
    Pod,
    environment,
    namespaces,
    of_kind,
    one,
    pods,
)

SERVICES = {path.name for folder in services_path for path in Path(folder).iterdir() if (path / "__main__.py").exists()}
# What no setting is: commands read them.
OF_COMMANDS = {"QUNLI_INGEST", "QUNLI_KEY"}


def test_every_service_and_job_runs(overlay: list[Document]) -> None:
    found = {(pod.kind, pod.name) for pod in pods(overlay)}
    (migration,) = of_kind(overlay, "Job")
    clocked = {"close-day", "trim", "rebuild-engagement", "rebuild-segmentation"}
    assert found == {
        *(("Deployment", f"qunli-{name}") for name in SERVICES),
        *(("CronJob", name) for name in clocked),
        ("Job", migration["metadata"]["name"]),
    }
    assert namespaces(overlay) == ALLOWED_NAMESPACES


def test_no_pod_may_do_more_than_it_must(overlay: list[Document]) -> None:
    for pod in pods(overlay):
        security = pod.spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod.spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(pod.spec)
        kinds = {kind for volume in pod.spec["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"configMap", "secret", "emptyDir", "projected"}
        sources = [each for volume in pod.spec["volumes"] for each in volume.get("projected", {}).get("sources", ())]
        assert {kind for source in sources for kind in source} <= {"configMap"}, "no token of the API server"
        for container in pod.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_every_container_has_requests_and_limits(overlay: list[Document]) -> None:
    for pod in pods(overlay):
        for container in pod.containers:
            for bound in ("requests", "limits"):
                assert set(container["resources"][bound]) == {"cpu", "memory"}, (pod.workload, bound)
        assert all("sizeLimit" in volume["emptyDir"] for volume in pod.spec["volumes"] if "emptyDir" in volume)


def test_every_image_has_a_full_tag(overlay: list[Document]) -> None:
    images = {container["image"] for pod in pods(overlay) for container in pod.containers}
    assert len(images) == 1, "one image for all, of one version"
    images |= {one(overlay, "Cluster", "qunli-db")["spec"]["imageName"]}
    for image in images:
        assert re.fullmatch(r"[^\s@]+:v?[0-9]+\.[0-9]+[^:/\s]*", image), image


def test_services_are_probed_on_the_ops_port(overlay: list[Document]) -> None:
    for pod in deployed(overlay):
        container = pod.container
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["ops"] == int(environment(overlay, container)["QUNLI_OPS_PORT"])
        probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
        assert probes == {
            "startup": {"path": "/health/live", "port": "ops"},
            "readiness": {"path": "/health/ready", "port": "ops"},
            "liveness": {"path": "/health/live", "port": "ops"},
        }


def test_a_pod_has_the_time_that_it_needs_to_end(overlay: list[Document]) -> None:
    for pod in deployed(overlay):
        container = pod.container
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        drain = float(environment(overlay, container).get("QUNLI_DRAIN_SECONDS", 0))
        assert pod.spec["terminationGracePeriodSeconds"] >= pause + drain + GRACE_SECONDS + 5
        is_door = any(port["name"] == "http" for port in container["ports"])
        assert (pause > 0) == is_door, "doors wait until nobody is sent to them any more; processors have no callers"


def test_services_are_spread_and_never_all_taken_away(overlay: list[Document]) -> None:
    for pod in deployed(overlay):
        keys = {spread["topologyKey"] for spread in pod.spec["topologySpreadConstraints"]}
        assert keys == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        budget = one(overlay, "PodDisruptionBudget", f"qunli-{pod.workload}")["spec"]
        assert budget["maxUnavailable"] == 1
        assert matches(budget["selector"], pod)


def test_what_waits_for_the_schema_is_the_service_itself(overlay: list[Document]) -> None:
    for pod in deployed(overlay):
        (schema,) = pod.spec["initContainers"]
        assert schema["command"][:2] == ["qunli", "wait"]
        assert schema["image"] == pod.container["image"]
        assert schema["env"] == pod.container["env"][: len(schema["env"])]
        assert schema["envFrom"] == pod.container["envFrom"]


def test_commands_exist_and_take_what_they_are_given(overlay: list[Document]) -> None:
    for pod in pods(overlay):
        for container in pod.containers:
            match container["command"]:
                case ["python", "-m", module]:
                    assert module == f"services.{pod.workload}"
                    assert find_spec(f"{module}.__main__")
                case ["qunli", name, *arguments]:
                    assert name in cli.command_names()
                    taken(name, arguments)
                case other:
                    pytest.fail(f"nobody knows {other}")


def taken(name: str, arguments: list[str]) -> None:
    """Have a command read its arguments, as it would."""
    from importlib import import_module

    app = import_module(f"deploy.local.commands.{cli.module_name(name)}").app
    typer.main.get_command(app).make_context(name, list(arguments))


def test_every_variable_is_a_setting_and_its_value_is_taken(
    overlay: list[Document], monkeypatch: pytest.MonkeyPatch, files: Path
) -> None:
    for pod in pods(overlay):
        given = {
            name: value
            for name, value in environment(overlay, pod.container).items()
            if name.startswith("QUNLI_") and name not in OF_COMMANDS
        }
        unknown = {name for name in given if name.removeprefix("QUNLI_").lower() not in Settings.model_fields}
        assert not unknown
        with monkeypatch.context() as patched:
            for name, value in given.items():
                patched.setenv(name, value.replace("$(NAME)", pod.workload).replace("/etc/qunli", str(files)))
            chosen = Settings()
        if "QUNLI_KAFKA_BOOTSTRAP" in given:
            assert chosen.kafka_uses_tls
        if "QUNLI_DATABASE_URL" in given:
            assert "sslmode=verify-full" in chosen.database_address


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is mounted at /etc/qunli: as the operators write it."""
    folder = tmp_path_factory.mktemp("mounted")
    authority = Authority.new("test")
    user = authority.sign("qunli-test")
    for name, content in {
        "authorities/kafka.crt": authority.pem,
        "authorities/database.crt": authority.pem,
        "kafka/user.crt": user.certificate,
        "kafka/user.key": user.key,
        "database/password": b"secret",
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return folder


def test_files_that_are_named_are_mounted(overlay: list[Document]) -> None:
    for pod in pods(overlay):
        volumes = {volume["name"] for volume in pod.spec["volumes"]}
        for container in pod.containers:
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert set(mounts.values()) <= volumes
            for name, value in environment(overlay, container).items():
                if name.endswith("_FILE") or name == "QUNLI_TOKEN_ISSUERS":
                    assert any(value.startswith(f"{place}/") for place in mounts), (pod.workload, name)


def test_each_service_has_its_own_role_certificate_and_password(overlay: list[Document]) -> None:
    for pod in deployed(overlay):
        secrets = {v["name"]: v["secret"]["secretName"] for v in pod.spec["volumes"] if "secret" in v}
        assert secrets == {"kafka": f"qunli-{pod.workload}", "database": f"qunli-db-{pod.workload}"}
        url = environment(overlay, pod.container)["QUNLI_DATABASE_URL"].replace("$(NAME)", pod.workload)
        assert url.startswith(f"postgresql://qunli_{pod.workload}@"), "and no password in it"


def test_no_secret_stands_in_the_manifests(overlay: list[Document]) -> None:
    assert not of_kind(overlay, "Secret")


def test_replicas_are_nobodys_but_the_scalers(overlay: list[Document]) -> None:
    assert all("replicas" not in document["spec"] for document in of_kind(overlay, "Deployment"))


def deployed(overlay: list[Document]) -> list[Pod]:
    """The services' pods."""
    return [pod for pod in pods(overlay) if pod.kind == "Deployment"]


def matches(selector: Document, pod: Pod) -> bool:
    """Whether a selector of labels takes a pod."""
    return all(pod.labels.get(key) == value for key, value in selector["matchLabels"].items())
