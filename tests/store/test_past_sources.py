"""How sources did at a past time, and how old what they told was then."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.engine.reconciler import Reconciler
from gateway.model.conditions import SettleTimes
from gateway.model.entities import EntityKind, EntityState, NativeKey
from gateway.model.observations import Observation, ObservedEntity, ScopeFailure, Whole
from gateway.model.ports import EventFilter
from gateway.model.rows import Source, SourceState
from gateway.store.database import Database, open_database
from gateway.topology.ages import entity_age, entity_is_stale
from gateway.topology.scopes import unread
from tests.store.estate import SECOND, T0

MINUTE = 60 * SECOND
HOST = NativeKey(EntityKind.HYPERVISOR, "h1")


class House:
    """A reconciler over a database, with the time in our hand."""

    def __init__(self, database: Database) -> None:
        self.now = T0
        self.reconciler = Reconciler(database.repository, SettleTimes(), lambda: self.now)
        self.reconciler.load()

    def register(self, name: str) -> None:
        self.reconciler.register(Source(0, "", name, "simulated", SourceState.STARTING, 20 * SECOND))

    def read(self, name: str = "fleet") -> None:
        self.reconciler.apply(Observation(name, self.now, Whole(""), (ObservedEntity(HOST, "h1"),), ()))
        self.become(name, EntityState.RUNNING, state=SourceState.OK, last_success=self.now, last_error="")

    def become(self, name: str, manager: EntityState, /, **changes: object) -> None:
        row = self.reconciler.snapshot.sources[name]
        stale = "silent" if manager is EntityState.FAILED else ""
        self.reconciler.update(replace(row, **changes), manager, stale)  # type: ignore[arg-type]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = open_database(database_url)
    yield found
    found.close()


@pytest.fixture
def house(database: Database) -> House:
    """`fleet` from T0: read at minute 1, stale at minute 5, back at minute 10; `late` from minute 8."""
    house = House(database)
    house.register("fleet")
    house.now = T0 + MINUTE
    house.read()
    house.now = T0 + 5 * MINUTE
    house.become(
        "fleet", EntityState.FAILED, state=SourceState.STALE, failing_since=T0 + 4 * MINUTE, last_error="no answer"
    )
    house.now = T0 + 8 * MINUTE
    house.register("late")
    house.now = T0 + 10 * MINUTE
    house.become("fleet", EntityState.RUNNING, state=SourceState.OK, failing_since=0)
    house.read()
    return house


def test_a_source_is_not_known_before_it_was_there(database: Database, house: House):
    by_minute = {minute: set(database.history.at(T0 + minute * MINUTE).sources) for minute in (-1, 0, 7, 8)}
    assert by_minute == {-1: set(), 0: {"fleet"}, 7: {"fleet"}, 8: {"fleet", "late"}}


def test_a_source_is_in_the_state_of_that_time(database: Database, house: House):
    states = [database.history.at(T0 + minute * MINUTE).sources["fleet"] for minute in (0, 2, 6, 11)]
    assert [source.state for source in states] == [
        SourceState.STARTING,
        SourceState.OK,
        SourceState.STALE,
        SourceState.OK,
    ]
    assert [source.last_error for source in states] == ["", "", "no answer", ""]


def test_only_a_last_success_after_which_nothing_was_read_is_told(database: Database, house: House):
    last = [database.history.at(T0 + minute * MINUTE).sources["fleet"].last_success for minute in (2, 6, 10, 12)]
    assert last == [0, 0, T0 + 10 * MINUTE, T0 + 10 * MINUTE]


def test_an_age_that_is_not_known_is_none_and_what_was_silent_then_is_stale(database: Database, house: House):
    def told(minute: int) -> tuple[int | None, bool]:
        at = T0 + minute * MINUTE
        view = database.history.at(at)
        (host,) = view.named("h1")
        return entity_age(view, host, at), entity_is_stale(view, host, at, 3)

    assert [told(minute) for minute in (2, 6, 10, 12)] == [
        (None, False),
        (None, True),
        (0, False),
        (2 * MINUTE, True),
    ]


def test_what_a_running_gateway_has_read_and_not_written_yet_is_not_stale_then(database: Database, house: House):
    for _ in range(4):
        house.now += MINUTE
        house.reconciler.apply(Observation("fleet", house.now, Whole(""), (ObservedEntity(HOST, "h1"),), ()))
    at = T0 + 12 * MINUTE

    def told() -> tuple[int | None, bool]:
        view = database.history.at(at)
        (host,) = view.named("h1")
        return entity_age(view, host, at), entity_is_stale(view, host, at, 3)

    assert told() == (2 * MINUTE, True)
    database.history.follow(house.reconciler)
    assert told() == (None, False)


def test_a_past_view_says_its_time_in_words(database: Database):
    assert database.history.at(T0).when == "at 2023-11-14T22:13:20Z"


def test_a_scope_that_did_not_answer_then_is_stale_then_and_its_alarm_outlives_a_restart(database: Database):
    def read(host: str) -> None:
        key = NativeKey(EntityKind.HYPERVISOR, host)
        entities = (ObservedEntity(key, host),)
        house.reconciler.apply(Observation("fleet", house.now, Whole(host), entities, ()))

    def stale(at: int) -> tuple[bool, ...]:
        view = database.history.at(at)
        return tuple(entity_is_stale(view, view.named(host)[0], at, 10**6) for host in ("h1", "h2"))

    house = House(database)
    house.register("fleet")
    read("h1")
    read("h2")
    house.now += MINUTE
    house.reconciler.fail(ScopeFailure("fleet", house.now, "h2", "no answer", NativeKey(EntityKind.HYPERVISOR, "h2")))
    house.now += 15 * SECOND
    (raised,) = house.reconciler.settle(house.now)
    silent_at, live = house.now, house.reconciler.snapshot
    house.reconciler.load()
    assert house.reconciler.snapshot.silent_scopes() == live.silent_scopes() != frozenset()
    house.now += MINUTE
    read("h2")
    (cleared,) = database.history.events(EventFilter(after=raised.seq))
    assert cleared.alarm_key == raised.alarm_key
    assert [stale(silent_at - 1), stale(silent_at), stale(house.now)] == [(False, False), (False, True), (False, False)]


def test_a_host_that_had_never_been_read_then_is_known_as_that_whatever_others_call_so(database: Database):
    house = House(database)
    house.register("fleet")
    for source, host in (("fleet", "h1"), ("fleet", "h2"), ("facts", "h9")):
        kind = EntityKind.HYPERVISOR if source == "fleet" else EntityKind.PHYSICAL_HOST
        entities = (ObservedEntity(NativeKey(kind, host), host),)
        house.reconciler.apply(Observation(source, house.now, Whole(host), entities, ()))
    for host in ("h2", "h9"):
        key = NativeKey(EntityKind.HYPERVISOR, host)
        house.reconciler.fail(ScopeFailure("fleet", house.now, host, "no answer", key))
    house.now += 15 * SECOND
    house.reconciler.settle(house.now)
    for view in (house.reconciler.snapshot, database.history.at(house.now)):
        assert [(source, scope.name) for source, scope in unread(view)] == [("fleet", "h9")]
