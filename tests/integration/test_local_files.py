"""What the stack keeps on disk: the data folder, its lock, the jars, the logs."""

import hashlib
import socket
import stat
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from deploy.local import folder as folders
from deploy.local import jars, kafka, ports, postgres, services, tokens
from deploy.local.folder import Folder
from deploy.local.supervisor import shorten_logs
from libs.common.caller import MEMBER_SCOPES
from libs.common.clock import now_ms
from libs.common.errors import UserError
from libs.common.issuers import load_issuers
from libs.common.token_verifier import TokenVerifier


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = folders.folder_at(tmp_path / "data")
    folders.make(made)
    return made


def test_passwords_are_settled_once_and_for_the_owner_alone(folder: Folder) -> None:
    settled = folders.settle(folder, None, "Asia/Shanghai")
    assert folders.settle(folder, None, "Europe/Paris") == settled
    assert stat.S_IMODE(folder.settled_file.stat().st_mode) == 0o600


async def test_the_stacks_own_tokens_are_taken_by_its_services(folder: Folder) -> None:
    path = tokens.prepare(folder)
    assert stat.S_IMODE((folder.tokens / "key.pem").stat().st_mode) == 0o600
    minted = tokens.mint(folder, "m-42", ["sh-001"], 15)
    assert tokens.prepare(folder) == path  # and the key stays
    caller = await TokenVerifier(load_issuers(str(path))).verify(minted, now_ms() / 1000)
    assert caller
    assert (caller.member_id, sorted(caller.stores)) == ("m-42", ["sh-001"])
    assert sorted(caller.scopes) == sorted(MEMBER_SCOPES)


def test_a_folder_without_a_key_mints_nothing(folder: Folder) -> None:
    with pytest.raises(UserError, match="no key for tokens yet"):
        tokens.mint(folder, "m-42", ["sh-001"], 15)


def test_a_list_of_issuers_of_ones_own_goes_before_the_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    around, ports = services.Surroundings("", "", "Asia/Shanghai", "/stack/issuers.yaml"), {"ops": 0, "door": 0}

    def chosen() -> str:
        return services.service_env(services.GATEWAY, around, "", ports)["QUNLI_TOKEN_ISSUERS"]

    monkeypatch.delenv("QUNLI_TOKEN_ISSUERS", raising=False)
    assert chosen() == "/stack/issuers.yaml"
    monkeypatch.setenv("QUNLI_TOKEN_ISSUERS", "mine.yaml")
    assert chosen() == str(Path("mine.yaml").absolute())


def test_another_time_zone_is_refused(folder: Folder) -> None:
    folders.settle(folder, "Asia/Shanghai", "Asia/Shanghai")
    with pytest.raises(UserError, match="those of Asia/Shanghai, not of Europe/Paris"):
        folders.settle(folder, "Europe/Paris", "Asia/Shanghai")


def test_data_without_what_opens_it_is_refused(folder: Folder) -> None:
    folder.postgres.mkdir()
    with pytest.raises(UserError, match=r"not the stack\.json that opens it"):
        folders.settle(folder, None, "Asia/Shanghai")


def test_a_damaged_stack_file_is_refused(folder: Folder) -> None:
    folder.settled_file.write_text('{"cluster_id": ')
    with pytest.raises(UserError, match="cannot be read"):
        folders.settle(folder, None, "Asia/Shanghai")


def test_a_folder_is_held_by_one(folder: Folder) -> None:
    assert folders.holder(folder) is None
    with folders.lock(folder), pytest.raises(UserError, match="already running"):
        folders.lock(folder)
    folders.lock(folder).close()


def test_a_folder_below_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        folders.make(folders.folder_at(tmp_path / "file" / "data"))


def test_damaged_kafka_data_is_refused(folder: Folder) -> None:
    node = kafka.Node(folder.kafka, folder.log("kafka"), folders.new_cluster_id(), 1, 2, jars.ensure())
    kafka.prepare(node, made=False)
    kafka.prepare(node, made=True)
    with pytest.raises(UserError, match="belongs to another Kafka cluster"):
        kafka.prepare(replace(node, cluster_id=folders.new_cluster_id()), made=True)
    (node.data / "meta.properties").unlink()
    with pytest.raises(UserError, match="is not a complete Kafka data folder"):
        kafka.prepare(node, made=True)


def test_damaged_postgres_data_is_refused(folder: Folder) -> None:
    server = postgres.server(folder.postgres, folder.log("postgres"), 1, "secret", throwaway=True)
    postgres.prepare(server, made=False)
    postgres.prepare(server, made=True)
    assert not (server.folder / "password").exists()
    (server.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(UserError, match="was written by Postgres 17"):
        postgres.prepare(server, made=True)
    (server.data / "global" / "pg_control").unlink()
    with pytest.raises(UserError, match="is not a complete Postgres data folder"):
        postgres.prepare(server, made=True)


@pytest.mark.parametrize("part", [kafka, postgres])
def test_data_that_has_gone_is_not_silently_made_anew(folder: Folder, part: ModuleType) -> None:
    server = postgres.server(folder.postgres, folder.log("postgres"), 1, "secret", throwaway=True)
    node = kafka.Node(folder.kafka, folder.log("kafka"), folders.new_cluster_id(), 1, 2, jars.ensure())
    with pytest.raises(UserError, match="is not a complete"):
        part.prepare(node if part is kafka else server, made=True)


def test_a_jar_counts_only_with_its_checksum(tmp_path: Path) -> None:
    right, wrong, absent = (jars.Jar("g", name, "1", hashlib.sha256(b"jar").hexdigest()) for name in "abc")
    (tmp_path / right.file_name).write_bytes(b"jar")
    (tmp_path / wrong.file_name).write_bytes(b"another")
    assert jars.missing((right, wrong, absent), tmp_path) == (wrong, absent)


def test_without_a_usable_home_the_cache_goes_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert jars.cache_folder() == tmp_path / "cache" / "qunli"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "")
    assert jars.cache_folder().is_absolute()


def test_a_port_in_use_is_not_given_away() -> None:
    with socket.create_server((ports.HOST, 0)) as server:
        taken = server.getsockname()[1]
        assert ports.is_open(taken)
        assert not ports.is_free(taken)
        assert ports.free_port([taken], set()) != taken


def test_a_long_log_is_cut_and_its_text_kept(folder: Folder) -> None:
    log = folder.log("ingest")
    with log.open("ab") as writer:
        for line in (b"first", b"second", b"third"):
            writer.write(line)
            writer.flush()
            shorten_logs(folder, limit=4)
            assert log.stat().st_size == 0
        writer.write(b"on")
    assert [log.with_suffix(f".log.{n}").read_bytes() for n in (1, 2, 3)] == [b"third", b"second", b"first"]
    assert log.read_bytes() == b"on"
