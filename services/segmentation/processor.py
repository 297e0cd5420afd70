"""Segmentation's step: load, advance, save. What is decided is decided in `domain`.

A step holds records up to the next one that may open long work (a close, an answer of the solver, an approval, a
snapshot, a set of themes). Such work goes in slices. Meanwhile records of stores that it is done with, or has nothing
to do with, are applied; one of a store that it is at waits, and so does what stands behind that in the partition.
"""

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.events import PartitionClosed, encode
from libs.common.letter_replays import replayed_by
from libs.common.letters import Letter
from libs.common.outbox import Out, Target
from libs.common.postgres import Connection
from libs.common.slices import slice_work
from libs.common.step import Decisions, Letters, MaySlice, Note, Record, Result, Work, traceparent_of
from libs.common.step_metrics import duplicates
from libs.common.topics import PLACEMENTS, STORE_FEED, STORE_FEED_DEAD, partition_of
from services.segmentation import store as tables
from services.segmentation.decided import note
from services.segmentation.domain.apply import StoreRecord, apply, close, open_after, work_on
from services.segmentation.domain.days import closed_by
from services.segmentation.domain.effects import At, Effects
from services.segmentation.domain.intake import Fault, Foreign, Message, Order, close_of, is_long, read
from services.segmentation.domain.placing import place
from services.segmentation.domain.rooms import Place
from services.segmentation.domain.store import Store
from services.segmentation.shelf import STORE_COST, Shelf
from services.segmentation.store import Partition


class SeqGap(QunliError):
    """{topic}/{partition}, offset {offset}: message {found} of source partition {source} came where {due} was due.

    Messages of engagement are missing from the log: nothing is applied.
    """


class UnknownRecord(QunliError):
    """{topic}/{partition}, offset {offset} is a record of Qunli's own that cannot be read: {detail}

    Nothing behind it is applied. Most likely a newer version wrote it: start that version here.
    """


class Segmentation:
    """The logic of the segmentation processor. Stores in memory are on its shelf."""

    # A day's close comes as one record from each partition of engagement, and nothing happens before the last: a step
    # for each would cost more than all that they say.
    linger_seconds = 0.25
    pace_seconds = 0.01  # a store's newcomers come one by one on one partition: a step each costs five times as much

    def __init__(
        self,
        settings: Settings,
        letters: Letters | None = None,
        decisions: Decisions | None = None,
    ) -> None:
        """Both by (partition, offset) of a record, for a rebuild; and of tables that were restored.

        `letters`: code and detail of those that became dead letters before; they do again. `decisions`: where the
        newcomer of a record was placed; None: nowhere.
        """
        self.letters: Letters = letters or {}
        self.decisions: Decisions = decisions or {}
        self.note: Note | None = note
        self.zone: ZoneInfo = settings.zone
        self.topic = settings.topic_name(STORE_FEED)
        self.placements = settings.topic_name(PLACEMENTS)
        self.dead_letters = settings.topic_name(STORE_FEED_DEAD)
        self.slice = settings.slice_rows
        self.shelf = Shelf(settings.cached_store_members)

    def placing(self, partition: int, offset: int) -> Place:
        """How the newcomer of a record is placed: as it was, where that is known."""
        if (partition, offset) not in self.decisions:
            return place
        decided = self.decisions[partition, offset]
        return lambda kind, rooms, standing: decided  # noqa: ARG005 - the seam's shape

    def targets(self, partition: int) -> list[Target]:
        """Where messages of a partition may go: a store's lie in the same partition on both topics."""
        return [(self.placements, partition), (self.dead_letters, partition)]

    async def load(self, connection: Connection, partition: int) -> Partition:
        """A partition's state; its stores are loaded when something is said of them."""
        self.shelf.forget(partition)
        return await tables.load_partition(connection, partition)

    def take(self, state: Partition, records: Sequence[Record], work: Work | None) -> int:
        """Records up to the first that may open long work: with it, unless some is open. Then also none that waits.

        Of the closes of engagement's partitions only the one that completes a day opens work.
        """
        feed = state.feed
        for count, record in enumerate(records):
            if is_long(record.value):
                if work is not None:
                    return count
                if (told := close_of(record.value)) is None:
                    return count + 1
                feed, day = closed_by(feed, told)
                if day is not None:
                    return count + 1
            elif work is not None and _waits(state, record, work):
                return count
        return len(records)

    async def step(
        self,
        connection: Connection,
        state: Partition,
        records: Sequence[Record],
        work: Work | None,
        may_slice: MaySlice,
    ) -> Result:
        """Apply records, and a slice of open work if it may, in the caller's transaction."""
        step = Step(self, connection, state, records, work)
        for record in records:
            await step.apply(record)
        await slice_work(step, work, may_slice, self.slice)
        return await step.save()


def _waits(state: Partition, record: Record, work: Work) -> bool:
    """Whether a record's store is one that open work is at, or still comes to."""
    store_id = (record.key or b"").decode("utf-8", "replace")
    assert work.after is not None
    if work.day is None:
        return store_id == work.after[0]
    return store_id in state.known and store_id > work.after[0]


class Step:
    """One step under way. Nothing of `state` changes before COMMIT: what will is in `after`, and in the stores.

    A step that fails leaves its stores spoilt: the partition is then loaded anew, and its part of the shelf with it.
    Of a close, the work's `after` is the store done last; of other work, the store that it is about.
    """

    def __init__(
        self,
        logic: Segmentation,
        connection: Connection,
        state: Partition,
        records: Sequence[Record],
        work: Work | None,
    ) -> None:
        self.logic, self.connection, self.state = logic, connection, state
        self.records, self.work = records, work
        self.after = replace(state, seen=dict(state.seen))
        self.stores: dict[str, Store] = {}
        self.letters: list[Letter] = []
        self.messages: list[Out] = []
        self.traces: dict[str, str | None] = {}  # of what was said last, by store

    # --- records ------------------------------------------------------------------------------------------------

    async def apply(self, record: Record) -> None:
        """Apply a record, or bury it, or stop."""
        if letter := self.logic.letters.get((self.state.number, record.offset)):
            self.letters.append(Letter(record, *letter))
            return
        said = read(record.key, record.value, self.state.number)
        match said:
            case Fault():
                self.letters.append(Letter(record, said.code, said.detail))
            case Foreign():
                raise UnknownRecord(**self._place(record), detail=said.detail)
            case Order():
                await self._tell_store(record, said.record)
            case Message():
                await self._hear(record, said)

    async def _hear(self, record: Record, message: Message) -> None:
        source, due = message.source_partition, self.after.seen.get(message.source_partition, -1) + 1
        if message.seq > due:
            raise SeqGap(**self._place(record), found=message.seq, source=source, due=due)
        if message.seq < due:
            self.after.duplicates += 1
            return
        self.after.seen[source] = message.seq
        if isinstance(message.record, PartitionClosed):
            self._closed(record, message.record)
        else:
            open_after(await self._store(message.record.store_id), self.after.feed.closed)
            await self._tell_store(record, message.record)

    def _place(self, record: Record) -> dict[str, object]:
        return {"topic": record.topic, "partition": record.partition, "offset": record.offset}

    def _closed(self, record: Record, told: PartitionClosed) -> None:
        self.after.feed, day = closed_by(self.after.feed, told)
        if day is not None:
            self.work = Work(record.offset, day, ("", ""), traceparent_of(record))

    async def _tell_store(self, record: Record, said: StoreRecord) -> None:
        store = await self._store(said.store_id)
        trace = traceparent_of(record)
        self._derive(apply(store, said, self._at(record.offset)), trace)
        if store.head.job is not None:
            self.work = Work(record.offset, None, (store.id, ""), trace)

    async def _store(self, store_id: str) -> Store:
        found = self.stores.get(store_id) or self.logic.shelf.get(self.state.number, store_id)
        if found is None:
            found = await tables.load_store(self.connection, store_id)
        self.stores[store_id] = found
        return found

    def _at(self, offset: int) -> At:
        return At(
            self.logic.topic, self.state.number, offset, self.logic.zone, self.logic.placing(self.state.number, offset)
        )

    # --- long work ----------------------------------------------------------------------------------------------

    async def slice(self, work: Work, most: int) -> None:
        """Do about so many rows of open work."""
        assert work.after is not None
        if work.day is not None:
            self.work = await self._close_stores(work, most)
        else:
            store = await self._store(work.after[0])
            self._go_on(store, work, most)
            self.work = None if store.head.job is None else work

    async def _close_stores(self, work: Work, most: int) -> Work | None:
        """Close one store after another, in order of their ids."""
        assert work.after is not None
        assert work.day is not None
        done = work.after[0]
        born = {store.id for store in self.stores.values() if store.head.day is not None}
        for store_id in sorted(one for one in self.state.known | born if one > done):
            if most <= 0:
                return replace(work, after=(done, ""))
            store = await self._store(store_id)
            if store.head.job is None:
                at = self._at(work.offset)
                self._derive(close(store, work.day, self.after.feed.half_life, at), work.traceparent)
            if store.head.job is not None:
                self._go_on(store, work, most)
            if store.head.job is not None:
                return replace(work, after=(done, ""))
            done, most = store_id, most - len(store.members) - STORE_COST
        return None

    def _go_on(self, store: Store, work: Work, most: int) -> None:
        self._derive(work_on(store, self._at(work.offset), most), work.traceparent)

    # --- what follows -------------------------------------------------------------------------------------------

    def _derive(self, effects: Effects, trace: str | None) -> None:
        self.traces[effects.store.id] = trace
        target = partition_of(effects.store.id, PLACEMENTS.partitions)
        key = effects.store.id.encode()
        for event in effects.events:
            self.messages.append(Out(self.logic.placements, target, event.source, key, encode(event), trace))

    async def save(self) -> Result:
        """Write everything that changed; what is in memory then is kept after COMMIT."""
        await tables.save_stores(self.connection, self.state.number, self.stores.values())
        await tables.save_partition(self.connection, self.state, self.after)
        buried = {letter.record.offset for letter in self.letters}
        return Result(
            messages=self.messages,
            work=self.work,
            letters=self.letters,
            replayed=replayed_by(record for record in self.records if record.offset not in buried),
            keep=self._keep,
        )

    def _keep(self) -> None:
        state = self.state
        duplicates(self.logic.topic, self.after.duplicates - state.duplicates)
        state.feed, state.seen, state.duplicates = self.after.feed, self.after.seen, self.after.duplicates
        for store in self.stores.values():
            store.keep()
            if store.head.day is not None:
                state.known.add(store.id)
            state.ask(store.id, store.head.request, self.traces.get(store.id))
        self.logic.shelf.put(state.number, self.stores.values())
