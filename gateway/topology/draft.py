"""A draft: a snapshot that is being changed. Reads see the changes made so far; the base is never touched."""

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from gateway.model.changes import Changes
from gateway.model.conditions import SECOND
from gateway.model.entities import Alias, EntityKind, EntityRef, NativeKey
from gateway.model.events import Event
from gateway.model.observations import Link
from gateway.model.relations import RelationKind
from gateway.model.rows import Alarm, Claim, Entity, Placement, Record, SeenEvidence, Source
from gateway.model.shelf import Buckets, Shelf
from gateway.model.snapshot import Snapshot, Taken, native_key, scope_key, silent_scope
from gateway.model.windows import WINDOW_KEPT, Window
from gateway.topology.ages import STALE_INTERVALS
from gateway.topology.assemble import alias_key, claim_order, merge_entity, scopes_of
from gateway.topology.traits import with_traits

Row = TypeVar("Row")
KEEP_ROOTS = 120 * SECOND
"""How long after a failure of a host what leaves it is told as its consequence."""
CORRELATION = "correlation"
"""The source of claims that we derive from agreeing keys."""
GATEWAY = "gateway"
"""The source of what the gateway knows of itself: one `manager` record for each of its sources."""


class Draft:
    """
    One revision in the making.

    `at`: microseconds UTC, the time of what is being judged. `new_id`: makes entity and event ids (UUIDv7).
    `read_at`: when the view that is taken in was read, which may be before the revision that it comes after.
    """

    def __init__(
        self,
        base: Snapshot,
        at: int,
        new_id: Callable[[], str],
        stale_intervals: int = STALE_INTERVALS,
        read_at: int | None = None,
    ) -> None:
        self.base = base
        self.at = at
        self._read_at = at if read_at is None else read_at
        self.new_id = new_id
        self._stale_intervals = stale_intervals
        self.next_index = base.next_index
        self.next_alarm = base.next_alarm
        self.events: list[Event] = []
        self.amended: list[Event] = []
        self.touched: set[int] = set()
        """Entities whose placement must be judged again."""
        self.restored: set[int] = set()
        """Entities that have other storage below them, or may have."""
        self.rekeyed: set[int] = set()
        """Records whose keys changed: they must be correlated again."""
        self.sharing: dict[Alias, frozenset[int]] = {}
        """Records by the key that they share, as far as it was asked for since keys changed last."""
        self.lost: set[int] = set()
        """Records that are gone now."""
        self.regrouped: set[tuple[int, int]] = set()
        """(old, new) entities of records that were merged or taken apart."""
        self._records: dict[int, Record] = {}
        self._claims: dict[int, tuple[Claim, ...]] = {}
        self._dependents: dict[int, list[int]] = {}
        self._placements: dict[int, Placement | None] = {}
        self._alarms: dict[int, Alarm | None] = {}
        self._alarm_keys: dict[str, int | None] = {}
        self._entity_alarms: dict[int, set[int]] = {}
        self._natives: dict[str, int] = {}
        self._ids: dict[str, int] = {}
        self._names: dict[str, dict[int, None]] = {}
        self._aliases: dict[str, dict[int, None]] = {}
        self._scopes: dict[str, set[int]] = {}
        self._groups: dict[int, set[int]] = {}
        self._freshness: dict[str, int] = {}
        self._heard: set[str] = set()
        self._failing: dict[str, int | None] = {}
        self._taken: dict[str, Taken | None] = {}
        self._sources: dict[str, Source] = {}
        self.doubts = base.doubts
        """Hypervisors that may be lost: a mapping to be replaced, not changed."""
        self.lost_pools = base.lost_pools
        """Likewise."""
        self._windows: dict[int, Window] = {}
        self._links: dict[str, tuple[Link, ...]] = {}
        self._links_by_end: dict[str, list[Link]] | None = None
        self._pending: dict[str, int | None] = {}
        self._evidence: dict[str, Mapping[str, SeenEvidence]] = {}
        self._recent: tuple[Event, ...] | None = None
        self._roots: Mapping[int, tuple[str, int]] = base.roots

    # -- records and entities ----------------------------------------------------------------------------------

    def record(self, index: int) -> Record:
        """The record with this index, which must exist."""
        row = self._records.get(index) or self.base.records.get(index)
        if row is None:
            raise KeyError(index)
        return row

    def find(self, source: str, key: NativeKey) -> Record | None:
        """The record of a source's native key, gone or not."""
        name = native_key(source, key)
        index = self._natives.get(name) or self.base.natives.get(name)
        return self.record(index) if index else None

    def add_record(self, record: Record) -> Record:
        """A new record: it gets the next index, and is its own entity."""
        row = replace(record, index=self.next_index, id=self.new_id(), entity=self.next_index)
        self.next_index += 1
        self._natives[native_key(row.source, row.key)] = row.index
        self._ids[row.id] = row.index
        self._groups[row.entity] = {row.index}
        self._put_record(None, row)
        return row

    def put_record(self, record: Record) -> None:
        """Change a record. Its name, keys and scope are indexed anew where they changed."""
        self._put_record(self.record(record.index), record)

    def group_of(self, entity: int) -> set[int]:
        """Indexes of all records (gone ones too) that the entity shows; a set of the draft's own."""
        found = self._groups.get(entity)
        if found is None:
            row = self.base.entities.get(entity)
            found = set(row.records) if row is not None else set()
            oldest = self._records.get(entity) or self.base.records.get(entity)
            if oldest is not None and oldest.entity == entity:
                found.add(entity)
            self._groups[entity] = found
        return found

    def show_as(self, record: Record, entity: int) -> Record:
        """Let a record be shown by another entity (merge) or by itself again (un-merge)."""
        self.group_of(record.entity).discard(record.index)
        self.group_of(entity).add(record.index)
        self.regrouped.add((record.entity, entity))
        moved = replace(self.record(record.index), entity=entity)
        self._records[record.index] = moved
        return moved

    def entity(self, index: int) -> Entity | None:
        """The merged entity with this index; None when all its records are gone."""
        group = self._groups.get(index)
        if group is None and not any(i in self._records for i in self._members(index)):
            return self.base.entities.get(index)
        return merge_entity([self.record(i) for i in sorted(group if group is not None else self.group_of(index))])

    def entity_of(self, record: int) -> int:
        """Index of the entity that shows a record."""
        row = self.record(record)
        return row.entity or row.index

    def ref(self, entity: int) -> EntityRef:
        """The entity as an event names it; also one that is gone."""
        oldest = self.record(entity)
        shown = self.entity(entity)
        first = self.record(shown.records[0]) if shown is not None else oldest
        name = shown.name if shown is not None else oldest.name
        return EntityRef(oldest.index, oldest.id, oldest.key.kind, name, first.source, first.key.native)

    def with_alias(self, alias: Alias) -> tuple[int, ...]:
        """Records, not gone, that have this key."""
        key = alias_key(alias)
        own = self._aliases.get(key)
        return tuple(own) if own is not None else self.base.aliases.get(key) or ()

    # -- scopes ------------------------------------------------------------------------------------------------

    def scope(self, source: str, scope: str) -> frozenset[int] | set[int]:
        """Records that the scope said it sees."""
        key = scope_key(source, scope)
        own = self._scopes.get(key)
        return own if own is not None else self.base.scopes.get(key) or frozenset()

    def freshness(self, source: str, scope: str) -> int:
        """When the scope was last read before this draft; 0: never."""
        return self.base.freshness.get(scope_key(source, scope)) or 0

    def heard_at(self, source: str, scope: str) -> int:
        """When the scope was last heard of: now, when this draft takes in what it says."""
        key = scope_key(source, scope)
        return self.at if key in self._heard else self.base.freshness.get(key) or 0

    def is_silent(self, source: str, scope: str) -> bool:
        """
        True when an alarm says that the scope does not answer, or it has missed as many intervals as `[settle]
        stale_intervals` says (3: design, domain). While the gateway was away nobody was silent.
        """
        if scope_key(source, scope) in self._heard:
            return False
        if (alarm := self.failing(source, scope)) is not None and alarm.raised:
            return True
        row = self.source(source)
        if row is None or row.interval_us == 0:
            return False
        heard_at = max(self.heard_at(source, scope), self.base.resumed_at)
        return self.at - heard_at > self._stale_intervals * row.interval_us

    def failing(self, source: str, scope: str) -> Alarm | None:
        """The settling or raised alarm of a scope that cannot be read; None: nothing says that it cannot."""
        key = scope_key(source, scope)
        index = self._failing[key] if key in self._failing else self.base.failing.get(key)
        return self.alarm(index) if index else None

    def all_failing(self) -> list[Alarm]:
        """The alarms of all scopes that cannot be read, by scope."""
        indexes = {**self.base.failing, **self._failing}
        found = (self.alarm(index) for _, index in sorted(indexes.items()) if index)
        return [alarm for alarm in found if alarm is not None]

    def hear(self, source: str, scope: str) -> None:
        """The scope says something now."""
        self._heard.add(scope_key(source, scope))

    def refresh(self, source: str, scope: str) -> None:
        """The scope was read, completely."""
        self._freshness[scope_key(source, scope)] = max(self._read_at, self.freshness(source, scope))

    def taken(self, source: str, scope: str) -> Taken | None:
        """The last whole view of the scope before this draft, when that changed nothing."""
        return self.base.taken.get(scope_key(source, scope))

    def take(self, source: str, scope: str, view: Taken | None) -> None:
        """This whole view of the scope changed nothing; None: it did."""
        key = scope_key(source, scope)
        if view is not None or key in self.base.taken:
            self._taken[key] = view

    @property
    def changes_rows(self) -> bool:
        """A record or a claim is another one than in the base."""
        return bool(self._records or self._claims)

    # -- claims ------------------------------------------------------------------------------------------------

    def claims(self, upper: int) -> tuple[Claim, ...]:
        """What a record depends on."""
        own = self._claims.get(upper)
        return own if own is not None else self.base.claims.get(upper) or ()

    def entity_claims(self, entity: int, kind: RelationKind) -> Iterator[Claim]:
        """Claims of this kind of all records of an entity."""
        for record in sorted(self._members(entity)):
            for claim in self.claims(record):
                if claim.kind is kind:
                    yield claim

    def put_claims(self, upper: int, claims: Iterable[Claim]) -> None:
        """Replace all claims of a record."""
        before = self.claims(upper)
        after = tuple(sorted(claims, key=claim_order))
        if before == after:
            return
        self._claims[upper] = after
        record = self.record(upper)
        self._rescope(upper, scopes_of(record, before), scopes_of(record, after))
        old = {claim.lower for claim in before}
        new = {claim.lower for claim in after}
        for lower in new - old:
            insort(self._own_dependents(lower), upper)
        for lower in old - new:
            self._own_dependents(lower).remove(upper)

    def uppers(self, lower: int) -> tuple[int, ...]:
        """Records that claim to depend on a record."""
        own = self._dependents.get(lower)
        return tuple(own) if own is not None else self.base.dependents.get(lower) or ()

    def entities_on(self, entity: int, kind: RelationKind) -> list[int]:
        """Entities with a claim of this kind on the entity, by index."""
        found: set[int] = set()
        for record in self._members(entity):
            for upper in self.uppers(record):
                if any(claim.kind is kind and claim.lower == record for claim in self.claims(upper)):
                    found.add(self.entity_of(upper))
        return sorted(found)

    def entities_under(self, entity: int, kind: RelationKind) -> list[int]:
        """Entities that the entity has a claim of this kind on, by index."""
        return sorted({self.entity_of(claim.lower) for claim in self.entity_claims(entity, kind)})

    # -- placements --------------------------------------------------------------------------------------------

    def placement(self, entity: int) -> Placement | None:
        if entity in self._placements:
            return self._placements[entity]
        return self.base.placements.get(entity)

    def put_placement(self, placement: Placement) -> None:
        if placement != self.placement(placement.entity):
            self._placements[placement.entity] = placement

    def drop_placement(self, entity: int) -> None:
        """Forget the judgement of an entity that is shown by another now."""
        if self.placement(entity) is not None:
            self._placements[entity] = None

    # -- alarms ------------------------------------------------------------------------------------------------

    def alarm(self, index: int) -> Alarm | None:
        if index in self._alarms:
            return self._alarms[index]
        return self.base.alarms.get(index)

    def all_alarms(self) -> list[Alarm]:
        """All settling and raised alarms, by index."""
        found = (self.alarm(index) for index in sorted({*self.base.alarms, *self._alarms}))
        return [alarm for alarm in found if alarm is not None]

    def raised_alarms(self) -> list[Alarm]:
        """All raised alarms, by index."""
        return [alarm for alarm in self.all_alarms() if alarm.raised]

    def ended_alarms(self) -> list[Alarm]:
        """Alarms of the base that have ended since."""
        found = (self.base.alarms.get(index) for index, row in self._alarms.items() if row is None)
        return [alarm for alarm in found if alarm is not None]

    def alarm_with(self, key: str) -> Alarm | None:
        """The settling or raised alarm with this key."""
        index = self._alarm_keys[key] if key in self._alarm_keys else self.base.alarm_keys.get(key)
        return self.alarm(index) if index else None

    def alarms_of(self, entity: int) -> list[Alarm]:
        """Settling and raised alarms of an entity, by index."""
        own = self._entity_alarms.get(entity)
        indexes = sorted(own) if own is not None else self.base.entity_alarms.get(entity) or ()
        found = (self.alarm(index) for index in indexes)
        return [alarm for alarm in found if alarm is not None]

    def add_alarm(self, alarm: Alarm) -> Alarm:
        """A new alarm: it gets the next alarm index."""
        row = replace(alarm, index=self.next_alarm)
        self.next_alarm += 1
        self.put_alarm(row)
        return row

    def put_alarm(self, alarm: Alarm) -> None:
        self._alarms[alarm.index] = alarm
        self._alarm_keys[alarm.key] = alarm.index
        self._own_alarms(alarm.entity).add(alarm.index)
        if key := silent_scope(alarm):
            self._failing[key] = alarm.index
        self.judge_at(f"alarm:{alarm.index}", None if alarm.raised else alarm.due)

    def end_alarm(self, alarm: Alarm) -> None:
        self._alarms[alarm.index] = None
        self._alarm_keys[alarm.key] = None
        self._own_alarms(alarm.entity).discard(alarm.index)
        if key := silent_scope(alarm):
            self._failing[key] = None
        self.judge_at(f"alarm:{alarm.index}", None)

    # -- planned windows ---------------------------------------------------------------------------------------

    def window(self, index: int) -> Window | None:
        """The window with this index, when it has not ended."""
        found = self._windows.get(index) or self.base.windows.get(index)
        return found if found is not None and not found.ended_at else None

    def active_windows(self) -> list[Window]:
        """Those that have begun and not ended, by index."""
        rows = {**dict(self.base.windows.rows()), **self._windows}
        return [rows[index] for index in sorted(rows) if rows[index].begun_at and not rows[index].ended_at]

    def windows_at(self, moment: int) -> list[Window]:
        """Those that went on at a moment of the last day, ended since or not, by index."""
        ended = {window.index: window for window in self.base.ended_windows}
        rows = {**dict(self.base.windows.rows()), **ended, **self._windows}
        return [rows[index] for index in sorted(rows) if rows[index].went_on_at(moment)]

    def put_window(self, window: Window) -> None:
        """A new window (with `next_window` as its index), or one that has changed."""
        self._windows[window.index] = window
        self.judge_at(f"window:{window.index}", None if window.ended_at else window.due)

    @property
    def next_window(self) -> int:
        return max(self.base.next_window, *(index + 1 for index in (0, *self._windows)))

    # -- what must be judged later -----------------------------------------------------------------------------

    def judge_at(self, what: str, due: int | None) -> None:
        """Judge something of `Snapshot.pending` at a time (microseconds UTC); None: no more."""
        self._pending[what] = due

    def due(self, what: str) -> int | None:
        return self._pending[what] if what in self._pending else self.base.pending.get(what)

    def all_due(self) -> list[str]:
        """What is due now, earliest first."""
        pending = {**self.base.pending, **self._pending}
        ready = [(due, what) for what, due in pending.items() if due is not None and due <= self.at]
        return [what for _, what in sorted(ready)]

    # -- sources, links, evidence ------------------------------------------------------------------------------

    def source(self, name: str) -> Source | None:
        return self._sources.get(name) or self.base.sources.get(name)

    def put_source(self, source: Source) -> None:
        if self.source(source.name) != source:
            self._sources[source.name] = source

    def links(self) -> list[Link]:
        """Everything that is declared to be the same or apart."""
        return [link for links in {**self.base.links, **self._links}.values() for link in links]

    def links_naming(self, record: Record) -> Sequence[Link]:
        """Those of them that name a record."""
        if not self.base.links and not self._links:
            return ()
        if self._links_by_end is None:
            self._links_by_end = {}
            for link in self.links():
                for end in {link.left, link.right}:
                    self._links_by_end.setdefault(end, []).append(link)
        return self._links_by_end.get(f"{record.source}/{record.key.kind}/{record.key.native}", ())

    def put_links(self, source: str, links: tuple[Link, ...]) -> bool:
        """Replace what a source declares; True when that is a change."""
        if self.base.links.get(source, ()) == links:
            return False
        self._links[source] = links
        self._links_by_end = None
        return True

    def evidence(self, source: str) -> Mapping[str, SeenEvidence]:
        own = self._evidence.get(source)
        return own if own is not None else self.base.evidence.get(source) or {}

    def put_evidence(self, source: str, seen: Mapping[str, SeenEvidence]) -> None:
        self._evidence[source] = seen

    @property
    def recent(self) -> tuple[Event, ...]:
        return self.base.recent if self._recent is None else self._recent

    @recent.setter
    def recent(self, events: tuple[Event, ...]) -> None:
        self._recent = events

    def remember_root(self, entity: int, event_id: str) -> None:
        """A failure of the entity just ended; what moves away from it soon still follows from it."""
        kept = {e: root for e, root in self._roots.items() if root[1] >= self.at - KEEP_ROOTS}
        self._roots = {**kept, entity: (event_id, self.at)}

    def root_of(self, entity: int) -> str:
        """Event id of the failure of the entity that ended lately; empty: there was none."""
        event_id, ended_at = self._roots.get(entity, ("", 0))
        return event_id if ended_at >= self.at - KEEP_ROOTS else ""

    # -- the end -----------------------------------------------------------------------------------------------

    def finish(self) -> tuple[Snapshot, Changes]:
        """The next snapshot, and what the store must commit before anybody may see it."""
        changes = self._changes()
        snapshot = self._snapshot(self.base.revision if changes.empty else changes.revision)
        return snapshot, replace(changes, events=with_traits(changes.events, snapshot))

    def _changes(self) -> Changes:
        records = {i: (self.base.records.get(i), row) for i, row in self._records.items()}
        placements = _pairs(self.base.placements, self._placements)
        alarms = _pairs(self.base.alarms, self._alarms)
        return Changes(
            revision=self.base.revision + 1,
            at=self.at,
            next_index=self.next_index,
            next_alarm=self.next_alarm,
            records={i: pair for i, pair in records.items() if pair[0] != pair[1]},
            claims=tuple(pair for upper in self._claims for pair in self._claim_pairs(upper)),
            placements=placements,
            alarms=alarms,
            sources={name: row for name, row in self._sources.items() if self.base.sources.get(name) != row},
            freshness=self._freshness,
            links=self._links,
            windows=self._windows,
            events=tuple(self.events),
            amended=tuple(self.amended),
        )

    def _claim_pairs(self, upper: int) -> Iterator[tuple[Claim | None, Claim | None]]:
        def identity(claim: Claim) -> tuple[str, str, str, int, str]:
            return (claim.source, claim.scope, claim.kind.value, claim.lower, claim.role)

        before = {identity(claim): claim for claim in self.base.claims.get(upper) or ()}
        after = {identity(claim): claim for claim in self._claims[upper]}
        for key, claim in before.items():
            if after.get(key) != claim:
                yield claim, after.get(key)
        for key, claim in after.items():
            if key not in before:
                yield None, claim

    def _snapshot(self, revision: int) -> Snapshot:
        base = self.base
        entities = {self.entity_of(i) for i in self._records} | set(self._groups)
        return Snapshot(
            revision=revision,
            at=self.at,
            next_index=self.next_index,
            next_alarm=self.next_alarm,
            records=base.records.evolve(self._records),
            entities=_evolve(base.entities, {i: self.entity(i) for i in entities}),
            claims=base.claims.evolve({upper: claims or None for upper, claims in self._claims.items()}),
            dependents=base.dependents.evolve(
                {lower: tuple(uppers) or None for lower, uppers in self._dependents.items()}
            ),
            placements=base.placements.evolve(self._placements),
            alarms=base.alarms.evolve(self._alarms),
            alarm_keys=base.alarm_keys.evolve(self._alarm_keys),
            natives=base.natives.evolve(self._natives),
            names=base.names.evolve({name: tuple(sorted(rows)) or None for name, rows in self._names.items()}),
            ids=base.ids.evolve(self._ids),
            aliases=base.aliases.evolve({key: tuple(sorted(rows)) or None for key, rows in self._aliases.items()}),
            scopes=base.scopes.evolve({key: frozenset(rows) or None for key, rows in self._scopes.items()}),
            freshness=base.freshness.evolve(self._freshness),
            entity_alarms=base.entity_alarms.evolve(_tuples(self._entity_alarms)),
            sources={**base.sources, **self._sources} if self._sources else base.sources,
            pending=_without_none(base.pending, self._pending),
            doubts=self.doubts,
            lost_pools=self.lost_pools,
            failing=_without_none(base.failing, self._failing),
            taken=base.taken.evolve(self._taken),
            resumed_at=base.resumed_at,
            windows=base.windows.evolve({i: None if w.ended_at else w for i, w in self._windows.items()}),
            ended_windows=self._ended_windows(),
            next_window=self.next_window,
            links={**base.links, **self._links} if self._links else base.links,
            recent=self.recent,
            roots=self._roots,
            evidence={**base.evidence, **self._evidence} if self._evidence else base.evidence,
        )

    def _ended_windows(self) -> tuple[Window, ...]:
        ended = [window for window in self._windows.values() if window.ended_at and window.begun_at]
        if not ended and not self.base.ended_windows:
            return ()
        rows = {window.index: window for window in (*self.base.ended_windows, *ended)}
        return tuple(rows[index] for index in sorted(rows) if rows[index].ended_at > self.at - WINDOW_KEPT)

    # -- indexes -----------------------------------------------------------------------------------------------

    def _put_record(self, before: Record | None, record: Record) -> None:
        if before == record:
            return
        self._records[record.index] = record
        claims = self.claims(record.index)
        self._rescope(record.index, scopes_of(before, claims) if before else frozenset(), scopes_of(record, claims))
        if before is not None and before.gone != record.gone:
            self.group_of(record.entity).add(record.index)
        shown = before if before is not None and not before.gone else None
        now = None if record.gone else record
        _reindex(self._names, self.base.names, record.index, _name(shown), _name(now))
        old_keys, new_keys = _keys(shown), _keys(now)
        appears = before is None or before.gone != record.gone
        if old_keys != new_keys or (appears and self.links_naming(record)):
            self.rekeyed.add(record.index)
        if old_keys != new_keys:
            self.sharing.clear()
            _reindex(self._aliases, self.base.aliases, record.index, old_keys, new_keys)

    def _members(self, entity: int) -> Iterable[int]:
        own = self._groups.get(entity)
        if own is not None:
            return own
        row = self.base.entities.get(entity)
        return row.records if row is not None else (entity,)

    def _rescope(self, record: int, old: frozenset[str], new: frozenset[str]) -> None:
        for key in old ^ new:
            own = self._scopes.get(key)
            if own is None:
                own = self._scopes[key] = set(self.base.scopes.get(key) or ())
            own.add(record) if key in new else own.discard(record)

    def _own_dependents(self, lower: int) -> list[int]:
        """In order: thousands may depend on one pool, and one of them comes or goes."""
        own = self._dependents.get(lower)
        if own is None:
            own = self._dependents[lower] = list(self.base.dependents.get(lower) or ())
        return own

    def _own_alarms(self, entity: int) -> set[int]:
        own = self._entity_alarms.get(entity)
        if own is None:
            own = self._entity_alarms[entity] = set(self.base.entity_alarms.get(entity) or ())
        return own


def _name(record: Record | None) -> frozenset[str]:
    return frozenset({record.name.lower()}) if record is not None else frozenset()


def _keys(record: Record | None) -> frozenset[str]:
    return frozenset(alias_key(alias) for alias in record.aliases) if record is not None else frozenset()


def _reindex(
    own: dict[str, dict[int, None]],
    base: Buckets[tuple[int, ...]],
    index: int,
    old: frozenset[str],
    new: frozenset[str],
) -> None:
    for key in old ^ new:
        rows = own.get(key)
        if rows is None:
            rows = own[key] = dict.fromkeys(base.get(key) or ())
        if key in new:
            rows[index] = None
        else:
            rows.pop(index, None)


def _pairs(base: Shelf[Row], own: Mapping[int, Row | None]) -> dict[int, tuple[Row | None, Row | None]]:
    pairs: dict[int, tuple[Row | None, Row | None]] = {i: (base.get(i), row) for i, row in own.items()}
    return {index: pair for index, pair in pairs.items() if pair[0] != pair[1]}


def _evolve(base: Shelf[Entity], rows: Mapping[int, Entity | None]) -> Shelf[Entity]:
    return base.evolve({index: row for index, row in rows.items() if base.get(index) != row})


def _tuples(rows: Mapping[int, set[int]]) -> dict[int, tuple[int, ...] | None]:
    return {index: tuple(sorted(members)) or None for index, members in rows.items()}


def _without_none(base: Mapping[str, int], own: Mapping[str, int | None]) -> Mapping[str, int]:
    if not own:
        return base
    return {what: due for what, due in {**base, **own}.items() if due is not None}


def kind_of(draft: Draft, entity: int) -> EntityKind:
    """The kind of an entity, gone or not."""
    return draft.record(entity).key.kind
