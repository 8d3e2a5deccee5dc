"""Ports: what the rooms ask of each other. `app` hands the implementations over."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gateway.model.changes import Changes
from gateway.model.entities import EntityKind
from gateway.model.events import Event, EventKind
from gateway.model.notices import Notice, NoticeKind
from gateway.model.observations import Observation, Report
from gateway.model.rows import Alarm, Claim, Entity, Placement, Record, Source
from gateway.model.snapshot import Snapshot
from gateway.model.windows import Window, WindowWish

# -- sources ---------------------------------------------------------------------------------------------------


class Collector(Protocol):
    """Reads one source for as long as it lives."""

    interval_s: float
    """How often it reads at the least; three of them without a success make the source stale."""

    async def run(self, report: Callable[[Report], Awaitable[None]]) -> None:
        """
        Read, translate and report until cancelled.

        Raises:
            SourceError: the source as a whole could not be read. The engine calls `run` again after a pause.
        """

    async def probe(self) -> str:
        """
        Read once for `gateway check`; returns one line for a person ("3 nodes, 9 resources, DC n1, quorate").

        Raises:
            SourcePartly: some parts of it (hosts of a fleet) do not answer; it lists them.
            SourceError: what went wrong and what to do.
        """


@runtime_checkable
class TakesHints(Protocol):
    """A collector that can be told to look now."""

    def hint(self, document: bytes) -> None:
        """
        Take a pushed document (`POST /ingest/SOURCE`): a reason to look now, and evidence for causes.

        Raises:
            IngestError: the document is not what the source's agent sends.
        """


@runtime_checkable
class NamesOthers(Protocol):
    """A collector whose facts name what other sources know."""

    def named(self) -> frozenset[str]:
        """
        What it names of other sources, as SOURCE/KIND/NATIVE with a kind that there is. Blocking.

        Raises:
            SourceError: it cannot be read.
        """


@runtime_checkable
class TakesDoubts(Protocol):
    """A collector that can be told that one of its scopes may be gone."""

    def doubt(self, scope: str) -> None:
        """
        Find out within about 2 s whether the scope answers, and report it: read, or failed. Does not wait.

        Called in the event loop, once for each thing on the scope that another source has lost; also for a scope that
        is not known, or while the collector does not run.
        """


@dataclass(frozen=True, slots=True)
class CollectorContext:
    """What a collector gets from the house. `now`: microseconds UTC."""

    now: Callable[[], int]
    state_dir: Path
    config_dir: Path
    """Relative paths in the collector's settings start here."""


@dataclass(frozen=True, slots=True)
class Recording:
    """
    One recorded view of a source, for `gateway replay`.

    `observation` is None for a view that could not be read (a failed collection). `at_s`: seconds since time 0 as
    the recording writes them; None for a read of the same view that adds to it (the CIB at the end).
    """

    at_s: float | None
    observation: Observation | None


@dataclass(frozen=True, slots=True)
class CollectorPlugin:
    """What a package of `gateway.collectors` offers as PLUGIN."""

    kind: str
    title: str
    settings: type[Any]
    """A subclass of `gateway.config.settings.SourceSettings`."""
    create: Callable[[str, Any, CollectorContext], Collector]
    replay: Callable[[Path], Iterable[Recording]] | None = None


class Predictor(Protocol):
    """A manager that can forecast what it would do."""

    def without_hosts(self, hosts: frozenset[str]) -> Mapping[str, str | None]:
        """Where each entity (native id) would run if these hosts (native ids) were gone; None: nowhere."""


# -- answers ---------------------------------------------------------------------------------------------------


class TopologyView(Protocol):
    """A topology that can be asked: the current Snapshot, or the past through History."""

    @property
    def revision(self) -> int: ...
    @property
    def at(self) -> int: ...
    def entity(self, index: int) -> Entity | None: ...
    def record(self, index: int) -> Record | None: ...
    def named(self, name: str) -> tuple[Entity, ...]: ...
    def with_id(self, entity_id: str) -> Entity | None: ...
    def all_entities(self, after: int = 0, kind: EntityKind | None = None) -> Iterator[Entity]: ...
    def claims_of(self, entity: Entity) -> tuple[Claim, ...]: ...
    def claims_on(self, entity: Entity) -> tuple[Claim, ...]: ...
    def placement(self, entity: Entity) -> Placement | None: ...
    def alarms_of(self, entity: Entity) -> tuple[Alarm, ...]: ...
    def active_alarms(self) -> Iterator[Alarm]: ...
    def seen_at(self, record: Record) -> int | None:
        """When the record's scope was last read completely; 0: never; None: not known (of a past time)."""

    def is_silent(self, record: Record) -> bool:
        """True when an alarm says that the record's scope does not answer."""

    def open_windows(self) -> Iterator[Window]:
        """Planned windows that have not ended, by index."""

    @property
    def sources(self) -> Mapping[str, Source]: ...
    @property
    def when(self) -> str:
        """The time it is of, in words for a message: `at revision 7`, `at 2026-01-31T03:00:00Z`."""


class CurrentTopology(Protocol):
    """Hands out the current snapshot; never waits."""

    @property
    def snapshot(self) -> Snapshot: ...


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of the log; None: any. `after`/`before`: log numbers, exclusive. Times: microseconds UTC."""

    after: int = 0
    before: int | None = None
    since: int | None = None
    until: int | None = None
    kinds: frozenset[EventKind] = frozenset()
    entity: int | None = None
    told_only: bool = False
    newest_first: bool = False
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Interval:
    """
    One interval of an entity's placement history; `until` None: still open. Ends are entity indexes.

    `number` is its own, and orders intervals that begin together.
    """

    number: int
    entity: int
    host: int
    role: str
    since: int
    until: int | None
    learned_at: int
    opened_rev: int
    closed_rev: int | None


class History(Protocol):
    """The past and the log. Blocking: call it in a thread."""

    def at(self, at: int, known_at: int | None = None) -> TopologyView:
        """The topology at a past time (microseconds UTC); `known_at`: as it was known then."""

    def begins_at(self) -> int | None:
        """The time of the first revision that is kept (microseconds UTC); None: there is none yet."""

    def placements(
        self, entity: int, limit: int = 100, *, at: int | None = None, before: tuple[int, int] | None = None
    ) -> tuple[Interval, ...]:
        """
        Where an entity was, newest first.

        `at`: as far as it had come then; one that ended later is open. `before`: only those further down than the
        one with this (`since`, `number`).
        """

    def events(self, wanted: EventFilter) -> tuple[Event, ...]: ...
    def event(self, event_id: str) -> Event | None: ...
    def alarms(
        self,
        *,
        active_only: bool,
        after: int = 0,
        limit: int = 100,
        at: int | None = None,
        known_at: int | None = None,
    ) -> tuple[tuple[Alarm, int | None], ...]:
        """Alarms with the time they were cleared (None: active), by index; `at`, `known_at`: as they stood then."""


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as it is listed; the secret itself is never stored."""

    name: str
    role: str
    """`read`, `admin`, or `ingest:SOURCE` (may post to that source and nothing else)."""
    created_at: int
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a receiver is doing. The counters hold since it was configured."""

    receiver: str
    pending: int
    """Events of the log that are told and that it has not come to yet."""
    delivered: int
    failed: int
    """Given up."""
    oldest_pending_at: int | None = None
    last_error: str = ""
    """Of what is tried now; empty: the last try went well."""
    summarised: int = 0
    """Told in a summary instead of one by one."""
    missed: int = 0
    """Given up, in the log, and not asked for again."""
    replaying: int = 0
    """Asked for again, and not sent yet."""
    delivered_at: int | None = None
    position: int = 0
    """Number of the log up to which everything is done with."""
    next_try_at: int | None = None
    """When what failed is tried again; None: nothing waits for that, or no gateway runs."""
    filtered: int = 0
    """Events that are not for it, by its filters or its view, since the gateway started; 0 when none runs."""


@dataclass(frozen=True, slots=True)
class ReceiverState:
    """A receiver: as it is configured, without secrets, and how it is doing (None: it is disabled)."""

    name: str
    kind: str
    by_configuration: bool
    """False: it was made at run time."""
    settings: Mapping[str, Any]
    delivery: Delivery | None


class ReceiverDesk(Protocol):
    """
    The receivers of notifications: seen, changed at run time, tested.

    Raises:
        UnknownReceiver: there is none of that name.
        StoreError: the database refused.
    """

    async def listed(self) -> tuple[ReceiverState, ...]:
        """All, by name."""

    async def missed(self, name: str, limit: int) -> tuple["Missed", ...]:
        """What was given up for it or is asked for again, in the order of the log."""

    async def put(self, name: str, table: Mapping[str, Any]) -> bool:
        """
        Make a receiver, or change one that was made at run time; True: it is new.

        Raises:
            ConfigError: its table is wrong, or the configuration has one of that name.
        """

    async def remove(self, name: str) -> None:
        """
        Take out a receiver that was made at run time; what waits for it is given up.

        Raises:
            ConfigError: it is the configuration's.
        """

    async def test(self, name: str) -> bool:
        """
        Send a test notification, past what waits; True: the receiver has acknowledged it.

        Raises:
            DeliveryError: it could not be sent, or was not acknowledged.
        """

    async def replay(self, name: str, since: int | None) -> int:
        """
        Send again what was given up; with `since` (microseconds UTC) all since then that the receiver's filters take.
        Returns how many events wait for that; those since then are filtered when it is their turn.
        """


class WindowDesk(Protocol):
    """
    Planned windows: declared and ended.

    Raises:
        StoreUnavailable: nothing has changed.
    """

    async def declare(self, wish: WindowWish) -> Window:
        """
        Declare a window; one whose start is not in the future begins at once.

        Raises:
            WindowError: it cannot be; the message says why.
        """

    async def close(self, index: int) -> Window:
        """
        End it now; one that has not begun is called off, and nobody is told.

        Raises:
            UnknownWindow: none of that number is open.
        """


class Administration(Protocol):
    """Tokens, receivers and identity of the installation. Blocking: call it in a thread."""

    def create_token(self, name: str, role: str, now: int, expires_at: int | None = None) -> str:
        """A new secret (returned once, stored hashed). Raises StoreError when the name is taken."""

    def tokens(self) -> tuple[Token, ...]: ...
    def revoke_token(self, name: str) -> bool: ...
    def authenticate(self, secret: str, now: int) -> Token | None: ...
    def deliveries(self) -> tuple[Delivery, ...]: ...
    def engine_id(self, make: Callable[[], bytes]) -> bytes:
        """The SNMP engine ID of this installation; made once."""

    def same_configuration(self, fingerprint: str) -> bool:
        """Whether the last start had this configuration too; notes this one."""

    def next_engine_boots(self) -> int:
        """snmpEngineBoots for this start: committed before it is returned (RFC 3414 2.2)."""


# -- what comes out --------------------------------------------------------------------------------------------


class Sink(Protocol):
    """
    Carries notifications to one receiver. Each call returns when it is sent (trap) or acknowledged (inform).

    Raises:
        DeliveryError: it may be tried again later.
    """

    name: str

    def takes(self, kind: EventKind | NoticeKind) -> bool:
        """Whether the receiver may be told of this kind at all; if not, handing it over is refused."""

    async def deliver(self, event: Event, snapshot: Snapshot) -> None:
        """Hand one event to the receiver."""

    async def tell(self, notice: Notice) -> None:
        """Tell it something of the gateway itself, or in place of many events."""

    async def close(self) -> None: ...


# -- the store, as the engine and the dispatcher see it --------------------------------------------------------


class Repository(Protocol):
    """The topology database as its only writer sees it. Blocking; one thread calls it."""

    def load(self) -> Snapshot:
        """The last committed topology, complete (placements of stopped entities and settling alarms too)."""

    def commit(self, changes: Changes) -> tuple[Event, ...]:
        """
        One transaction: topology, log, revision. Returns the events with `seq`.

        Raises:
            StoreUnavailable: nothing was written; the same changes may be committed later.
        """


@dataclass(frozen=True, slots=True)
class Progress:
    """
    Where a receiver stands in the log. Up to `position` everything is done with: delivered, summarised, given up, or
    not for this receiver. `attempts`: how often what comes next has failed. The counters hold since it was configured.
    """

    receiver: str
    position: int = 0
    attempts: int = 0
    delivered: int = 0
    summarised: int = 0
    given_up: int = 0
    delivered_at: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Missed:
    """
    An event that was given up for a receiver; `wanted`: it was asked for again. Without an error it was not given up:
    it is wanted because all since a time is, and nobody has looked whether the receiver's filters take it.
    """

    receiver: str
    event: Event
    at: int
    error: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What was given up. `counts`: by receiver (given up, asked for again). `newest`: the latest in the log."""

    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    newest: tuple[Missed, ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    """What became of notifications, to be written in one transaction."""

    progress: tuple[Progress, ...] = ()
    missed: tuple[tuple[str, int, int, str], ...] = ()
    """(receiver, number in the log, when, why) of what is given up."""
    replayed: tuple[tuple[str, int], ...] = ()
    """(receiver, number in the log) of what was sent again."""


class Outbox(Protocol):
    """Delivery state, written by the dispatcher only: the log, and where each receiver stands in it. Blocking."""

    def begin(self, receiver: str) -> Progress:
        """Where it stands; one that is new begins at the end of the log."""

    def after(self, position: int, limit: int) -> tuple[Event, ...]:
        """Events above this number that are told, or that have a root, in the order of the log."""

    def event(self, identity: str) -> Event | None:
        """The event with this id; None: it is not in the log any more."""

    def wanted(self, receiver: str, limit: int) -> tuple[Missed, ...]:
        """What was asked for again, in the order of the log."""

    def mark(self, marks: Marks) -> None:
        """Write down what became of notifications."""

    def ahead(self, position: int) -> tuple[int, int]:
        """(how many events `after` would give in all, number of the last event of the log)."""

    def given_up(self, limit: int) -> "GivenUp":
        """What receivers missed, with the newest `limit` of it."""
