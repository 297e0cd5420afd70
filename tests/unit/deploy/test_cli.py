"""The command line finds its commands by their modules."""

import re

import pytest

from deploy.local import cli


def test_every_command_says_in_one_line_what_it_does() -> None:
    for name in cli.command_names():
        assert re.fullmatch(r".{10,110}", cli.help_line(name)), name


def test_the_usage_lists_every_command() -> None:
    usage = cli.usage()
    assert {"up", "down", "status", "logs", "reset", "fetch"} <= {line.split()[0] for line in usage.splitlines()[2:]}


def test_a_mistyped_command_gets_a_suggestion(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["qunli", "stauts"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "There is no command 'stauts'. Did you mean status?\n"
