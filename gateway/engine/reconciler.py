"""The reconciler: the only writer of topology. Observation in, one transaction, next snapshot out."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import ParamSpec, TypeVar

from gateway.model.changes import Changes
from gateway.model.conditions import SECOND, SettleTimes, alarm_detail
from gateway.model.entities import EntityState
from gateway.model.errors import StoreError, StoreUnavailable
from gateway.model.events import Cause, Event, EventKind
from gateway.model.ids import uuid7
from gateway.model.observations import Observation, ScopeFailure
from gateway.model.ports import Repository
from gateway.model.rows import Source
from gateway.model.snapshot import Snapshot
from gateway.topology.doubts import newly_doubted
from gateway.topology.revise import observe, register_source, resume, scope_failed, settle_due, update_source

logger = logging.getLogger(__name__)

Listener = Callable[[Snapshot, tuple[Event, ...]], None]
Doubter = Callable[[str], None]
"""Has a collector look at one of its scopes."""
Made = tuple[Snapshot, Changes]
Revision = Callable[[Snapshot], Made]
NewId = Callable[[], str]
T = TypeVar("T")
P = ParamSpec("P")

FRESHNESS_EVERY = 300 * SECOND
"""How long freshness may wait for a transaction that something else needs anyway."""
RETRY_S = 5.0
"""Pause before settle times are judged again when the store refused."""


class Reconciler:
    """
    Holds the current snapshot and makes the next one.

    The methods without `async` do the work where they are called, one at a time (replay, tests); the `async` ones
    do it in the writer's own thread. A revision that the store refused has not happened yet: the snapshot stays,
    and the next call commits that revision before its own (the store may have it, though its answer was lost: it
    tells by the revision's number and time). So the same observation may be submitted again, and is told once.
    """

    def __init__(
        self,
        repository: Repository,
        settle: SettleTimes,
        now: Callable[[], int],
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._repository = repository
        self._settle = settle
        self._now = now
        self._random = random
        self._listeners: list[Listener] = []
        self._doubters: dict[str, Doubter] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="topology-writer")
        self._waiting: dict[str, int] = {}
        self._refused: Made | None = None
        self._flushed_at = now()
        self._due = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.snapshot = Snapshot()

    def load(self) -> Snapshot:
        """Take up the last committed topology; what was settling goes on settling."""
        self._refused = None
        self._waiting.clear()
        self.snapshot = resume(self._repository.load(), self._now(), self._settle, self._new_id)
        return self.snapshot

    def listen(self, listener: Listener) -> None:
        """Call `listener(snapshot, events)` after each revision: in the event loop when `run` runs in one."""
        self._listeners.append(listener)

    def pass_doubts(self, source: str, doubter: Doubter | None) -> None:
        """Call `doubter(scope)` after each revision that casts doubt on a scope of the source; None: no more."""
        if doubter is None:
            self._doubters.pop(source, None)
        else:
            self._doubters[source] = doubter

    def use_settle(self, settle: SettleTimes) -> None:
        """Judge by these settle times from now on; what is settling already keeps the moment it is due."""
        self._settle = settle

    # -- one revision ------------------------------------------------------------------------------------------

    def apply(self, observation: Observation) -> tuple[Event, ...]:
        """Take one observation in. Raises StoreUnavailable: nothing has changed."""

        def revision(base: Snapshot) -> Made:
            return observe(base, observation, self._settle, self._new_id, self._now(), frozenset(self._doubters))

        return self._revise(revision)

    def fail(self, failure: ScopeFailure) -> tuple[Event, ...]:
        """Take in that a scope could not be read."""
        return self._revise(lambda base: scope_failed(base, failure, self._settle, self._new_id))

    def settle(self, now: int) -> tuple[Event, ...]:
        """Judge what is due at `now` (microseconds UTC)."""
        return self._revise(lambda base: settle_due(base, max(now, base.at), self._settle, self._new_id))

    def next_due(self) -> int | None:
        """When something must be judged again; None: nothing is pending."""
        return min(self.snapshot.pending.values(), default=None)

    def register(self, source: Source) -> Source:
        """Make a source known; returns its row with its index and id."""
        now = self._now()
        self._revise(lambda base: register_source(base, source, max(now, base.at), self._new_id))
        return self.snapshot.sources[source.name]

    def update(self, source: Source, state: EntityState, stale: str = "") -> tuple[Event, ...]:
        """A source's state changed; `stale` raises its alarm (the text), empty clears it."""
        now = self._now()

        def revision(base: Snapshot) -> Made:
            return update_source(base, source, state, max(now, base.at), self._settle, self._new_id, stale)

        return self._revise(revision)

    def note(self, source: Source) -> None:
        """Figures of a source that need not be committed (reads, durations)."""
        self.snapshot = replace(self.snapshot, sources={**self.snapshot.sources, source.name: source})

    def flush(self) -> None:
        """Commit what waits for the next transaction (freshness)."""
        self._try_again()
        if self._waiting:
            base = self.snapshot
            at = max(self._now(), base.at)
            self._take(replace(base, revision=base.revision + 1, at=at), _only_freshness(base, at))

    def _revise(self, revision: Revision) -> tuple[Event, ...]:
        late = self._try_again()
        base = self.snapshot
        snapshot, changes = revision(base)
        if not changes.empty:
            return late + self._take(snapshot, changes)
        self._waiting.update(changes.freshness)
        self.snapshot = snapshot
        if self._waiting and snapshot.at - self._flushed_at > FRESHNESS_EVERY:
            self.flush()
        return late

    def _try_again(self) -> tuple[Event, ...]:
        """Commit the revision that the store refused."""
        return self._take(*self._refused) if self._refused is not None else ()

    def _take(self, snapshot: Snapshot, changes: Changes) -> tuple[Event, ...]:
        """Commit a revision; only then it is the current one."""
        self._refused = None
        try:
            events = self._commit(changes)
        except StoreUnavailable:
            self._refused = (snapshot, changes)
            raise
        before = self.snapshot
        noted = {n: s for n, s in before.sources.items() if n not in changes.sources}
        self.snapshot = replace(snapshot, sources={**snapshot.sources, **noted})
        self._in_loop(self._tell, self.snapshot, events)
        for source, scope in newly_doubted(before, self.snapshot):
            self._in_loop(self._doubt, source, scope)
        return events

    def _commit(self, changes: Changes) -> tuple[Event, ...]:
        whole = replace(changes, freshness={**self._waiting, **changes.freshness})
        events = self._repository.commit(whole)
        self._waiting.clear()
        self._flushed_at = changes.at
        for event in events:
            _log(event, changes.revision)
        known = {event.id: event.cause for event in self.snapshot.recent}
        for event in changes.amended:
            _log_amended(event, known.get(event.id), changes.revision)
        return events

    def _in_loop(self, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        if self._loop is None:
            call(*args, **kwargs)
        else:
            self._loop.call_soon_threadsafe(partial(call, *args, **kwargs))

    def _tell(self, snapshot: Snapshot, events: tuple[Event, ...]) -> None:
        self._due.set()
        for listener in self._listeners:
            try:
                listener(snapshot, events)
            except Exception:
                logger.exception("reconciler: a listener failed at revision %d; the others go on", snapshot.revision)

    def _doubt(self, source: str, scope: str) -> None:
        doubter = self._doubters.get(source)
        if doubter is not None:
            logger.info("source %s: %s may be lost, as another source says: it is looked at now", source, scope)
            doubter(scope)

    def _new_id(self) -> str:
        return uuid7(self._now(), self._random(10))

    # -- in the event loop -------------------------------------------------------------------------------------

    async def submit(self, observation: Observation) -> tuple[Event, ...]:
        """Like `apply`, in the writer's thread."""
        return await self._in_writer(lambda: self.apply(observation))

    async def submit_failure(self, failure: ScopeFailure) -> None:
        """Like `fail`, in the writer's thread."""
        await self._in_writer(lambda: self.fail(failure))

    async def submit_update(self, source: Source, state: EntityState, stale: str = "") -> None:
        """Like `update`, in the writer's thread."""
        await self._in_writer(lambda: self.update(source, state, stale))

    async def submit_register(self, source: Source) -> Source:
        """Like `register`, in the writer's thread."""
        return await self._in_writer(lambda: self.register(source))

    async def submit_change(self, change: Callable[[Snapshot, int, NewId], Made]) -> tuple[Event, ...]:
        """Make and commit one revision of the current snapshot, at the time of now, in the writer's thread."""

        def revision(base: Snapshot) -> Made:
            return change(base, max(self._now(), base.at), self._new_id)

        return await self._in_writer(lambda: self._revise(revision))

    async def submit_note(self, source: Source) -> None:
        """Like `note`, in the writer's thread."""
        await self._in_writer(lambda: self.note(source))

    async def run(self) -> None:
        """Judge what becomes due, until cancelled; a store that refuses is asked again."""
        self._loop = asyncio.get_running_loop()
        refused = False
        while True:
            due = self.next_due()
            delay = None if due is None else max((due - self._now()) / SECOND, 0.0)
            self._due.clear()
            try:
                # Not wait_for: in Python 3.11 it may swallow the cancellation when the event is set meanwhile.
                async with asyncio.timeout(RETRY_S if refused else delay):
                    await self._due.wait()
                continue
            except TimeoutError:
                pass
            try:
                await self._in_writer(lambda: self.settle(self._now()))
                refused = False
            except StoreUnavailable as error:
                if not refused:
                    logger.error("reconciler: settle times cannot be judged: %s", error)
                refused = True

    async def close(self) -> None:
        """Commit what waits, and end the writer's thread."""
        try:
            await self._in_writer(self.flush)
        except StoreError as error:
            logger.warning("reconciler: freshness is not saved: %s", error)
        self._writer.shutdown(wait=True)

    async def _in_writer(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)


def _only_freshness(base: Snapshot, at: int) -> Changes:
    """A revision that says nothing new, for the freshness that waits to ride along."""
    return Changes(base.revision + 1, at, base.next_index, base.next_alarm)


def _log(event: Event, revision: int) -> None:
    """One line for each change that an operator asks about."""
    if not event.notify:
        return
    detail = alarm_detail(event.alarm_key)
    why = f"{event.cause or event.condition or event.text}{': ' if detail else ''}{detail}"
    level = logging.INFO if event.kind in _QUIET else logging.WARNING
    logger.log(level, "revision %d: %s (%s)", revision, _what(event), why)


def _log_amended(event: Event, was: Cause | None, revision: int) -> None:
    """What was logged with another cause: the event log, and who is told from now on, has this one."""
    if event.notify and was is not None and event.cause is not was:
        why = "; ".join(event.evidence)
        logger.info(
            "revision %d: the cause of the %s was not %s: %s (%s)", revision, _what(event), was, event.cause, why
        )


def _what(event: Event) -> str:
    way = f" from {event.old_host.name} to {event.new_host.name}" if event.old_host and event.new_host else ""
    return f"{event.kind} of {event.entity.kind} {event.entity.name}{way}"


_QUIET = frozenset(
    {
        EventKind.RELOCATION,
        EventKind.ROLE_RELOCATION,
        EventKind.STORAGE_RELOCATION,
        EventKind.FAILURE_CLEARED,
        EventKind.CONFLICT_CLEARED,
        EventKind.FINDING_CLEARED,
        EventKind.STALE_CLEARED,
        EventKind.WINDOW_STARTED,
        EventKind.WINDOW_ENDED,
    }
)
