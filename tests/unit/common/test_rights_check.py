"""What is missing of a right is told by its name."""

from libs.common.rights import Operation
from libs.common.rights_check import Forbidden, lacking


def test_kafkas_bits_say_what_is_missing() -> None:
    wanted = (Operation.READ, Operation.WRITE, Operation.DESCRIBE)
    assert lacking(wanted, 1 << 3 | 1 << 4 | 1 << 8) == []
    assert lacking(wanted, 1 << 3 | 1 << 8) == ["Write"]
    assert lacking(wanted, 0) == ["Read", "Write", "Describe"]


def test_the_error_names_user_operation_and_topic() -> None:
    error = Forbidden(user="qunli-gateway", operations="Write", kind="topic", name="store-feed")
    assert str(error).startswith("Kafka does not let qunli-gateway Write topic store-feed. Give this user the right")
