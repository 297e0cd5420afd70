"""The page on running Qunli has the rights of the code."""

from collections.abc import Iterator

from libs.common.rights import USERS, Operation, User
from tests.unit.docs.test_readme import ROOT, rows


def test_every_right_stands_in_the_table() -> None:
    wanted = [list(_row(user)) for user in USERS.values()]
    table = "\n".join(f"| {' | '.join(row)} |" for row in wanted)
    assert rows(ROOT / "docs/operations.md", "## Security settings") == wanted, f"The table should be:\n{table}"


def _row(user: User) -> Iterator[str]:
    yield f"`{user.name}`"
    topics = [right for right in user.rights if right.kind == "topic"]
    for operation in (Operation.READ, Operation.WRITE):
        yield ", ".join(f"`{right.name}`" for right in topics if operation in right.operations)
    yield ", ".join(f"`{right.name}`" for right in topics if right.operations == (Operation.DESCRIBE,))
    yield ", ".join(f"`{right.name}`" for right in user.rights if right.kind == "group")
