"""The benchmark asks for every list that the gateway has."""

import re

from benchmarks import lists
from libs.common.config import Settings
from services.gateway.app import make_app
from services.gateway.gateway import Gateway

# The first is measured by itself; the last waits for the log to grow.
NO_LISTS = {"/v1/members/{member_id}", "/v1/commands/{command_id}", "/v1/ops/rates"}


def test_every_route_that_reads_is_walked() -> None:
    described = make_app(Gateway(Settings())).openapi()["paths"]
    reading = {path for path, methods in described.items() if "X-Qunli-After" in _parameters(methods.get("get", {}))}
    every = {**lists.lists(20_500), **lists.wholes()}
    asked = {path.partition("?")[0] for paths in every.values() for path in paths}
    walked = {route for route in reading if any(_template(route).fullmatch(path) for path in asked)}
    assert reading - walked == NO_LISTS


def _parameters(described: dict[str, list[dict[str, str]]]) -> set[str]:
    return {parameter["name"] for parameter in described.get("parameters", ())}


def _template(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{\w+}", "[^/]+", route))
