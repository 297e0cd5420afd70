"""Closing a day from a pod that knows a door, and no Kafka."""

from pathlib import Path

import pytest

from deploy.local.commands.close_day import _zone


def test_the_environments_zone_holds_where_it_names_the_door(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QUNLI_INGEST", "http://qunli-ingest.qunli.svc")
    monkeypatch.setenv("QUNLI_TIMEZONE", "Europe/Berlin")
    monkeypatch.delenv("QUNLI_KAFKA_BOOTSTRAP", raising=False)
    assert str(_zone(tmp_path)) == "Europe/Berlin"
