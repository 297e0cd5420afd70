"""A plain way as a process of a stack, beside the service that it is compared with."""

import sys
from pathlib import Path

import httpx

from benchmarks.world import World
from deploy.local.child import Child, Command
from deploy.local.ports import HOST
from deploy.local.services import Service, Surroundings, service_env

ROOT = Path(__file__).parent.parent


def start(world: World, name: str, module: str, beside: Service, key: str) -> str:
    """Start `module` with the settings of `beside`; its address when it answers. `key`: the variable for the key."""
    stack = world.stack
    port = stack.port(name)
    url = f"http://{HOST}:{port}"
    around = Surroundings(stack.urls.kafka, "", stack.settled.timezone)
    env = service_env(beside, around, stack.urls.database, {"door": port, "ops": 0})
    command = Command(
        name=name,
        argv=(sys.executable, "-m", module),
        env=env | {key: stack.server_key},
        cwd=ROOT,
        log=stack.folder.log(name.replace(" ", "-")),
        is_ready=lambda: _answers(url),
    )
    child = stack.services[name] = Child(command)
    child.start()
    child.wait_ready()
    return url


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/openapi.json", timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False
