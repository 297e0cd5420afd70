"""The settings a node is run with."""

from dataclasses import replace
from pathlib import Path

from deploy.local.kafka import Node, node_settings
from deploy.local.security import Security

NODE = Node(Path("/data/kafka"), Path("/data/kafka.log"), "id", port=20_001, controller_port=20_002, class_path="")


def test_it_listens_on_this_machine_alone() -> None:
    settings = node_settings(NODE, NODE.data)
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    assert settings["advertised.listeners"] == "PLAINTEXT://127.0.0.1:20001"


def test_only_the_stack_makes_topics_and_nothing_expires() -> None:
    settings = node_settings(NODE, NODE.data)
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["log.retention.ms"] == "-1"


def test_a_lone_broker_asks_for_no_second_copy() -> None:
    settings = node_settings(NODE, NODE.data)
    assert {value for name, value in settings.items() if name.endswith((".factor", ".isr"))} == {"1"}


def test_a_secure_one_has_no_listener_without_tls_and_lets_nobody_do_what_no_right_says() -> None:
    settings = node_settings(replace(NODE, security=Security(Path("/data/security"))), NODE.data)
    assert settings["listeners"] == "SSL://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    assert settings["listener.security.protocol.map"] == "CONTROLLER:SSL,SSL:SSL"
    assert (settings["ssl.client.auth"], settings["allow.everyone.if.no.acl.found"]) == ("required", "false")
    assert settings["super.users"] == "User:CN=qunli-broker;User:CN=qunli-admin"
