"""A till of three members, to be killed: tracks event after event, writes down what it has tracked and what came back.

argv: a JSON object {url, key, folder, member, seed, count}; count: events before it drains and ends, or null.
"""

import json
import random
import sys
import time
from itertools import count
from pathlib import Path

from clients.python import Client, Problem, Rejection, answers

EVERY_SECONDS = 0.025

given = json.loads(sys.argv[1])
folder = Path(given["folder"])
chance = random.Random(given["seed"])
answers.AWAY = answers.Pauses(0.05, 1.0)  # real pauses, a tenth as long


def write(name: str, line: str) -> None:
    with (folder / name).open("a") as file:
        file.write(f"{line}\n")


def rejected(rejection: Rejection) -> None:
    write("rejected", f"{rejection.event['id']} {rejection.code}")


def problem(problem: Problem) -> None:
    write("problems", str(problem))


with Client(
    given["url"],
    store_id="sh-001",
    queue=folder / "queue.db",
    key=given["key"],
    batch=20,
    timeout=1.5,
    on_rejected=rejected,
    on_problem=problem,
    on_dropped=lambda number: write("dropped", str(number)),
) as till:
    for number in count():
        if number == given["count"]:
            break
        member = f"{given['member']}-{chance.randrange(3)}"
        if chance.random() < 0.04:
            write("bad", till.track("check_in", member, {"method": "teleport"}))
        else:
            write("tracked", till.track("check_in", member, {"method": "till"}))
        time.sleep(EVERY_SECONDS)
    sys.exit(0 if till.flush(120) else 1)
