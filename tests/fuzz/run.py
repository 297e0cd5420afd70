"""The run: rounds of requests to both doors, each answer judged at once, the log read after every round."""

import hashlib
import itertools
import json
import re
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from libs.common import clock
from libs.common.config import Settings
from tests.fuzz import described
from tests.fuzz.cases import Case, Edits, cases, edited, heads
from tests.fuzz.forms import FORMS, ids_of
from tests.fuzz.judge import DEADLINE_SECONDS, events_of, form_of, is_verdicts, judge, judge_verdicts, position_of
from tests.fuzz.ledger import Accepted, Ledger, Log
from tests.fuzz.wire import Answer, Connection, Lie, Request

ROUND = 500  # requests between two readings of the log
RAW, HEADS, INGEST, GATEWAY = 0.75, 0.05, 0.08, 0.12  # shares of a round

Tell = Callable[[int, int], None]  # (requests so far, events found on the log so far)


@dataclass(frozen=True, slots=True)
class Target:
    """The doors. `one_store`: a key that may post to sh-001 alone; `everything`: one with every scope and store."""

    ingest: str
    gateway: str
    settings: Settings
    one_store: str
    everything: str


@dataclass(slots=True)
class Found:
    """What a run came to."""

    requests: int = 0
    events: int = 0  # accepted, and found on the log as they were posted
    statuses: Counter[str] = field(default_factory=Counter)


def fuzz(target: Target, wanted: int, chosen_seed: int, tell: Tell) -> Found:
    """Send at least `wanted` requests. Lie at the first thing that does not hold, about the smallest request."""
    with ExitStack() as held:
        run = _Run(target, held.enter_context(Log(target.settings)), chosen_seed)
        held.callback(run.close)
        for number in itertools.count():
            if run.found.requests >= wanted:
                return run.found
            run.round(number, min(ROUND, wanted - run.found.requests))
            tell(run.found.requests, run.found.events)
    raise AssertionError


class _Run:
    def __init__(self, target: Target, log: Log, chosen_seed: int) -> None:
        self.found = Found()
        self._target, self._log, self._seed = target, log, chosen_seed
        self._ledger = Ledger()
        self._doors = {"ingest": Connection(target.ingest), "gateway": Connection(target.gateway)}
        self._ids = _ids(chosen_seed)
        document = _document(target.ingest)
        self._raw, self._heads = cases(_offered(document)), heads(_offered(document))
        self._described = {
            "ingest": described.operations(document),
            "gateway": described.operations(_document(target.gateway)),
        }

    def close(self) -> None:
        for door in self._doors.values():
            door.close()

    def round(self, number: int, size: int) -> None:
        """One round, and what it left on the log."""
        at = self._seed * 1_000_003 + number
        _search(self._raw, at, max(1, round(size * RAW)), self._post)
        _search(self._heads, at, max(1, round(size * HEADS)), self._mangle)
        for name, share in (("ingest", INGEST), ("gateway", GATEWAY)):
            routes = self._described[name]
            several = max(1, round(size * share / len(routes)))
            for route in routes:
                _search(route, at, several, partial(self._try, name))
        self.found.events += self._ledger.check(self._log.topic, self._log.read())

    def _post(self, case: Case) -> None:
        request = case.request([next(self._ids) for _ in case.posted], self._target.one_store)
        answer = self._send("ingest", request)
        if not case.sound:
            return
        if not is_verdicts(answer):
            if answer.status not in (413, 429, 503) and not _hides_a_fault(case):
                raise Lie(f"a sound request was refused: {answer.body[:300]!r}", request)
            return
        given = [result["result"] for result in json.loads(answer.body)["results"]]
        for event, result in zip(case.posted, given, strict=False):
            if event.sound and result == "rejected":
                raise Lie(f"a sound event was rejected: {answer.body[:300]!r}", request)

    def _mangle(self, mangled: tuple[Case, Edits]) -> None:
        """What is left of the request may be one, and its events may be accepted: the ledger waits for nothing."""
        case, edits = mangled
        ids = [next(self._ids) for _ in case.posted]
        request = case.request(ids, self._target.one_store)
        head, rest = request.split(self._doors["ingest"].host)
        self._ledger.unknown |= {*ids, *ids_of(events_of(request) or ())}
        self.found.requests += 1
        began = clock.monotonic()
        try:
            came = self._doors["ingest"].send_raw(edited(head, edits) + rest)
        except TimeoutError as error:
            raise Lie(f"{edited(head, edits)!r} and a body were neither answered nor cut", request) from error
        if clock.monotonic() - began > DEADLINE_SECONDS or re.match(rb"HTTP/1.1 5(?!03)", came):
            raise Lie(f"{edited(head, edits)!r} and a body were answered {came[:300]!r}", request)

    def _try(self, name: str, case: Any) -> None:
        self._send(name, described.request_of(case, self._target.everything, lambda: next(self._ids)))

    def _send(self, name: str, request: Request) -> Answer:
        answer = self._doors[name].send(request)
        self.found.requests += 1
        self.found.statuses[f"{name} {answer.status}"] += 1
        judge(request, answer)
        if name == "ingest" and request.method == b"POST" and _path(request) == "/v1/events":
            self._note(request, answer)
        return answer

    def _note(self, request: Request, answer: Answer) -> None:
        events = events_of(request)
        if not is_verdicts(answer):
            if answer.status == 503:
                self._ledger.unknown |= ids_of(events or ())
            return
        if events is None:
            raise Lie(f"there are verdicts on a body that cannot be read: {answer.body[:300]!r}", request)
        given = judge_verdicts(request, answer, events)
        form = form_of(request) or FORMS[0]
        accepted = [form.native(event) for event, result in zip(events, given, strict=True) if result == "accepted"]
        unknown = [event for event, result in zip(events, given, strict=True) if result == "unknown"]
        self._ledger.unknown |= ids_of(unknown)
        if accepted:
            self._ledger.accepted.append(Accepted(request, accepted, position_of(request, answer)))


def _path(request: Request) -> str:
    return unquote(request.target.partition(b"?")[0].decode("latin-1"))


def _hides_a_fault(case: Case) -> bool:
    """Whether an event of a request that is one JSON text is not JSON, so that the request is refused as a whole."""
    return case.form.media != "application/x-ndjson" and any(not event.sound for event in case.events)


def _ids(chosen_seed: int) -> Iterator[str]:
    """Ids of which no one becomes another by a change of a few bytes."""
    for number in itertools.count():
        yield f"f{hashlib.sha256(f'{chosen_seed}.{number}'.encode()).hexdigest()[:24]}"


def _document(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def _offered(document: dict[str, Any]) -> list[Any]:
    content = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    return [form for form in FORMS if form.media in content]


def _search(strategy: st.SearchStrategy[Any], at: int, several: int, attempt: Callable[[Any], None]) -> None:
    """Try several examples; a failure is made as small as it can be. Lie, about that one."""

    @seed(at)
    @settings(
        max_examples=several,
        deadline=None,
        database=None,
        derandomize=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(strategy)
    def trial(case: Any) -> None:
        attempt(case)

    try:
        trial()
    except BaseExceptionGroup as group:  # it did not fail each time: hypothesis says so, we want the request
        raise _first(group) from group


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    for error in group.exceptions:
        found = _first(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, Lie):
            return found
    return group.exceptions[0]
