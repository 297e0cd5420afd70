"""The demo as a user runs it: `qunli demo`, twice, and the lines it says to try."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from deploy.local import folder as folders

DAYS = 10
SECONDS = 280
CURL = """
import argparse, sys, urllib.request
parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("-s", action="store_true")
parser.add_argument("-H", action="append")
parser.add_argument("-D")
parser.add_argument("-d")
given = parser.parse_args()
headers = dict(header.split(": ", 1) for header in given.H)
request = urllib.request.Request(given.url, given.d and given.d.encode(), headers)
with urllib.request.urlopen(request) as answer:
    if given.D:
        open(given.D, "w").write("".join(f"{name}: {value}\\r\\n" for name, value in answer.headers.items()))
    sys.stdout.write(answer.read().decode())
"""


def demo(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """The demo on a data folder; its picture goes below the folder's parent."""
    argv = [sys.executable, "-m", "deploy.local.cli", "demo", "--days", str(DAYS), "--data", str(folder), *arguments]
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUNLI_")} | {"COLUMNS": "160"}
    return subprocess.Popen(
        argv, cwd=folder.parent, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def figures(output: str) -> str:
    """What the demo says between its tables' beginning and the curl lines."""
    return output[output.index("Members by tier") : output.index("Try it")]


@pytest.mark.timeout(600)
def test_the_demo_tells_its_story_and_the_second_time_finds_it_imported(tmp_path: Path) -> None:
    with demo(tmp_path / "data", "--exit") as first:
        told = first.communicate(timeout=SECONDS)[0]
    assert first.returncode == 0, told
    assert "Posted 9,515 events" in told
    assert re.search(r"2017-01-08 +46 +1,279 +52", told), told
    assert "Slipping away now" in told
    assert re.search(r"The plan's items: 1,\d+ approved", told), told
    planned, joined = (float(found) for found in re.findall(r"nobody can exceed +([.\d]+) +([.\d]+)", told)[0])
    assert planned > 2 * joined
    assert re.search(r"groups with 150 to 250 people +(\d+) of \1 ", told), told
    for name in ("tiers", "groups"):
        assert (tmp_path / f"out/demo-{name}.png").read_bytes().startswith(b"\x89PNG")
    assert folders.holder(folders.folder_at(tmp_path / "data")) is None
    second = demo(tmp_path / "data")
    try:
        again = until_it_stays(second)
        assert "All of 2017-01-01 to 2017-01-10 was imported before: nothing to do." in again
        assert figures(again) == figures(told)
        _curl_lines_work(again, _path(tmp_path))
    finally:
        second.send_signal(signal.SIGINT)
        second.communicate(timeout=SECONDS)
    assert second.returncode == 0
    assert folders.holder(folders.folder_at(tmp_path / "data")) is None


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_town_comes_after_the_year_on_a_stack_of_its_own(tmp_path: Path) -> None:
    with demo(tmp_path / "data", "--exit", "--town") as process:
        told = process.communicate(timeout=840)[0]
    assert process.returncode == 0, told
    assert "closed up to 2017-01-10" in told
    assert "closed up to 2026-09-10" in told
    found = re.search(r"seed users: named, truly influential +(\d+), (\d+) of (\d+)", told)
    assert found, told
    named, right, _ = map(int, found.groups())
    assert right > named / 2
    assert re.search(r"people in groups +[1-9],\d+", told), told


def until_it_stays(process: "subprocess.Popen[str]") -> str:
    """What it prints until it waits for Ctrl-C."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "It stays up until Ctrl-C" in line:
            break
    assert "It stays up until Ctrl-C" in lines[-1], "".join(lines)
    return "".join(lines)


def _path(folder: Path) -> str:
    """A PATH with python3 and curl; on a machine without curl, one that knows the options used here."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "python3").symlink_to(sys.executable)
    if shutil.which("curl") is None:
        curl = bin_folder / "curl"
        curl.write_text(f"#!{sys.executable}\n{CURL}")
        curl.chmod(0o755)
    return f"{bin_folder}:{os.environ['PATH']}"


def _curl_lines_work(told: str, path: str) -> None:
    """Each of them answers as a shell runs it, the last with the visit that it posted."""
    lines = [line.strip() for line in told[told.index("Try it") :].splitlines() if line.startswith("  ")]
    keys, explain, slipped, visit, link = lines
    _the_link_logs_in(link)
    keys = keys.replace("$(qunli ", f"$({sys.executable} -m deploy.local.cli ")
    explained = json.loads(_shell(path, keys, explain))
    member = explained["member_id"]
    assert explained["memberships"][0]["tier"] == "monthly"
    assert _shell(path, keys, slipped).count("monthly") > 1
    posted, _, read = _shell(path, keys, visit).partition("\n")
    assert json.loads(posted)["accepted"] == 1
    membership = json.loads(read)["memberships"][0]
    assert (json.loads(read)["member_id"], membership["tier"], membership["last_active"]) == (
        member,
        "weekly",
        "2017-01-11",
    )


def _the_link_logs_in(link: str) -> None:
    gateway, _, login = link.partition("/console#login=")
    begun = httpx.post(f"{gateway}/v1/console/sessions", json={"login": login}, trust_env=False)
    assert begun.status_code == 201, begun.text
    assert (begun.json()["name"], begun.json()["stores"]) == ("local manager", ["*"])


def _shell(path: str, keys: str, line: str) -> str:
    done = subprocess.run(
        ["bash", "-c", f"set -e; {keys}; {line}"],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
