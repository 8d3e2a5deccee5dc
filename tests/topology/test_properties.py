"""Whatever is observed in whatever order: what must always hold (design: domain, Identity, Relocation, Alarms)."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, pairwise

from hypothesis import example, given, settings

from gateway.model.changes import Changes
from gateway.model.conditions import SECOND, ConditionKind, SettleTimes
from gateway.model.entities import EntityKind, EntityState
from gateway.model.events import Event, EventKind
from gateway.model.observations import Glimpse, Objects, Observation
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import SourceState
from gateway.model.snapshot import Snapshot, native_key
from gateway.topology.diff import UNSEEN
from gateway.topology.disks import disks_of
from gateway.topology.draft import Draft
from gateway.topology.revise import observe, register_source, resume, scope_failed, settle_due, update_source
from tests.topology.histories import (
    ANYTHING,
    CLUSTERS,
    MACHINES,
    MEMBERS,
    STORED,
    WEB,
    Cluster,
    Fails,
    Fleet,
    Health,
    Step,
    Stored,
    contents,
    histories,
    source_row,
)
from tests.topology.house import T0

SETTLE = SettleTimes()
LEFT_BEHIND: list[Step] = [
    (0.0, Fleet("a", (None, None), ((), ()))),
    (0.0, Fleet("b", (Phase.STABLE, None), ((), ()))),
    (70.0, Fleet("a", (Phase.STABLE, None), ((), ()))),
    (0.0, Fleet("a", ("registered", None), ((), ()), (1, 0))),
    (0.0, Fleet("b", (Phase.STABLE, None), ((), ()))),
]
"""A VM goes to b, which had it last; a registration is left behind on a that names another pool than the VM is in."""
RAISED = {EventKind.FAILURE_RAISED, EventKind.CONFLICT_RAISED, EventKind.FINDING_RAISED, EventKind.STALE_RAISED}
CLEARED = {EventKind.FAILURE_CLEARED, EventKind.CONFLICT_CLEARED, EventKind.FINDING_CLEARED, EventKind.STALE_CLEARED}
MOVES = {EventKind.RELOCATION, EventKind.ROLE_RELOCATION}


class World:
    """Plays a history step by step, keeping what a store would keep."""

    def __init__(self) -> None:
        ids = count(1)
        self.new_id = lambda: f"id-{next(ids)}"
        self.at = T0
        self.snapshot = Snapshot()
        self.stored = Stored()
        self.events: list[Event] = []
        for name in ("cluster", "fleet", "other", "facts"):
            self.take(register_source(self.snapshot, source_row(name), self.at, self.new_id))

    def play(self, history: list[Step]) -> Iterator[tuple[Snapshot, Observation | Health | Fails, list[Event]]]:
        """Yields (snapshot before, what was seen, events) for each step; due times in between are judged."""
        for pause_s, what in history:
            self.wait(pause_s)
            before, seen = self.snapshot, len(self.events)
            if isinstance(what, Health):
                self._health(what)
                yield before, what, self.events[seen:]
            elif isinstance(what, Fails):
                self.take(scope_failed(self.snapshot, what.failure(self.at), SETTLE, self.new_id))
                yield before, what, self.events[seen:]
            else:
                observation = what.observation(self.at)
                self.take(observe(self.snapshot, observation, SETTLE, self.new_id))
                yield before, observation, self.events[seen:]

    def wait(self, seconds: float) -> None:
        until = self.at + round(seconds * SECOND)
        while (due := min(self.snapshot.pending.values(), default=until + 1)) <= until:
            self.take(settle_due(self.snapshot, max(due, self.snapshot.at), SETTLE, self.new_id))
        self.at = until

    def _health(self, health: Health) -> None:
        row = self.snapshot.sources[health.name]
        state = SourceState.STALE if health.stale else SourceState.OK
        entity_state = EntityState.FAILED if health.stale else EntityState.RUNNING
        text = "no answer" if health.stale else ""
        made = update_source(self.snapshot, replace(row, state=state), entity_state, self.at, SETTLE, self.new_id, text)
        self.take(made)

    def take(self, made: tuple[Snapshot, Changes]) -> None:
        self.snapshot, changes = made
        self.stored.commit(changes)
        self.events.extend(changes.events)


@given(ANYTHING)
@settings(max_examples=80, deadline=None)
def test_after_every_step_a_restart_would_find_the_same_topology(history):
    world = World()
    for _ in world.play(history):
        loaded = world.stored.load(world.snapshot)
        assert contents(loaded) == contents(world.snapshot)
        again = resume(loaded, world.at, SETTLE, world.new_id)
        for _, placement in world.snapshot.placements.rows():
            if placement.moved_from and placement.open and not placement.left_at:
                groups = {what for what in again.pending if what.startswith("group:")}
                assert groups & set(world.snapshot.pending)


@given(ANYTHING)
@settings(max_examples=50, deadline=None)
def test_indexes_and_ids_are_kept_for_ever_and_never_used_twice(history):
    world = World()
    known: dict[str, tuple[int, str]] = {}
    for before, _, _ in world.play(history):
        for index, record in world.snapshot.records.rows():
            key = native_key(record.source, record.key)
            assert known.setdefault(key, (index, record.id)) == (index, record.id)
        assert len({number for number, _ in known.values()}) == len(known) == world.snapshot.next_index - 1
        assert world.snapshot.next_index >= before.next_index


@given(ANYTHING)
@settings(max_examples=50, deadline=None)
def test_every_record_is_shown_by_exactly_one_entity_while_it_lives(history):
    world = World()
    for _ in world.play(history):
        shown = [r for _, e in world.snapshot.entities.rows() for r in e.records]
        living = [i for i, record in world.snapshot.records.rows() if not record.gone]
        assert sorted(shown) == living
        for index, entity in world.snapshot.entities.rows():
            assert index <= min(entity.records)
            assert {world.snapshot.records.get(record).entity for record in entity.records} == {index}
        for _, placement in world.snapshot.placements.rows():
            assert world.snapshot.records.get(placement.entity).entity == placement.entity


@given(ANYTHING)
@settings(max_examples=50, deadline=None)
def test_an_alarm_is_raised_and_cleared_in_turn_with_its_key(history):
    world = World()
    for _ in world.play(history):
        pass
    world.wait(1000)
    active: set[str] = set()
    for event in world.events:
        if event.kind in RAISED:
            assert event.alarm_key not in active
            active.add(event.alarm_key)
        if event.kind in CLEARED:
            active.remove(event.alarm_key)
    assert active == {alarm.key for alarm in world.snapshot.active_alarms()}
    living = {e.index for e in world.snapshot.all_entities()}
    assert {alarm.entity for alarm in world.snapshot.active_alarms()} <= living


@given(ANYTHING)
@settings(max_examples=50, deadline=None)
def test_what_is_not_covered_is_not_lost_and_a_failing_source_ends_no_alarm(history):
    world = World()
    for before, seen, events in world.play(history):
        lost = {r.key for i, r in world.snapshot.records.rows() if r.gone and not _was_gone(before, i)}
        match seen:
            case Health() | Fails():
                assert not lost
                assert {event.kind for event in events} <= {EventKind.STALE_RAISED, EventKind.STALE_CLEARED}
            case Observation(covers=Glimpse()):
                assert not lost
                assert not {event.kind for event in events} & CLEARED
            case Observation(covers=Objects(keys=keys)):
                assert lost <= keys
            case Observation():
                told_of = {entity.key for entity in seen.entities}
                assert not lost & told_of


@given(ANYTHING)
@settings(max_examples=50, deadline=None)
def test_what_counts_as_silent_is_what_an_alarm_says_and_no_more(history):
    world = World()
    for _, seen, events in world.play(history):
        raised = {
            f"{alarm.source}\x00{alarm.detail}"
            for alarm in world.snapshot.active_alarms()
            if alarm.condition is ConditionKind.SOURCE_STALE and alarm.detail
        }
        assert world.snapshot.silent_scopes() == raised
        assert raised <= set(world.snapshot.failing)
        if isinstance(seen, Observation) and not isinstance(seen.covers, Glimpse):
            assert f"{seen.source}\x00{seen.covers.scope}" not in world.snapshot.failing
        if isinstance(seen, Fails):
            told = {event.kind for event in events}
            assert told <= {EventKind.STALE_RAISED}


def _was_gone(before: Snapshot, index: int) -> bool:
    """Gone already, or never described by any view (only named by a relation)."""
    record = before.records.get(index)
    return record is None or record.gone or record.scope == UNSEEN


# -- one cluster, and a simple oracle ----------------------------------------------------------------------------


def stable_host(observation: Observation) -> str | None:
    """The only host where the view shows web, stable and not in transition elsewhere."""
    claims = [r for r in observation.relations if r.upper == WEB and r.kind is RelationKind.RUNS_ON]
    stable = {r.lower.native for r in claims if r.phase is Phase.STABLE}
    moving = {r.lower.native for r in claims if r.phase is Phase.TRANSITIONAL}
    return next(iter(stable)) if len(stable) == 1 and moving <= stable else None


def first_known(observation: Observation) -> str | None:
    """Where a first view shows web to have been last."""
    unsure = isinstance(observation.covers, Glimpse)
    claims = [r for r in observation.relations if r.upper == WEB and r.kind is RelationKind.RUNS_ON]
    if unsure:
        return min((r.lower.native for r in claims), default=None)
    last = {r.lower.native for r in claims if r.phase is Phase.LAST_KNOWN}
    stable = {r.lower.native for r in claims if r.phase is Phase.STABLE}
    return None if len(stable) > 1 else min(last, default=None)


@given(histories(CLUSTERS))
@settings(max_examples=80, deadline=None)
def test_a_resource_relocates_once_from_each_stable_host_to_the_next(history):
    world = World()
    host: str | None = None
    expected: list[tuple[str, str]] = []
    for before, seen, _ in world.play(history):
        assert isinstance(seen, Observation)
        new = before.natives.get(native_key("cluster", WEB)) is None
        if isinstance(seen.covers, Glimpse):
            host = host or (first_known(seen) if new else None)
            continue
        now = stable_host(seen)
        if now is not None and host not in (None, now):
            expected.append((host, now))
        host = now or host or first_known(seen)
    told = [e for e in world.events if e.kind in MOVES and e.entity.native == WEB.native]
    assert [(e.old_host.native, e.new_host.native) for e in told] == expected
    assert all(event.notify for event in told)


@given(histories(CLUSTERS))
@settings(max_examples=80, deadline=None)
def test_what_is_told_of_a_groups_members_is_a_chain_that_ends_where_they_are(history):
    world = World()
    for _ in world.play(history):
        pass
    world.wait(30)
    for member in MEMBERS:
        ways = [
            (event.old_host.native, event.new_host.native)
            for event in world.events
            if event.kind in MOVES and member.native in {ref.native for ref in event.members}
        ]
        for (_, reached), (left, _) in pairwise(ways):
            assert reached == left
        assert all(left != reached for left, reached in ways)
        (entity,) = world.snapshot.named(member.native) or (None,)
        placement = world.snapshot.placement(entity) if entity is not None else None
        if ways and placement is not None and placement.open and not placement.left_at:
            assert world.snapshot.ref(placement.host).native == ways[-1][1]
    alone = [e for e in world.events if e.kind in MOVES and e.entity.native in {m.native for m in MEMBERS}]
    assert not [event for event in alone if event.notify]


@given(histories(STORED))
@example(LEFT_BEHIND)
@example([*LEFT_BEHIND, (0.0, Fleet("b", (Phase.STABLE, None), ((), ()), (1, 0)))])
@settings(max_examples=80, deadline=None)
def test_what_is_told_of_a_vms_storage_is_a_chain_that_ends_where_it_is(history):
    world = World()
    for _ in world.play(history):
        world.snapshot = resume(world.snapshot, world.at, SETTLE, world.new_id)
    world.wait(60)
    for machine in MACHINES:
        ways = [
            (event.old_host.native, event.new_host.native)
            for event in world.events
            if event.kind is EventKind.STORAGE_RELOCATION and event.entity.native == machine.native
        ]
        for (_, reached), (left, _) in pairwise(ways):
            assert reached == left
        assert all(left != reached for left, reached in ways)
        (entity,) = world.snapshot.named(machine.native) or (None,)
        placement = world.snapshot.placement(entity) if entity is not None else None
        if ways and placement is not None and placement.open and placement.certain and not placement.left_at:
            (disk,) = disks_of(Draft(world.snapshot, world.at, world.new_id), entity.index).values()
            assert world.snapshot.ref(disk.pool).native == ways[-1][1]
            assert placement.storage_from == ()


@given(histories(CLUSTERS))
@settings(max_examples=80, deadline=None)
def test_a_condition_is_told_exactly_when_it_held_for_its_settle_time(history):
    world = World()
    since: int | None = None
    for pause_s, what in history:
        assert isinstance(what, Cluster)
        told = len(world.events)
        at = world.at
        list(world.play([(pause_s, what)]))
        raised = [e for e in world.events[told:] if e.kind is EventKind.FAILURE_RAISED]
        due = since is not None and at < since + SETTLE.blocked <= world.at
        assert [e.at for e in raised] == ([since + SETTLE.blocked] if due and since is not None else [])
        if what.covers == "glimpse":
            continue
        active = since is not None and since + SETTLE.blocked <= world.at
        if what.blocked and what.web_exists:
            since = world.at if since is None else since
        elif not (active and what.blocked is False and what.web_exists):
            since = None
    assert {e.condition for e in world.events if e.kind is EventKind.FAILURE_RAISED} <= {ConditionKind.BLOCKED}
    assert all(e.entity.kind is EntityKind.HA_RESOURCE for e in world.events if e.kind in MOVES)
