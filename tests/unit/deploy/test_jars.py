"""What the lock file of Kafka's jars must hold."""

import re

from deploy.local import zipkin
from deploy.local.jars import LOCK_FILE, class_path, jar_folder, locked_jars

LOCKS = (LOCK_FILE, zipkin.LOCK_FILE)


def test_every_jar_has_a_checksum_and_a_file_of_its_own() -> None:
    jars = [jar for lock in LOCKS for jar in locked_jars(lock)]
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in jars)
    assert len({jar.file_name for jar in jars}) == len(jars)


def test_the_lock_file_names_no_address() -> None:
    assert not [lock for lock in LOCKS if "://" in lock.read_text()]


def test_zipkin_is_one_jar_that_runs_by_itself() -> None:
    [jar] = locked_jars(zipkin.LOCK_FILE)
    assert jar.file_name == "zipkin-server-3.6.1-exec.jar"
    assert jar not in locked_jars()  # fetched only when it is asked for


def test_kafka_comes_with_its_own_client_and_a_logging_binding() -> None:
    versions = {jar.artifact: jar.version for jar in locked_jars()}
    assert versions["kafka_2.13"] == versions["kafka-clients"] == versions["kafka-server"] == "4.3.0"
    assert versions["log4j-slf4j-impl"] == versions["log4j-core"]


def test_the_class_path_keeps_the_order_of_the_lock_file() -> None:
    jars = locked_jars()
    paths = class_path(jars, jar_folder()).split(":")
    assert [path.rpartition("/")[2] for path in paths] == [jar.file_name for jar in jars]
