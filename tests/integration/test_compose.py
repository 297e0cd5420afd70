"""docker-compose.yml: right by the Compose specification, and everything that it names is there in the code."""

import re
import subprocess
import tomllib
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml
from dotenv import dotenv_values

from deploy.local import cli, jars, topics
from deploy.local import compose as deployment
from deploy.local import kafka as kafka_part
from deploy.local.ports import HOST, free_port
from deploy.tools.go_tools import built
from libs.common import workers
from libs.common.bootstrap_keys import read_bootstrap_keys
from libs.common.config import Settings
from libs.common.migrate import ROLES
from tests.integration import compose
from tests.integration.dockerfile import ROOT, json_list, stages

OURS = ("migrate", "ingest", "engagement", "segmentation", "gateway", "qunli", "clock")
SERVICES = ("ingest", "engagement", "segmentation", "gateway")
# What commands read of the environment beside settings; deploy/local/reach.py does.
OF_COMMANDS = {"QUNLI_INGEST", "QUNLI_GATEWAY", "QUNLI_KEY"}
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
RAW = compose.FILE.read_text(encoding="utf-8")

# The first time the loader is built: half a minute.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file, and what `qunli compose-env` makes beside it."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / deployment.COMPOSE_FILE).write_text(RAW, encoding="utf-8")
    deployment.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def model(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> compose.Model:
    return compose.model(variables(checkout), tmp_path_factory.mktemp("model"))


def variables(checkout: Path) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(checkout / ".env").items()}


def settings_of(service: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def test_the_specification_takes_the_file_as_it_is() -> None:
    loaded = compose.load(compose.FILE, "-no-interpolation")
    assert loaded.returncode == 0, loaded.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("restart: unless-stopped", "restarts: unless-stopped"),
        ("{condition: service_healthy}", "{condition: service_well}"),
        ("depends_on: [jaeger]", "depends_on: [zipkin]"),
        ("secrets: [grafana-password]", "secrets: [no-such-password]"),
        ("networks: [watch]", "networks: [nowhere]"),
    ],
)
def test_the_specification_refuses_mistakes(right: str, wrong: str, tmp_path: Path) -> None:
    assert right in RAW
    path = tmp_path / compose.FILE.name
    path.write_text(RAW.replace(right, wrong), encoding="utf-8")
    # A service that is missed, or a network, is the consistency check's to find.
    loaded = compose.load(path, "-no-interpolation")
    project = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert loaded.returncode != 0 or missing_names(project)


def missing_names(project: dict[str, Any]) -> set[str]:
    """What services name and the file does not have."""
    found: set[str] = set()
    for service in project["services"].values():
        found |= set(service.get("depends_on", [])) - set(project["services"])
        found |= set(service.get("networks", [])) - set(project["networks"])
        secrets = {each if isinstance(each, str) else each["source"] for each in service.get("secrets", [])}
        found |= secrets - set(project["secrets"])
    return found


def test_every_name_within_the_file_is_there() -> None:
    assert missing_names(yaml.safe_load(RAW)) == set()


def test_without_its_keys_it_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / compose.FILE.name
    path.write_text(RAW, encoding="utf-8")
    loaded = compose.load(path)
    assert loaded.returncode != 0
    assert "QUNLI_KAFKA_CLUSTER_ID is missing a value: make it with qunli compose-env" in loaded.stderr


def test_keys_and_passwords_are_made_once_for_their_owner(checkout: Path) -> None:
    env_file, folder = checkout / ".env", checkout / deployment.SECRETS
    before = {path: path.read_bytes() for path in (env_file, *folder.iterdir())}
    shell = deployment.prepare(checkout)
    assert {path: path.read_bytes() for path in before} == before
    assert len(set(before.values())) == len(deployment.PASSWORDS) + 1
    assert all(len(text) > 40 for text in before.values())
    assert oct(folder.stat().st_mode)[-3:] == "700"
    assert oct(env_file.stat().st_mode)[-3:] == "600"
    env = variables(checkout)
    (key,) = read_bootstrap_keys(env["QUNLI_BOOTSTRAP_KEYS"])
    assert env["QUNLI_KEY"].startswith(f"qk_{key.id}_")
    assert shell["QUNLI_KEY"] == env["QUNLI_KEY"]
    assert Path(shell["QUNLI_DATABASE_PASSWORD_FILE"]).read_text() == before[folder / "owner-password"].decode()
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".env", ".qunli-*/"} <= set(ignored)


def test_what_is_missing_is_added_and_nothing_else_touched(tmp_path: Path) -> None:
    (tmp_path / deployment.COMPOSE_FILE).write_text(RAW, encoding="utf-8")
    (tmp_path / ".env").write_text("QUNLI_TIMEZONE=Europe/Berlin\nQUNLI_GATEWAY_PORT='9001'")
    shell = deployment.prepare(tmp_path)
    assert (tmp_path / ".env").read_text().startswith("QUNLI_TIMEZONE=Europe/Berlin\nQUNLI_GATEWAY_PORT='9001'\n")
    assert shell["QUNLI_TIMEZONE"] == "Europe/Berlin"
    assert shell["QUNLI_GATEWAY"] == "http://127.0.0.1:9001"
    assert set(deployment.prepare(tmp_path)) == set(shell)


def test_every_variable_of_our_services_is_a_setting_that_fits(
    model: compose.Model, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = {f"QUNLI_PASSWORD_{role.removeprefix('qunli_').upper()}_FILE" for role in ROLES}
    settings = {f"QUNLI_{name.upper()}" for name in Settings.model_fields}
    for name in OURS:
        env = settings_of(model["services"][name])
        assert set(env) <= settings | OF_COMMANDS | (passwords if name == "migrate" else set()), name
        secrets = model["services"][name].get("secrets", [])
        files = {f"/run/secrets/{Path(each['target']).name}": each["source"] for each in secrets}
        for variable, value in env.items():
            here = checkout / deployment.SECRETS / files[value] if value in files else value
            monkeypatch.setenv(variable, str(here))
        Settings()
        for variable in env:
            monkeypatch.delenv(variable)
    assert passwords <= set(settings_of(model["services"]["migrate"]))
    reads = (ROOT / "deploy/local/reach.py").read_text(encoding="utf-8")
    assert {"QUNLI_{name.upper()}", "QUNLI_KEY"} <= set(re.findall(r'"(QUNLI_[^"]*)"', reads))


def test_every_variable_that_is_asked_for_is_made_or_has_its_default_in_the_code(checkout: Path) -> None:
    made = set(variables(checkout))
    asked = {name: rest for name, kind, rest in compose.VARIABLE.findall(RAW)}
    assert {name for name in asked if f"{{{name}:?" in RAW} <= made
    ports = {name: int(rest) for name, rest in asked.items() if name.endswith("_PORT")}
    assert ports == deployment.PORTS
    others = set(asked) - made - set(ports)
    assert {name.removeprefix("QUNLI_").lower() for name in others} <= set(Settings.model_fields)
    for name in (set(asked) & {"QUNLI_TIMEZONE"}) | others:
        assert asked[name] == str(Settings.model_fields[name.removeprefix("QUNLI_").lower()].default)


def test_every_command_is_one_of_the_code(model: compose.Model) -> None:
    for name in OURS:
        command = [*model["services"][name].get("entrypoint", []), *model["services"][name]["command"]]
        match command:
            case ["python", "-m", module]:
                assert module == f"services.{name}"
                assert find_spec(f"{module}.__main__")
            case ["qunli", "--help"]:
                pass
            case ["qunli", subcommand, *arguments]:
                app = import_module(f"deploy.local.commands.{cli.module_name(subcommand)}").app
                typer.main.get_command(app).make_context(subcommand, arguments)  # fails for an option that is not there
            case _:
                pytest.fail(f"{name}: {command}")


def test_services_are_watched_and_stopped_as_the_image_and_the_code_have_it(model: compose.Model) -> None:
    (image,) = [each.text for each in stages(DOCKERFILE)[-1] if each.name == "HEALTHCHECK"]
    numbers = dict(re.findall(r"--([a-z-]+)=(\S+)", image))
    for name in SERVICES:
        check = model["services"][name]["healthcheck"]
        assert check["test"] == ["CMD", *json_list(image)]
        told = {key.replace("_", "-"): str(value) for key, value in check.items() if key != "test"}
        assert {key: compose.seconds(value) if key != "retries" else int(value) for key, value in told.items()} == {
            key: compose.seconds(value) if key != "retries" else int(value) for key, value in numbers.items()
        }
        drain = float(settings_of(model["services"][name]).get("QUNLI_DRAIN_SECONDS", 0))
        assert compose.seconds(model["services"][name]["stop_grace_period"]) > workers.STOP_SECONDS + drain + 5


def test_our_containers_can_do_nothing_but_their_work(model: compose.Model) -> None:
    for name in OURS:
        service = model["services"][name]
        assert service["image"] == f"qunli:{version('qunli')}"
        assert service["build"]["dockerfile"] == "deploy/Dockerfile"
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("volumes")
        assert not {"privileged", "pid", "network_mode", "cap_add", "user"} & set(service)


def test_services_begin_after_the_migration_and_that_after_kafka_and_postgres(model: compose.Model) -> None:
    for name in SERVICES:
        assert model["services"][name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    after = model["services"]["migrate"]["depends_on"]
    assert {name: each["condition"] for name, each in after.items()} == {
        "kafka": "service_healthy",
        "postgres": "service_healthy",
    }
    for name in after:
        assert model["services"][name]["healthcheck"]["test"]


def test_only_this_machine_is_listened_on_at_ports_that_are_there(model: compose.Model) -> None:
    inside = {"ingest": 8080, "gateway": 8081, "postgres": 5432, "grafana": 3000, "prometheus": 9090, "jaeger": 16686}
    published = {name: each for name, each in model["services"].items() if each.get("ports")}
    assert {name: int(each["ports"][0]["target"]) for name, each in published.items()} == inside
    assert all(port["host_ip"] == "127.0.0.1" for each in published.values() for port in each["ports"])
    for name in ("ingest", "gateway"):
        assert int(settings_of(published[name])[f"QUNLI_{name.upper()}_PORT"]) == inside[name]
    env = dict(
        part.split("=", 1) for each in stages(DOCKERFILE)[-1] if each.name == "ENV" for part in each.text.split()
    )
    for job in scraped():
        assert f"{job['dns_sd_configs'][0]['port']}" == env["QUNLI_OPS_PORT"]


def test_kafka_is_reached_by_qunli_alone(model: compose.Model) -> None:
    on = {name for name, each in model["services"].items() if "data" in each["networks"]}
    assert on == {*OURS, "kafka", "postgres"}
    assert set(model["services"]["kafka"]["networks"]) == {"data"}
    assert model["networks"]["data"]["internal"] is True


def test_kafka_keeps_everything_and_is_of_the_version_that_is_tested(model: compose.Model) -> None:
    service = model["services"]["kafka"]
    tested = next(jar.version for jar in jars.locked_jars() if jar.artifact == "kafka_2.13")
    assert tag(service["image"]).rpartition(".")[0] == tested.rpartition(".")[0]
    named = kafka_settings(service)
    ours = kafka_part.node_settings(kafka_part.Node(Path(), Path(), "", 9092, 9093, ""), Path("/var/lib/kafka/data"))
    assert {*named} <= {*ours, "log.retention.ms"}
    alike = ("factor", "isr", "enable", "delay.ms")
    assert {name for name in named if name.endswith(alike) and named[name] != ours[name]} == set()
    (volume,) = service["volumes"]
    assert (volume["type"], volume["target"]) == ("volume", named["log.dirs"])
    assert named["log.retention.ms"] == "-1"
    addresses = {settings_of(model["services"][name])["QUNLI_KAFKA_BOOTSTRAP"] for name in SERVICES}
    assert {f"PLAINTEXT://{address}" for address in addresses} == {named["advertised.listeners"]}


def kafka_settings(service: dict[str, Any]) -> dict[str, str]:
    """Kafka's properties, as its image makes them of the environment."""
    return {
        name.removeprefix("KAFKA_").replace("_", ".").lower(): value
        for name, value in settings_of(service).items()
        if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"
    }


@pytest.mark.plain("docker-compose.yml's Kafka asks nobody who he is")
def test_kafka_starts_with_these_settings_and_takes_our_topics(model: compose.Model, tmp_path: Path) -> None:
    service = model["services"]["kafka"]
    cluster, broker, controller = settings_of(service)["CLUSTER_ID"], free_port([], ()), free_port([], ())
    node = kafka_part.Node(tmp_path, tmp_path / "log", cluster, broker, controller, jars.ensure(), throwaway=True)
    here = {"kafka:": f"{HOST}:", "://:": f"://{HOST}:", "9092": f"{broker}", "9093": f"{controller}"}
    settings = kafka_settings(service) | {"log.dirs": str(node.data)}
    for word, there in here.items():
        settings = {name: value.replace(word, there) for name, value in settings.items()}
    kafka_part.write_settings(node.settings_file, settings)
    tool = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(node.settings_file))
    subprocess.run(kafka_part.java(node.class_path, kafka_part.TOOL_OPTIONS, tool), check=True, capture_output=True)
    child = kafka_part.child(node)
    try:
        child.start()
        child.wait_ready()
        topics.create(node.bootstrap)
    finally:
        child.stop(grace=compose.seconds(service["stop_grace_period"]))
    assert child.exit_status == 143  # as the JVM ends by SIGTERM


def test_postgres_is_18_with_its_volume_where_18_has_it(model: compose.Model) -> None:
    service = model["services"]["postgres"]
    assert re.fullmatch(r"18\.\d+-[a-z]+", tag(service["image"]))
    (volume,) = service["volumes"]
    assert (volume["type"], volume["target"]) == ("volume", "/var/lib/postgresql")
    env = settings_of(service)
    for name in (*SERVICES, "migrate", "qunli"):
        url = urlsplit(settings_of(model["services"][name])["QUNLI_DATABASE_URL"])
        role = f"qunli_{name}" if name in SERVICES else env["POSTGRES_USER"]
        assert (url.username, url.password, url.hostname) == (role, None, "postgres")
        assert (url.port, url.path) == (5432, f"/{env['POSTGRES_DB']}")
    assert {f"qunli_{name}" for name in SERVICES} == set(ROLES)


def tag(image: str) -> str:
    return re.sub(r"@sha256:[0-9a-f]{64}$", "", image).rpartition(":")[2]


def test_images_have_whole_versions_and_digests_a_source() -> None:
    for line in [line.strip() for line in RAW.splitlines() if line.strip().startswith("image: ")]:
        assert re.fullmatch(r"image: [a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?(@sha256:[0-9a-f]{64})?", line), line
        assert "@" not in line or "Digests beside the tags are written by `make pin-images`" in RAW


def test_every_secret_is_a_file_that_is_made_and_no_password_stands_in_git(model: compose.Model) -> None:
    files = {name: each["file"] for name, each in model["secrets"].items()}
    assert files == {name: files[name] for name in deployment.PASSWORDS}
    assert {Path(path).parent.name for path in files.values()} == {deployment.SECRETS}
    for name, service in model["services"].items():
        mounted = {f"/run/secrets/{Path(each['target']).name}" for each in service.get("secrets", [])}
        named = {value for value in settings_of(service).values() if value.startswith("/run/secrets/")}
        assert named == mounted, name
    assert not re.findall(r"^\s*\S*(?:PASSWORD|SECRET)\S*: (?!/run/secrets/)(?!\{)\S+", RAW, re.MULTILINE)


def scraped() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read("deploy/compose/prometheus.yml")["scrape_configs"]
    return found


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def mounts(model: compose.Model, name: str) -> dict[str, Path]:
    """Place inside -> what lies there, of this checkout."""
    lines = yaml.safe_load(RAW)["services"][name]["volumes"]
    found = {line.split(":")[1]: ROOT / line.split(":")[0] for line in lines if line.startswith("./")}
    assert all(path.exists() for path in found.values())
    assert all(line.endswith(":ro") for line in lines if line.startswith("./"))
    return found


def test_prometheus_scrapes_every_service_and_judges_our_rules(model: compose.Model, tmp_path: Path) -> None:
    jobs = {job["job_name"]: job["dns_sd_configs"][0]["names"] for job in scraped()}
    assert jobs == {f"qunli-{name}": [name] for name in SERVICES}
    for name in SERVICES:
        assert set(model["services"][name]["networks"]) & set(model["services"]["prometheus"]["networks"])
    held = mounts(model, "prometheus")
    (config,) = [each.removeprefix("--config.file=") for each in model["services"]["prometheus"]["command"]
                 if each.startswith("--config.file=")]  # fmt: skip
    text = held[config].read_text(encoding="utf-8")
    for rules in yaml.safe_load(text)["rule_files"]:
        text = text.replace(rules, str(held[rules]))
    content = yaml.safe_load(text)
    for job in content["scrape_configs"]:
        # This build of the tool knows no discovery but static ones.
        (names,) = job.pop("dns_sd_configs")
        assert set(names) == {"names", "type", "port", "refresh_interval"}
        job["static_configs"] = [{"targets": [f"{name}:{names['port']}" for name in names["names"]]}]
    there = tmp_path / "prometheus.yml"
    there.write_text(yaml.safe_dump(content), encoding="utf-8")
    checked = subprocess.run([built("promtool"), "check", "config", there], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "rules found" in checked.stdout


def test_grafana_finds_prometheus_jaeger_and_our_dashboards(model: compose.Model) -> None:
    held = mounts(model, "grafana")
    sources = read("deploy/compose/grafana/datasources/qunli.yaml")["datasources"]
    assert held["/etc/grafana/provisioning/datasources"] == ROOT / "deploy/compose/grafana/datasources"
    targets = {"prometheus": 9090, "jaeger": 16686}
    assert {each["type"]: urlsplit(each["url"])[1] for each in sources} == {
        name: f"{name}:{port}" for name, port in targets.items()
    }
    (provider,) = read("deploy/compose/grafana/dashboards/qunli.yaml")["providers"]
    assert list(held[provider["options"]["path"]].glob("*.json"))


def test_traces_go_from_the_services_by_the_collector_to_jaeger(model: compose.Model) -> None:
    config = read("deploy/compose/collector.yaml")
    port = urlsplit(settings_of(model["services"]["ingest"])["QUNLI_OTLP_ENDPOINT"]).netloc
    assert port == f"collector:{config['receivers']['otlp']['protocols']['http']['endpoint'].rpartition(':')[2]}"
    pipeline = config["service"]["pipelines"]["traces"]
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipeline[kind]) == set(config[kind])
    assert pipeline["processors"][0] == "memory_limiter"  # refuses before it has taken
    (exporter,) = config["exporters"].values()
    assert exporter["endpoint"].partition(":")[0] in model["services"]
    (mounted,) = mounts(model, "collector")
    assert model["services"]["collector"]["command"] == ["--config", mounted]


def test_the_page_lists_every_service_its_image_and_its_port(model: compose.Model) -> None:
    page = (ROOT / "docs/containers.md").read_text(encoding="utf-8")
    table = page.partition("## What runs")[2].partition("\nThe variable")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "`" in line]
    told = {name: (row[1].strip("`"), row[2]) for row in rows for name in re.findall(r"`([a-z]+)`", row[0])}
    assert set(told) == set(model["services"])
    for name, service in model["services"].items():
        image, port = told[name]
        assert service["image"].partition(":")[0] == image
        ports = str(yaml.safe_load(RAW)["services"][name].get("ports"))
        found = re.findall(r"\$\{(QUNLI_[A-Z]+_PORT):-(\d+)\}", ports)
        assert port == "".join(f"{number} `{variable}`" for variable, number in found)


def test_the_version_of_the_image_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"image: qunli:{project['version']}" in RAW
