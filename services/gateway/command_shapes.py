"""What is answered to commands, and of them."""

from typing import Annotated, Literal

from msgspec import Meta

from services.gateway.shapes import Cursor, Shape, Source

CommandId = Annotated[str, Meta(examples=["sh-001~0f6e6e5c-1a2b-5c3d-8e4f-5a6b7c8d9e0f"])]
BodyHash = Annotated[str, Meta(description="of kind, target and body", examples=["b1946ac92492d2347c6235b4d2611184"])]


class Accepted(Shape, frozen=True):
    """The command is on the log, acknowledged by all in-sync replicas. `Location` tells what becomes of it."""

    command_id: CommandId
    body_hash: BodyHash
    position: Annotated[str, Meta(description="as in X-Qunli-Position", examples=["store-feed/3=1207"])]


class Outcome(Shape, frozen=True):
    """What became of a command."""

    command_id: CommandId
    state: Literal["done", "refused"]
    command: Annotated[str, Meta(examples=["approve_plan"])]
    body_hash: BodyHash
    reason: Annotated[str | None, Meta(description="why it was refused", examples=["version_conflict"])]
    subject: Annotated[str | None, Meta(description="the group, placement or plan that it made or changed")]
    counts: Annotated[
        dict[str, int], Meta(description="items by what was decided, or why not", examples=[{"approved": 12}])
    ]
    source: Source


class Outcomes(Shape, frozen=True):
    """Latest first."""

    items: list[Outcome]
    next_cursor: Cursor


class CommandState(Shape, frozen=True):
    """Where a command stands; without an outcome it is pending."""

    command_id: CommandId
    state: Literal["pending", "done", "refused"]
    outcome: Outcome | None


class Replay(Shape, frozen=True):
    """A dead letter that stands on the log once more."""

    letter: str
    partition: int
    offset: int
