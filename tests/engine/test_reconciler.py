"""The reconciler: one revision after the other, whatever the store and the listeners do."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.engine.reconciler import FRESHNESS_EVERY, Reconciler
from gateway.model.conditions import SECOND, ConditionKind, SettleTimes
from gateway.model.entities import EntityState
from gateway.model.errors import StoreUnavailable
from gateway.model.events import Cause, Event
from gateway.model.observations import Evidence, EvidenceKind, Observation, ObservedCondition, Whole
from gateway.support.clock import FakeClock, SystemClock
from tests.engine.store import MemoryStore
from tests.topology.histories import CLUSTERS, histories, source_row
from tests.topology.house import T0, entity, node, on, resource

A, B, WEB = node("alpha"), node("beta"), resource("web")
BLOCKED = ObservedCondition(ConditionKind.BLOCKED, WEB)


def view(at: int, host: object = A, *conditions: ObservedCondition) -> Observation:
    entities = (entity(A, ""), entity(B, ""), entity(WEB))
    return Observation("lab", at, Whole(), entities, (on(WEB, host),), conditions, (), frozenset(ConditionKind))


def house(store: MemoryStore | None = None) -> tuple[Reconciler, MemoryStore, FakeClock]:
    store, clock = store or MemoryStore(), FakeClock(T0)
    return Reconciler(store, SettleTimes(), clock.now), store, clock


def told(events: tuple[Event, ...] | list[Event]) -> list[tuple[str, str, str | None, int]]:
    return [
        (e.kind.value, e.entity.native, e.new_host.native if e.new_host else None, e.at) for e in events if e.notify
    ]


def test_a_revision_that_the_store_refuses_has_not_happened_and_is_told_once_when_it_is_taken():
    reconciler, store, _ = house()
    reconciler.apply(view(T0))
    before = reconciler.snapshot
    store.refuse = 2
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            reconciler.apply(view(T0 + SECOND, B))
        assert reconciler.snapshot is before
    events = reconciler.apply(view(T0 + 2 * SECOND, B))
    assert told(events) == [("relocation", "web", "beta", T0 + SECOND)]
    assert reconciler.apply(view(T0 + 3 * SECOND, B)) == ()
    assert told(store.log) == told(events)


def test_a_commit_whose_answer_was_lost_is_found_out_and_nothing_is_told_twice():
    reconciler, store, _ = house()
    reconciler.apply(view(T0))
    store.lose_answers = 1
    with pytest.raises(StoreUnavailable):
        reconciler.apply(view(T0 + SECOND, B))
    events = reconciler.apply(view(T0 + 2 * SECOND, A))
    assert [e[2] for e in told(events)] == ["beta", "alpha"]
    assert told(store.log) == told(events)


@given(histories(CLUSTERS), st.lists(st.booleans(), max_size=30), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_store_that_refuses_now_and_then_changes_nothing_of_what_is_told(history, refusals, answers_lost):
    def play(store: MemoryStore, hinder: Callable[[], None]) -> list[tuple[str, str, str | None, int]]:
        reconciler, _, clock = house(store)
        for pause_s, cluster in history:
            clock.advance(pause_s)
            hinder()
            for work in (
                lambda: reconciler.settle(clock.now()),
                lambda c=cluster: reconciler.apply(c.observation(clock.now())),
            ):
                while True:
                    try:
                        work()
                        break
                    except StoreUnavailable:
                        continue
        return told(store.log)

    troubled, refused = MemoryStore(), iter(refusals)

    def hinder() -> None:
        if next(refused, False):
            setattr(troubled, "lose_answers" if answers_lost else "refuse", 1)

    assert play(troubled, hinder) == play(MemoryStore(), lambda: None)


def test_after_a_restart_what_was_settling_goes_on_settling():
    reconciler, store, clock = house()
    reconciler.apply(view(T0, A, BLOCKED))
    clock.advance(4)
    again, _, _ = house(store)
    again.load()
    assert again.next_due() == T0 + 10 * SECOND
    (event,) = again.settle(T0 + 10 * SECOND)
    assert event.alarm_key == f"blocked:{again.snapshot.named('web')[0].id}"


def test_freshness_waits_for_a_transaction_but_not_for_ever():
    reconciler, store, clock = house()
    reconciler.apply(view(T0))
    reconciler.apply(view(T0 + 20 * SECOND))
    assert len(store.commits) == 1
    store.refuse = 1
    late = T0 + FRESHNESS_EVERY + SECOND
    clock.set(late)
    with pytest.raises(StoreUnavailable):
        reconciler.apply(view(late))
    reconciler.apply(view(late + SECOND))
    assert store.rows.freshness == {"lab\x00": late}
    assert store.commits[-1].revision == reconciler.snapshot.revision == 2


def test_a_listener_that_fails_keeps_nobody_from_the_revision(caplog):
    reconciler, _, _ = house()
    heard: list[int] = []

    def fails(*_: object) -> None:
        raise ValueError("a bug in a listener")

    reconciler.listen(fails)
    reconciler.listen(lambda snapshot, _: heard.append(snapshot.revision))
    reconciler.apply(view(T0))
    reconciler.apply(view(T0 + SECOND, B))
    assert heard == [1, 2]
    assert "a listener failed at revision 2" in caplog.text


def test_a_cause_that_is_known_better_later_is_logged_beside_the_one_that_was(caplog):
    reconciler, store, _ = house()
    with caplog.at_level(logging.INFO):
        reconciler.apply(view(T0))
        reconciler.apply(view(T0 + SECOND, B))
        lost = Evidence(EvidenceKind.HOST_LOST, "alpha", text="node alpha is unclean")
        for later in (2, 3):
            reconciler.apply(replace(view(T0 + later * SECOND, B), evidence=(lost,)))
    (better,) = (event for changes in store.commits for event in changes.amended)
    assert better.cause is Cause.FAILOVER
    assert [record.getMessage() for record in caplog.records] == [
        "revision 2: relocation of ha_resource web from alpha to beta (balancing)",
        "revision 3: the cause of the relocation of ha_resource web from alpha to beta was not balancing: failover "
        "(node alpha is unclean)",
    ]


def test_what_is_submitted_is_taken_in_that_order_and_due_alarms_are_raised_in_time():
    async def scenario() -> list[tuple[str, str, str | None, int]]:
        store, clock = MemoryStore(), SystemClock()
        settle = SettleTimes(blocked=SECOND // 5)
        reconciler = Reconciler(store, settle, clock.now)
        running = asyncio.create_task(reconciler.run())
        now = clock.now()
        await asyncio.gather(*(reconciler.submit(view(now, (A, B)[n % 2], BLOCKED)) for n in range(10)))
        await asyncio.sleep(0.6)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await reconciler.close()
        assert len(asyncio.all_tasks()) == 1
        return told(store.log)

    log = asyncio.run(scenario())
    assert [entry[2] for entry in log[:9]] == ["beta", "alpha"] * 4 + ["beta"]
    assert [entry[0] for entry in log[9:]] == ["failure_raised"]


def test_the_loop_outlives_a_store_that_refuses_and_logs_it_once(caplog, monkeypatch):
    monkeypatch.setattr("gateway.engine.reconciler.RETRY_S", 0.05)

    async def scenario() -> list[tuple[str, str, str | None, int]]:
        store, clock = MemoryStore(), SystemClock()
        reconciler = Reconciler(store, SettleTimes(blocked=SECOND // 10), clock.now)
        running = asyncio.create_task(reconciler.run())
        await reconciler.submit(view(clock.now(), A, BLOCKED))
        store.refuse = 3
        await asyncio.sleep(0.6)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await reconciler.close()
        return told(store.log)

    with caplog.at_level(logging.ERROR):
        assert [entry[0] for entry in asyncio.run(scenario())] == ["failure_raised"]
    assert caplog.text.count("settle times cannot be judged") == 1


def test_many_alarms_that_are_due_at_once_are_raised_in_one_revision():
    reconciler, store, _ = house()
    names = [resource(f"r{number}") for number in range(2000)]
    conditions = tuple(ObservedCondition(ConditionKind.BLOCKED, name) for name in names)
    reconciler.apply(Observation("lab", T0, Whole(), tuple(map(entity, names)), (), conditions))
    due = reconciler.next_due()
    assert due == T0 + 10 * SECOND
    assert len(reconciler.settle(due)) == 2000
    assert len(store.commits) == 2
    assert reconciler.next_due() is None


def test_it_ends_when_it_is_cancelled_also_in_the_moment_of_a_revision():
    async def scenario() -> None:
        reconciler, _, clock = house()
        running = asyncio.create_task(reconciler.run())
        reconciler.apply(view(clock.now()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reconciler.update(reconciler.register(source_row("lab")), EntityState.RUNNING)
        await asyncio.sleep(0)
        running.cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(running, return_exceptions=True)
        await reconciler.close()

    asyncio.run(scenario())


def test_new_settle_times_count_for_what_begins_to_settle_from_then_on():
    reconciler, _, clock = house()
    reconciler.use_settle(SettleTimes(blocked=60 * SECOND))
    reconciler.apply(view(T0, A, BLOCKED))
    clock.advance(30)
    assert told(reconciler.settle(clock.now())) == []
    assert reconciler.next_due() == T0 + 60 * SECOND
