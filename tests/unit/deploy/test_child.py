"""What a log's end is turned into for the reader."""

from deploy.local.child import explain


def test_a_known_cause_becomes_advice() -> None:
    lines = ["java.io.IOException: No space left on device", "\tat java.base/..."]
    assert explain(lines) == "the disk is full: make room and start again."


def test_an_unknown_cause_is_the_last_line_that_says_something() -> None:
    assert explain(["starting", "FATAL:  out of luck", "", "  "]) == "FATAL:  out of luck"


def test_silence_is_named() -> None:
    assert explain([]) == "it wrote nothing."
