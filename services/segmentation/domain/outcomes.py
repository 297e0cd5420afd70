"""What became of commands: kept for ever, so that the same one again does nothing."""

from collections.abc import Mapping

from msgspec.structs import replace

from libs.common.commands import AnyCommand, body_hash
from libs.common.placements import CommandOutcome
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.rows import Told
from services.segmentation.domain.store import Store


def tell(
    effects: Effects,
    command: AnyCommand,
    reason: str | None = None,
    subject: str | None = None,
    counts: Mapping[str, int] | None = None,
) -> None:
    """A command was done, or refused for a reason."""
    row = Told(
        command_id=command.command_id,
        command=kind_of(command),
        body_hash=body_hash(command),
        outcome="done" if reason is None else "refused",
        reason=reason,
        subject=subject,
        counts=dict(counts or {}),
        partition=effects.at.partition,
        offset=effects.at.offset,
    )
    effects.store.told.put(command.command_id, row)
    _say(effects, row)


def tell_conflict(effects: Effects, command: AnyCommand) -> None:
    """Another body came under a known id: the first one stands."""
    known = effects.store.told[command.command_id]
    again = replace(
        known,
        command=kind_of(command),
        body_hash=body_hash(command),
        outcome="refused",
        reason="idempotency_conflict",
        subject=None,
        counts={},
    )
    _say(effects, again)


def _say(effects: Effects, row: Told) -> None:
    effects.tell(
        CommandOutcome,
        command_id=row.command_id,
        command=row.command,
        body_hash=row.body_hash,
        outcome=row.outcome,
        reason=row.reason,
        subject=row.subject,
        counts=row.counts,
    )


def count(store: Store, what: str) -> None:
    """One item more was decided so in the work under way."""
    job = store.head.job
    assert job is not None
    store.amend(job=replace(job, counts=dict(sorted((job.counts | {what: job.counts.get(what, 0) + 1}).items()))))


def kind_of(command: AnyCommand) -> str:
    """A command's name on the wire."""
    return str(command.__struct_config__.tag)
